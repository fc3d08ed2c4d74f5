"""What a label table must have, and which KPI its engine computes."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from deltalake import write_deltalake

from daemon.adapters.delta import DeltaLabels
from daemon.config.labels import Kpi, Labels
from daemon.ports import PlatformError
from tests.adapters.delta.tables import write_labels
from tests.fakes import LabelRow

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ROWS = [LabelRow("a", "1", NOON, (2.5,)), LabelRow("b", "0", NOON, (-4.0,))]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_labels(tmp_path / "labels", ROWS)
    return tmp_path / "labels"


def labels(path: Path, expression: str = "", **about: Any) -> DeltaLabels:
    kpis = (Kpi(name="money", expression=expression, tolerance=1.0, range=(-9, 9)),) if expression else ()
    return DeltaLabels(Labels(table=str(path), kpis=kpis, **about))


def refusal(found: DeltaLabels) -> PlatformError:
    with pytest.raises(PlatformError) as refused:
        found.of(["a", "b"], NOON)
    return refused.value


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        ("amount", (2.5, -4.0)),
        ("amount * 2 + 1", (6.0, -7.0)),
        ("CASE WHEN label = '1' THEN amount ELSE 0 END", (2.5, 0.0)),
        ("amount > 0", (1.0, 0.0)),
        ("greatest(amount, 0)", (2.5, 0.0)),
        ("label", (1.0, 0.0)),
        ("'no, (number'", (None, None)),
    ],
)
def test_a_kpi_is_computed_for_each_row(path: Path, expression: str, values: tuple[float | None, ...]) -> None:
    found = labels(path, expression).of(["a", "b"], NOON)
    assert (found["a"].kpis, found["b"].kpis) == ((values[0],), (values[1],))


@pytest.mark.parametrize(
    "expression", ["sum(amount)", "count(*)", "array_agg(amount)", "(amount, 1)", "profit + 1", "row_number()"]
)
def test_a_kpi_that_is_no_number_for_each_row_is_refused_for_good(path: Path, expression: str) -> None:
    error = refusal(labels(path, expression))
    assert error.permanent
    assert "labels.kpis: money is no scalar expression over the columns of" in str(error)


@pytest.mark.parametrize("setting", ["id", "label", "time"])
def test_a_column_that_is_not_there_is_named_with_its_setting(path: Path, setting: str) -> None:
    error = refusal(labels(path, **{setting: "renamed"}))
    assert error.permanent
    assert f"has no column renamed: check labels.{setting} (it has amount, databricks_request_id" in str(error)


def test_a_time_that_is_text_is_refused(path: Path) -> None:
    assert "must be a date or a timestamp" in str(refusal(labels(path, time="label")))


def test_ids_and_labels_may_be_numbers_and_the_time_a_day(tmp_path: Path) -> None:
    path = tmp_path / "numbers"
    rows = "SELECT n AS databricks_request_id, n % 2 = 0 AS label, DATE '2026-11-21' AS day FROM range(4) t(n)"
    with duckdb.connect() as duck:
        write_deltalake(str(path), duck.sql(rows))
    found = labels(path, time="day").of(["0", "1", "9"], NOON)
    assert {one: label.label for one, label in found.items()} == {"0": "true", "1": "false"}


def test_a_table_that_was_moved_away_is_missing_and_found_again_where_it_comes_back(path: Path) -> None:
    found = labels(path)
    assert found.of(["a"], NOON)
    away = path.rename(path.with_name("away"))
    assert refusal(labels(path)).missing
    away.rename(path)
    assert found.of(["a"], NOON)
