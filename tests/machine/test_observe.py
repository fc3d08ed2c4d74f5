"""`observe` decides exactly what `auto` would: one trace through both, every decision and every guard compared."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.domain.remediation import GuardResult, Remedy, State
from tests.machine.conftest import Stage
from tests.machine.fleet import AUTO, OBSERVE
from tests.machine.play import Play, site_of
from tests.machine.site import RATE, SHIFT

SAYS_ITS_MODE = ("mode", "approval")
"""Guards whose sentence names the mode; that they pass is compared."""


@dataclass(frozen=True)
class Stretch:
    """A quarter of an hour of a trace."""

    shift: float = 0.0
    sick: bool = False
    rate: int = RATE
    source: bool = True
    nulls: float = 0.0


CALM = Stretch()
DRIFT, BAD = [Stretch(shift=SHIFT)] * 4, [Stretch(sick=True)] * 4
NOISE = st.sampled_from(
    [
        CALM,
        CALM,
        Stretch(shift=SHIFT),
        Stretch(sick=True),
        Stretch(rate=0),
        Stretch(rate=3),
        Stretch(source=False),
        Stretch(nulls=0.5),
    ]
)


def live(play: Play, one: Stretch) -> None:
    site = site_of(play)
    site.mood = replace(site.mood, shift=one.shift, rate=one.rate, nulls=one.nulls)
    (site.sick.add if one.sick else site.sick.discard)(2)
    site.log.missing = not one.source
    play.live(1)


def told(play: Play) -> list[Any]:
    """Return all that was concluded before anything was let loose, without the word for the mode itself."""
    return [(r.id, r.remedy, r.from_version, r.to_version, r.sentence, _guards(r.guards)) for r in play.fleet.history()]


def _guards(guards: tuple[GuardResult, ...]) -> list[tuple[str, bool, str]]:
    return [(g.guard, g.passed, "" if g.guard in SAYS_ITS_MODE else g.detail) for g in guards]


def compared(stage: Stage, trace: list[Stretch]) -> list[tuple[Remedy, State]]:
    """Play one trace in both modes until `auto` lets something loose, and return what `auto` had come to by then."""
    plays = [stage(size=1, mode=mode) for mode in (AUTO, OBSERVE)]
    for play in plays:
        play.people.release_version("ep0", sick=False)
    for one in trace:
        for play in plays:
            live(play, one)
        auto, observe = plays
        assert observe.fleet.decisions == auto.fleet.decisions != []
        assert told(observe) == told(auto)
        assert not observe.fleet.ledger.effects
        let_loose = [r.began_at is not None for r in auto.fleet.history()]
        assert [r.state is State.SHADOWED for r in observe.fleet.history()] == let_loose
        if any(let_loose):
            break
    return [(r.remedy, r.state) for r in plays[0].fleet.history()]


@pytest.mark.parametrize(
    ("story", "remedy"), [(DRIFT, Remedy.RETRAIN), (BAD, Remedy.ROLLBACK)], ids=["drift", "bad release"]
)
def test_observe_decides_what_auto_does(stage: Stage, story: list[Stretch], remedy: Remedy) -> None:
    assert remedy in [found for found, _ in compared(stage, story)]


@given(before=st.lists(NOISE, max_size=4), story=st.sampled_from([DRIFT, BAD]), within=st.lists(NOISE, max_size=3))
@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_observe_decides_what_auto_does_whatever_the_noise(
    stage: Stage, before: list[Stretch], story: list[Stretch], within: list[Stretch]
) -> None:
    compared(stage, [*before, *story[:2], *within, *story])


def test_observe_changes_nothing_however_long_it_watches(stage: Stage) -> None:
    """Drift, then a bad release: it says both, again after each cooldown, and touches nothing."""
    play = stage(size=1, mode=OBSERVE)
    site_of(play).mood.shift = SHIFT
    play.live(14)
    site_of(play).mood.shift = 0.0
    play.people.release_version("ep0", sick=True)
    play.live(8)
    play.fleet.housekeep("ep0")
    play.live(1)
    ends = {(r.remedy, r.state) for r in play.fleet.history()}
    assert {(Remedy.RETRAIN, State.SHADOWED), (Remedy.ROLLBACK, State.SHADOWED)} <= ends
    assert not play.fleet.ledger.of("serving.update") + play.fleet.ledger.of("jobs.start")
    assert {e.call for e in play.fleet.ledger.effects} <= {"channel.send"}
