"""A person steps in while a remedy is under way: what is forbidden stops, what is changed by hand stays so."""

import pytest

from daemon.domain.remediation import Remedy, Standing, State
from daemon.domain.restraint import RestraintKind
from tests.machine.conftest import Stage
from tests.machine.fleet import APPROVE
from tests.machine.play import Play, site_of
from tests.machine.site import SHIFT


def until(play: Play, state: State, *, most: int = 60) -> None:
    """Look and step by slices until the newest remediation has come so far."""
    for _ in range(most):
        if (found := play.fleet.history("ep0")) and found[0].state is state:
            return
        play.fleet.tick()
        play.fleet.look("ep0")
        play.fleet.step("ep0")
    raise AssertionError(f"never {state}")


def updates(play: Play) -> int:
    return len(play.fleet.ledger.of("serving.update"))


@pytest.mark.parametrize("kind", [RestraintKind.KILL, RestraintKind.PAUSE, RestraintKind.HOLD])
@pytest.mark.parametrize("where", ["", "ep0"])
def test_what_is_under_way_stops_before_its_next_call_and_goes_on_after(
    stage: Stage, kind: RestraintKind, where: str
) -> None:
    play = stage(size=1)
    play.people.release_version("ep0", sick=True)
    until(play, State.EXECUTING)
    play.people.forbid(kind, where)
    play.live(2)
    assert not updates(play)
    play.people.allow(kind, where)
    play.live(3)
    assert updates(play) == 1


def test_the_same_deployed_anew_by_hand_in_a_canary_ends_it(stage: Stage) -> None:
    play = stage(size=1)
    site_of(play).mood.shift = SHIFT
    while play.fleet.serving.serves("ep0") != {1: 50, 2: 50}:
        play.live(1)
    play.people.deploy("ep0", {1: 50, 2: 50})
    before = updates(play)
    play.live(4)
    assert play.fleet.history("ep0")[0].state is State.SUPERSEDED
    assert [r.kind for r in play.fleet.restraints("ep0")] == [RestraintKind.HOLD]
    assert updates(play) == before


def test_the_same_deployed_anew_by_hand_while_it_is_verified_ends_it(stage: Stage) -> None:
    play = stage(size=1)
    play.people.release_version("ep0", sick=True)
    until(play, State.VERIFYING)
    play.people.deploy("ep0", {1: 100}, alias=1)
    play.live(4)
    assert [r.state for r in play.fleet.history("ep0")] == [State.SUPERSEDED]
    assert [r.kind for r in play.fleet.restraints("ep0")] == [RestraintKind.HOLD]


def test_a_training_whose_start_nobody_confirmed_is_started_once(stage: Stage) -> None:
    play = stage(size=1)
    play.fleet.jobs.lose_reply("start")
    site_of(play).mood.shift = SHIFT
    play.live(8)
    assert len(play.fleet.jobs.runs) == 1
    assert play.fleet.history("ep0")[-1].state is State.SUCCEEDED


def test_a_version_that_was_rolled_back_and_is_put_back_by_hand_stays(stage: Stage) -> None:
    """He knows better. It is remembered as bad, and rolled back no second time."""
    play = stage(size=1)
    bad = play.people.release_version("ep0", sick=True)
    play.live(8)
    assert [r.state for r in play.fleet.history("ep0")] == [State.SUCCEEDED]
    assert {v.version: v.standing for v in play.fleet.standings("ep0")}[bad] is Standing.BAD
    play.people.deploy("ep0", {bad: 100}, alias=bad)
    play.live(10)
    assert updates(play) == 1


def test_a_word_that_could_not_be_acted_upon_in_time_is_void(stage: Stage) -> None:
    play = stage(size=1, mode=APPROVE)
    play.people.release_version("ep0", sick=True)
    until(play, State.AWAITING_APPROVAL)
    one = play.fleet.history("ep0")[0]
    assert play.people.answer(one, granted=True)
    play.people.forbid(RestraintKind.PAUSE, "ep0")
    for _ in range(50):
        # nobody sweeps deadlines here: its own loop must know
        play.fleet.tick()
        play.fleet.look("ep0")
    play.people.allow(RestraintKind.PAUSE, "ep0")
    play.fleet.step("ep0")
    ended = next(r for r in play.fleet.history("ep0") if r.id == one.id)
    assert (ended.remedy, ended.state) == (Remedy.ROLLBACK, State.EXPIRED)
    assert not updates(play)
