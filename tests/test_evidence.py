"""What a finding rests on, out of a store that a daemon has filled."""

from dataclasses import replace

import pytest

from daemon import evidence
from daemon.config.settings import Settings
from daemon.domain.finding import Verdict
from daemon.domain.person import Unknown
from daemon.evidence import Evidence
from tests.watch.conftest import begin, world  # noqa: F401
from tests.watch.world import World


@pytest.fixture
def drifted(world: World) -> World:  # noqa: F811
    """Eight calm windows, a gap of two, and four that lie 60 higher."""
    world.live(range(8))
    world.live(range(10, 14), shift=60)
    return world


def settings(world: World) -> Settings:  # noqa: F811
    return Settings(endpoints=tuple(world.settings.values()))


def shown(world: World, asked: str) -> Evidence:  # noqa: F811
    with world.store.read() as tx:
        return evidence.of_finding(tx, settings(world), asked)


def test_a_finding_is_shown_with_its_distributions_and_every_window(drifted: World) -> None:
    found = shown(drifted, "flights:1:distance/ks")
    assert found.phase == "firing"
    scene = found.scene
    assert scene.rows == (1000, 100), "the baseline, and the newest window"
    verdicts = [p.verdict for p in scene.points]
    assert verdicts == [Verdict.HEALTHY] * 8 + [Verdict.NO_DATA] * 2 + [Verdict.BREACH] * 4
    assert scene.points[-1].statistic == pytest.approx(found.finding.statistic), "the daemon's own number"
    below = sum(bar.now for bar in scene.bars.bars if bar.label.startswith("up to"))
    assert below < 0.05
    assert sum(bar.now for bar in scene.bars.bars) == pytest.approx(1)


@pytest.mark.parametrize("asked", ["flights/distance/ks", "flights:distance/ks"])
def test_without_a_version_it_is_the_one_that_serves(drifted: World, asked: str) -> None:
    assert shown(drifted, asked).finding.id == "flights:1:distance/ks"


def test_every_check_has_a_picture_or_says_that_it_has_none(drifted: World) -> None:
    for trail in drifted.trails():
        if trail.last.check.statistic in evidence.MEASURES:
            assert shown(drifted, trail.last.id).scene.id == trail.last.id
        else:
            with pytest.raises(Unknown, match="there is no picture of"):
                shown(drifted, trail.last.id)


def test_a_health_check_is_shown_beside_what_it_was_compared_with(world: World) -> None:  # noqa: F811
    world.live(range(6))
    world.live(range(6, 10), failed=0.5)
    found = shown(world, "flights:1:error_rate_5xx")
    assert found.scene.names[0] == "version 1 when it was good"
    assert [(round(b.before, 2), round(b.now, 2)) for b in found.scene.bars.bars] == [(0, 0.5), (1, 0.5)]
    assert [p.verdict for p in found.scene.points][-4:] == [Verdict.BREACH] * 4


def test_where_windows_were_merged_the_picture_is_of_all_of_them(world: World) -> None:  # noqa: F811
    world.live(range(10), count=30)
    world.live(range(10, 20), count=30, shift=60)
    found = shown(world, "flights:1:distance/ks")
    merged = int(dict(found.finding.reported)["windows"])
    assert merged > 1, "thirty rows are too few to be certain"
    assert found.scene.names[1] == f"the last {merged} windows"
    assert found.scene.rows[1] == found.finding.n == 30 * merged
    assert f"{merged} windows" in found.scene.sentence
    assert found.scene.points[-1].bound == pytest.approx(found.finding.bound)


def test_what_is_not_there_is_said_with_what_is(drifted: World) -> None:
    with pytest.raises(Unknown, match="flights:1:distance/ks"):
        shown(drifted, "flights:1:distnace/ks")
    with pytest.raises(Unknown, match="none of it is kept"):
        shown(drifted, "nowhere:1:distance/ks")


def test_a_remediation_is_shown_as_it_was_then(drifted: World) -> None:
    (one,) = drifted.proposals()
    drifted.live(range(14, 18))
    with drifted.store.read() as tx:
        (found, second) = evidence.of_remediation(tx, settings(drifted), one, most=2)
    assert found.finding.numbers().items() <= one.evidence["findings"][0].items()  # type: ignore[index]
    assert found.scene.points[-1].end == found.finding.window.end, "nothing of what came later"
    assert second.finding.check != found.finding.check


def test_a_remediation_whose_counts_are_gone_has_no_picture(drifted: World) -> None:
    (one,) = drifted.proposals()
    for changed in (
        replace(one, endpoint="gone"),
        replace(one, evidence={}),
        replace(one, evidence={"findings": [{"check": "what/ever"}]}),
    ):
        with drifted.store.read() as tx:
            assert evidence.of_remediation(tx, settings(drifted), changed) == []


def test_looking_writes_nothing(drifted: World) -> None:
    before = drifted.rows()
    shown(drifted, "flights:1:distance/ks")
    assert drifted.rows() == before
