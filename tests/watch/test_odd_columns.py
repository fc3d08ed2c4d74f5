"""Columns of one value or none, of ten thousand, or no longer sent."""

from collections.abc import Iterable
from dataclasses import replace

import pytest

from daemon.config.detection import BaselineSettings
from daemon.domain.finding import Statistic, Verdict
from daemon.domain.schema import Column, Kind, Signature
from daemon.domain.trail import Phase
from daemon.watch.cycle import Look
from tests.fakes import LoggedRequest
from tests.watch.traffic import after, requests, trained_on
from tests.watch.world import World, drift_verdicts


def look_at(world: World, *columns: Column, query: str, rows: Iterable[str]) -> Look:
    """Look at two windows of a version with these columns, trained on the query, asked these records."""
    training = trained_on(world.folder / "odd.parquet", query)
    version = world.register(signature=Signature(columns, ()), training=training)
    for n in range(2):
        plain = requests(n, version)
        world.log.write(
            LoggedRequest(p.id, p.at, p.entity, request=f'{{"dataframe_records": [{row}]}}')
            for p, row in zip(plain, rows, strict=False)
        )
        seen = world.look(at=after(n))
    return seen


@pytest.mark.parametrize(
    ("value", "sent"),
    [("7.0", "7.0"), ("NULL::DOUBLE", "null"), ("'NaN'::DOUBLE", "NaN"), ("'inf'::DOUBLE", "Infinity")],
)
def test_a_column_of_one_value_or_none_is_calm_and_a_change_of_it_is_not(world: World, value: str, sent: str) -> None:
    column = Column("distance", Kind.NUMERIC)
    query = f"SELECT {value} AS distance FROM range(1000)"
    seen = look_at(world, column, query=query, rows=[f'{{"distance": {sent}}}'] * 100)
    told = {f.verdict for f in seen.findings if f.check.column and f.check.statistic is not Statistic.PSI}
    assert told <= {Verdict.HEALTHY, Verdict.NO_DATA}
    assert Verdict.BREACH not in drift_verdicts(seen, 4), "of one bin there is no index"
    changed = [replace(r, entity="entity-4") for r in requests(2, 4, shift=500)]
    world.log.write(changed)
    assert Verdict.BREACH in drift_verdicts(world.look(at=after(2)), 4)


def test_ten_thousand_categories(world: World) -> None:
    column = Column("tail", Kind.CATEGORICAL)
    query = "SELECT 'N' || i AS tail FROM range(10000) t(i)"
    world.change(baseline=BaselineSettings(rows=10_000))
    seen = look_at(world, column, query=query, rows=[f'{{"tail": "N{97 * i}"}}' for i in range(100)])
    assert Verdict.BREACH not in drift_verdicts(seen, 4)
    made = world.baseline(4)
    assert made is not None and made.columns["tail"].bins.size < 200
    unseen = [replace(r, request='{"dataframe_records": [{"tail": "XX"}]}') for r in requests(2, 4)]
    world.log.write(unseen)
    world.look(at=after(2))
    assert world.trail("tail/unseen_rate", version=4).phase is Phase.PENDING


def test_a_column_that_is_no_longer_sent_is_no_data_and_the_others_go_on(world: World) -> None:
    columns = Column("distance", Kind.NUMERIC, required=False), Column("carrier", Kind.CATEGORICAL)
    query = "SELECT i / 10.0 AS distance, 'AA' AS carrier FROM range(1000) t(i)"
    seen = look_at(world, *columns, query=query, rows=['{"carrier": "AA"}'] * 100)
    found = {f.check.name: f.verdict for f in seen.findings}
    assert found["carrier/linf"] is Verdict.HEALTHY
    assert found["distance/ks"] is Verdict.NO_DATA
    assert found["distance/null_rate"] in (Verdict.NO_DATA, Verdict.BREACH)
