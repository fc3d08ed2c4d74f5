"""The clock a day forward or back, at any moment of a story: nothing is done that would not have been done."""

from datetime import timedelta

import pytest

from daemon.domain.remediation import Remedy, State
from tests.machine.conftest import Stage
from tests.machine.play import Play, site_of
from tests.machine.site import SHIFT

DAY = timedelta(days=1)
STORY = 10
"""Quarters of an hour in which a bad release is seen, rolled back and verified."""


def bad_release(stage: Stage) -> Play:
    play = stage(size=1)
    play.people.release_version("ep0", sick=True)
    return play


def changes(play: Play) -> list[tuple[str, str]]:
    return [(e.call, str(e.detail.get("traffic", ""))) for e in play.fleet.ledger.effects if "channel" not in e.call]


@pytest.mark.parametrize("jump", [DAY, -DAY], ids=["forward", "back"])
@pytest.mark.parametrize("at", range(1, STORY - 1, 2))
def test_a_jump_for_one_round_does_nothing_that_was_not_due(stage: Stage, jump: timedelta, at: int) -> None:
    """It ends as undisturbed, or, where a deadline was jumped over, with a person: never with another change."""
    play = bad_release(stage)
    play.live(at)
    play.fleet.skew = jump
    play.round()
    play.fleet.skew = timedelta()
    play.live(STORY - at)
    assert changes(play) in ([], [UPDATE], [UPDATE, ALIAS])
    assert [r.remedy for r in play.fleet.history() if r.began_at] == [Remedy.ROLLBACK]
    assert play.fleet.history()[0].state in (State.SUCCEEDED, State.NEEDS_HUMAN)
    if jump < timedelta():
        assert play.fleet.history()[0].state is State.SUCCEEDED


@pytest.mark.parametrize("jump", [DAY, -DAY], ids=["forward", "back"])
def test_a_clock_that_stays_wrong_lets_nothing_begin_and_says_so(stage: Stage, jump: timedelta) -> None:
    play = stage(size=1)
    site_of(play).mood.shift = SHIFT
    play.live(1)
    play.fleet.skew = jump
    play.live(12)
    assert not changes(play)
    assert play.fleet.events("watch.blind")


UPDATE, ALIAS = ("serving.update", "{1: 100}"), ("registry.set_alias", "")
