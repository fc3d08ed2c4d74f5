"""What a finding rests on, out of a store that a daemon has filled."""

from dataclasses import replace

import numpy as np
import pytest

from daemon import evidence
from daemon.config.detection import BaselineSettings, Drift
from daemon.config.settings import Settings
from daemon.domain.finding import Statistic, Verdict
from daemon.domain.history import History, Phases
from daemon.domain.person import Unknown
from daemon.evidence import Evidence
from daemon.evidence.words import MEASURES
from daemon.picture.svg import svg
from daemon.picture.text import lines
from daemon.store import histories
from daemon.watch.scales import every_scale
from tests.watch.conftest import begin, world  # noqa: F401
from tests.watch.labels.test_look import FALLEN, RULES, served
from tests.watch.traffic import QUARTER
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


def test_every_check_has_a_picture(drifted: World) -> None:
    for trail in drifted.trails():
        scene = shown(drifted, trail.last.id).scene
        assert scene.id == trail.last.id
        assert lines(scene) and svg(scene)
        drawn = {p.end: p.statistic for p in scene.points}
        assert drawn.get(trail.last.window.end) == pytest.approx(trail.last.statistic), trail.last.id


def test_every_statistic_has_words() -> None:
    assert MEASURES.keys() == set(Statistic)


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


def test_a_fall_of_performance_is_shown_cohort_by_cohort(world: World) -> None:  # noqa: F811
    world.change(labels=RULES)
    served(world, range(16))
    served(world, range(16, 21), FALLEN)
    found = shown(world, "flights:1:accuracy")
    right, wrong = found.scene.bars.bars
    assert [right.before, right.now] == pytest.approx([0.9, 0.1])
    assert [wrong.before, wrong.now] == pytest.approx([0.1, 0.9])
    assert found.scene.rows == (400, 400)
    *calm, last = found.scene.points
    assert last.statistic == pytest.approx(0.8) == found.finding.statistic
    assert {p.verdict for p in calm} == {Verdict.INCONCLUSIVE} and last.verdict is Verdict.BREACH
    assert "it is 0.1 and was 0.9" in found.scene.sentence
    assert lines(found.scene) and svg(found.scene)


def test_data_that_is_broken_is_shown_window_by_window(world: World) -> None:  # noqa: F811
    world.live(range(6))
    world.live(range(6, 9), shift=100_000)
    found = shown(world, "flights:1:distance/out_of_range_rate")
    assert next((b.label, b.now) for b in found.scene.bars.bars) == ("out of range", 1.0)
    assert [p.statistic for p in found.scene.points] == [0.0] * 6 + [1.0] * 3


def test_errors_beside_another_version_are_shown_beside_its_own(world: World) -> None:  # noqa: F811
    world.live(range(4))
    world.deploy({1: 50, 2: 50})
    for n in range(4, 10):
        world.traffic(n)
        world.live([n], version=2, refused=0.3)
    found = shown(world, "flights:2:errors_beside")
    assert found.scene.names[0] == "version 1 at the same time"
    assert [(round(b.before, 1), round(b.now, 1)) for b in found.scene.bars.bars] == [(0.0, 0.3), (1.0, 0.7)]
    assert found.scene.points[-1].statistic == pytest.approx(found.finding.statistic)


def test_where_the_hours_are_known_the_picture_is_of_these_hours(world: World) -> None:  # noqa: F811
    """Learnt: by night the distance is small, and by day it is large. The world begins at midnight, on a Sunday."""
    world.change(baseline=BaselineSettings(kind="seasonal", rows=1000), drift=Drift(design_effect=1))
    world.live(range(2))
    known = world.baseline()
    assert known is not None and known.id is not None
    by_phase = {name: np.zeros((48, column.bins.size), np.int64) for name, column in known.columns.items()}
    for name, cells in by_phase.items():
        values = known.columns[name].bins.without_missing(known.columns[name].counts).size
        cells[:, values // 2 : values] = 10
        cells[24:30] = 0
        cells[24:30, : values // 2] = 10
    every = every_scale(world.settings["flights"])
    with world.store.begin() as tx:
        until = world.profiles()[-1].window.end
        histories.save(tx, History(known.id, 96, until, every, {}, QUARTER, Phases(False, by_phase)))
    world.live(range(2, 4))
    found = shown(world, "flights:1:distance/ks")
    assert found.scene.names[0] == "these hours before"
    small = sum(bar.before for bar in found.scene.bars.bars[: len(found.scene.bars.bars) // 2])
    assert small > 0.9, "what is expected of a night"
