"""The flights, against what is known about them from elsewhere."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from scipy.stats import chi2_contingency, ks_2samp

from playground.flights import TRAINING_ROWS, WINTER, flights, kilometres, training, unseen


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> pa.Table:
    return flights(tmp_path_factory.mktemp("flights"))


def test_all_flights_that_arrived_are_there(table: pa.Table) -> None:
    # The R package documents 336,776 rows, of which 9,430 have no arr_delay.
    assert table.num_rows == 336_776 - 9_430
    assert sum(column.null_count for column in table.columns) == 0


def test_kennedy_to_los_angeles_is_2475_miles_in_about_five_hours_and_a_half(table: pa.Table) -> None:
    route = table.filter(pc.and_(pc.equal(table["origin"], "JFK"), pc.equal(table["dest"], "LAX")))
    assert set(route["distance"].to_pylist()) == {2475.0}
    assert np.median(route["air_time"].to_numpy()) == pytest.approx(330, abs=15)


def test_traffic_never_repeats_what_version_1_was_trained_on(table: pa.Table) -> None:
    winter = pc.sum(pc.is_in(table["month"], value_set=pa.array(WINTER, pa.int64()))).as_py()
    assert training(table).num_rows == TRAINING_ROWS
    assert unseen(table, WINTER).num_rows == winter - TRAINING_ROWS
    assert not any(unseen(table, WINTER)["in_training"].to_pylist())
    assert set(training(table)["month"].to_pylist()) == set(WINTER)
    assert set(unseen(table, [6, 7])["month"].to_pylist()) == {6, 7}


def test_unseen_winter_flights_are_no_drift(table: pa.Table) -> None:
    trained, unseen_winter = training(table), unseen(table, WINTER)
    for column in ("hour", "dep_delay", "distance", "air_time"):
        assert ks_2samp(trained[column].to_numpy(), unseen_winter[column].to_numpy()).pvalue > 0.001
    for column in ("carrier", "origin", "late"):
        assert chi2_contingency(_contingency(trained[column], unseen_winter[column])).pvalue > 0.001


def _contingency(first: pa.ChunkedArray, second: pa.ChunkedArray) -> list[list[int]]:
    values = sorted(set(first.to_pylist()) & set(second.to_pylist()))
    return [[pc.sum(pc.equal(column, value)).as_py() or 0 for value in values] for column in (first, second)]


def test_kilometres_change_the_distance_and_nothing_else(table: pa.Table) -> None:
    some = table.slice(0, 100)
    changed = kilometres(some)
    # A mile is 1,609.344 metres.
    assert np.allclose(changed["distance"].to_numpy(), some["distance"].to_numpy() * 1.609344)
    assert changed.drop_columns(["distance"]).equals(some.drop_columns(["distance"]))
    assert changed.schema.equals(some.schema)
