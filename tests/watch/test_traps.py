"""Where merged windows could go wrong around a deployment, or a column be taken for what it is not."""

import pytest

from daemon.config.detection import Drift
from daemon.domain.finding import Cause, Verdict
from daemon.domain.schema import Column, Kind, Signature
from tests.fakes import LoggedRequest
from tests.watch.traffic import after, requests, trained_on
from tests.watch.world import World, drift_verdicts


def test_no_scale_reaches_back_across_a_deployment(world: World) -> None:
    """What the version before was asked is no evidence about this one, whatever lies in the same bins."""
    world.change(drift=Drift(tolerance=0.3, psi=0.5, missing=0.05, design_effect=1))
    assert Verdict.BREACH in drift_verdicts(world.live(range(6), 1, shift=500), 1)
    world.deploy({2: 100})
    seen = world.live([6], 2)
    mine = [f for f in seen.findings if f.version == 2 and f.check.cause is Cause.DRIFT]
    rows = sum(p.coverage.records for p in seen.profiles if p.version == 2)
    assert mine
    assert all(f.n <= rows for f in mine)
    assert Verdict.BREACH not in {f.verdict for f in mine}


@pytest.mark.parametrize("sent", ["7", "7.0", "7e0"])
def test_whole_numbers_are_what_they_are_however_they_are_written(world: World, sent: str) -> None:
    column = Column("seats", Kind.NUMERIC)
    training = trained_on(world.folder / "whole.parquet", "SELECT 7::BIGINT AS seats FROM range(1000)")
    version = world.register(signature=Signature((column,), ()), training=training)
    for n in range(2):
        world.log.write(
            LoggedRequest(p.id, p.at, p.entity, request=f'{{"dataframe_records": [{{"seats": {sent}}}]}}')
            for p in requests(n, version)
        )
        seen = world.look(at=after(n))
    found = [f for f in seen.findings if f.check.column == "seats" and f.n]
    assert found
    assert {f.statistic for f in found} == {0.0}
