"""I20 and P10: a configuration that only tightens never leads to more, and never lets an older word count for it."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from daemon.config.remedies import Allowed, Budget, Modes
from daemon.domain.remediation import Mode, Remedy, State
from tests.machine.conftest import Stage
from tests.machine.fleet import APPROVE, OBSERVE
from tests.machine.play import Play, site_of
from tests.machine.site import SHIFT

TIGHTER: Mapping[str, Mapping[str, Any]] = {
    "observe": {"mode": OBSERVE},
    "off": {"mode": Modes(retrain=Mode.OFF, promote=Mode.OFF, rollback=Mode.OFF, archive=Mode.OFF)},
    "approve": {"mode": APPROVE},
    "one a day": {"budget": Budget(per_day=1)},
    "closed hours": {"allowed": Allowed(hours=("Mon 03:00-03:15",))},
}


def two_stories(play: Play, *, tighten_at: int, sections: Mapping[str, Any]) -> list[str]:
    """Play a drift and a bad release, tightened at a moment, and return every effect on the world."""
    site_of(play).mood.shift = SHIFT
    for n in range(22):
        if n == tighten_at:
            play.fleet.change("ep0", **sections)
        if n == 14:
            play.people.release_version("ep0", sick=True)
        play.live(1)
    return [e.call for e in play.fleet.ledger.effects if not e.call.startswith("channel")]


def test_what_only_tightens_leads_to_no_more(stage: Stage) -> None:
    """By kind of effect. In the middle of the training, and for some of it from the start."""
    before = two_stories(stage(size=1), tighten_at=0, sections={})
    assert set(before) == {"jobs.start", "serving.update", "registry.set_alias"}
    for how, at in [*((how, 5) for how in TIGHTER), ("one a day", 0), ("approve", 0)]:
        after = two_stories(stage(size=1), tighten_at=at, sections=TIGHTER[how])
        for call in set(before):
            assert after.count(call) <= before.count(call), f"{how} at {at}: {after}"


def asked(stage: Stage) -> Play:
    play = stage(size=1, mode=APPROVE)
    play.people.release_version("ep0", sick=True)
    while not [r for r in play.fleet.opened() if r.state is State.AWAITING_APPROVAL]:
        play.live(1)
    return play


def rolled_back(play: Play) -> list[State]:
    return [r.state for r in play.fleet.history("ep0") if r.remedy is Remedy.ROLLBACK]


def test_what_was_approved_runs(stage: Stage) -> None:
    play = asked(stage)
    assert play.people.answer(play.fleet.opened()[0], granted=True)
    play.live(6)
    assert rolled_back(play) == [State.SUCCEEDED]


def test_a_word_for_another_plan_counts_for_nothing(stage: Stage) -> None:
    play = asked(stage)
    assert not play.people.answer(play.fleet.opened()[0], granted=True, plan_hash="0" * 64)
    play.live(4)
    assert not play.fleet.ledger.of("serving.update")


def test_rules_that_change_after_the_word_take_it_back(stage: Stage) -> None:
    play = asked(stage)
    assert play.people.answer(play.fleet.opened()[0], granted=True)
    retimed = play.fleet.sites["ep0"].settings.rollback.model_copy(update={"timeout": timedelta(hours=3)})
    play.fleet.change("ep0", rollback=retimed)
    play.fleet.step("ep0")
    assert State.SUPERSEDED in rolled_back(play)
    assert not play.fleet.ledger.of("serving.update")


def test_a_deployment_after_the_word_takes_it_back(stage: Stage) -> None:
    play = asked(stage)
    assert play.people.answer(play.fleet.opened()[0], granted=True)
    play.people.deploy("ep0", play.fleet.serving.serves("ep0"))
    play.live(4)
    assert not play.fleet.ledger.of("serving.update")


def test_nobody_says_anything_in_time(stage: Stage) -> None:
    play = asked(stage)
    one = play.fleet.opened()[0]
    site_of(play).sick.clear()
    play.live(18)
    assert not play.people.answer(one, granted=True)
    assert not play.fleet.ledger.of("serving.update")
