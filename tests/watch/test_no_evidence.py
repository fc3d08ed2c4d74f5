"""Missing, stale or thin data at every tick of a finding: nothing is begun, people are told, the finding is kept."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from daemon.domain.remediation import Remedy
from daemon.domain.trail import Phase
from daemon.iteration import Clock, Iteration
from daemon.ports import PlatformError
from daemon.telemetry.heartbeat import Heartbeats
from daemon.telemetry.metrics import Metrics
from daemon.tell import told_of_look
from tests.watch.traffic import QUARTER, after, requests
from tests.watch.world import FLIGHTS, Begin, World, settings

CALM, BAD = range(4), range(4, 9)
"""The third bad window fires; the fifth is well into it."""
DARK = 7
"""Windows without evidence: longer than `stale_after`, which is an hour here."""
DEPLOYED: dict[str, Any] = {"failed": 0.5, "version": 2}
DRIFTED: dict[str, Any] = {"shift": 60}
STORIES = {"a version fails": DEPLOYED, "traffic drifts": DRIFTED}
CHECKS = {"a version fails": ("error_rate_5xx", 2), "traffic drifts": ("distance/ks", 1)}


def nothing_comes(world: World, n: int, about: dict[str, Any]) -> None:
    """The table stays as it is."""


def too_few_rows(world: World, n: int, about: dict[str, Any]) -> None:
    world.traffic(n, count=3, **about)


def of_another_model(world: World, n: int, about: dict[str, Any]) -> None:
    world.log.serve("other", "prod.ml.other", 1)
    world.log.write(replace(row, entity="other") for row in requests(n, name="other", failed=0.9))


def the_source_is_down(world: World, n: int, about: dict[str, Any]) -> None:
    world.log.fail_next(PlatformError("the table cannot be read", permanent=False), call="health")


DARKNESS = [nothing_comes, too_few_rows, of_another_model, the_source_is_down]


class Watcher:
    """The watch loop as the daemon runs it: what fails is postponed, and told of."""

    def __init__(self, world: World) -> None:
        self.world, self.at = world, world.now
        clock = Clock(now=lambda: self.at, monotonic=lambda: self.at.timestamp())
        metrics = Metrics()
        self.once = Iteration(
            "watch",
            FLIGHTS,
            lambda now: told_of_look(world.look(at=now), metrics, now=now),
            every=QUARTER,
            clock=clock,
            metrics=metrics,
            heartbeats=Heartbeats(),
            store=world.store,
        )

    def look(self, at: datetime) -> None:
        self.at = at
        self.once()


@pytest.fixture
def world(begin: Begin) -> World:
    watch = settings().watch.model_copy(update={"stale_after": timedelta(hours=1)})
    return begin(watch=watch)


@pytest.mark.parametrize("story", STORIES)
@pytest.mark.parametrize("darkness", DARKNESS, ids=lambda d: d.__name__)
@pytest.mark.parametrize("seen", range(1, len(BAD) + 1))
def test_nothing_is_begun_without_evidence_and_the_finding_is_kept(
    world: World, story: str, darkness: Callable[[World, int, dict[str, Any]], None], seen: int
) -> None:
    """`seen` bad windows are seen before it becomes dark."""
    about, (check, version) = STORIES[story], CHECKS[story]
    watcher = Watcher(world)
    world.live(CALM)
    if story == "a version fails":
        world.deploy({2: 100})
    world.live(BAD[:seen], **about)
    phase = world.trail(check, version).phase
    assert phase is (Phase.FIRING if seen >= 3 else Phase.PENDING)
    assert len(world.proposals()) == (seen >= 3)
    dark = range(BAD[seen - 1] + 1, BAD[seen - 1] + 1 + DARK)
    stale = after(BAD[seen - 1]) + world.settings[FLIGHTS].watch.stale_after
    for n in dark:
        darkness(world, n, about)
        watcher.look(after(n))
        if world.now > stale:
            world.end_proposals()
    assert world.trail(check, version).phase is phase
    assert [p for p in world.proposals() if p.created_at > stale] == []
    if darkness is the_source_is_down:
        assert world.told()[-1] == "loop.failing"
    elif darkness is too_few_rows and seen < 3:
        assert "watch.blind" not in world.told(), "rows come, and nothing that was believed is lost sight of"
    else:
        assert world.told().count("watch.blind") == 1


@pytest.mark.parametrize("seen", [3, 5])
def test_when_it_can_be_seen_again_what_fired_is_acted_upon_at_once(world: World, seen: int) -> None:
    world.live(CALM)
    world.live(BAD[:seen], shift=60)
    world.end_proposals()
    dark = range(BAD[seen - 1] + 1, BAD[seen - 1] + 1 + DARK)
    for n in dark:
        too_few_rows(world, n, DRIFTED)
        world.look(at=after(n))
    world.end_proposals()
    began = len(world.proposals())
    world.live([dark[-1] + 1], shift=60)
    assert world.proposed()[began:] == [(Remedy.RETRAIN, 1, None)]
    assert world.told() == ["watch.blind", "watch.sees_again"]


def test_too_few_rows_are_no_evidence_from_the_first_window_on(world: World) -> None:
    world.live(CALM)
    world.live(BAD[:3], shift=60)
    world.end_proposals()
    for n in range(BAD[2] + 1, BAD[2] + 6):
        too_few_rows(world, n, DRIFTED)
        world.look(at=after(n))
    assert len(world.proposals()) == 1


def test_rows_that_are_late_at_every_tick_are_not_acted_upon(world: World) -> None:
    lag = world.settings[FLIGHTS].watch.stale_after + timedelta(minutes=1)
    world.live(CALM)
    world.deploy({2: 100})
    for n in BAD:
        world.traffic(n, failed=0.5, version=2)
        world.look(at=after(n) + lag)
    assert world.trail("error_rate_5xx", 2).phase is Phase.FIRING
    assert world.proposals() == []
    assert world.told() == ["endpoint.changed", "watch.blind"]
