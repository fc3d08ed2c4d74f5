"""Mode `approve`, whole: a plan is shown, a person says yes or no to it, and that plan is done, or nothing is."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from daemon.config.remedies import Allowed
from daemon.domain.event import Severity
from daemon.domain.remediation import Approval, Mode, Remedy, Standing, State
from daemon.domain.restraint import Restraint, RestraintKind
from daemon.remediate.frozen import rules
from daemon.remediate.guards import GUARDS
from daemon.remediate.moves import move
from daemon.store import approvals, events, restraints
from tests.remediate.conftest import Tell
from tests.remediate.stories import AUTO, DRIFT, ENDPOINT, MODEL, Story
from tests.remediate.test_crash import SHORT
from tests.remediate.test_rollback import bad_release

ASKING = AUTO.model_copy(update=dict.fromkeys(("retrain", "promote", "rollback", "archive"), Mode.APPROVE))
HOUR = timedelta(hours=1)


def retraining(story: Story) -> Story:
    story.fires(DRIFT)
    story.propose(Remedy.RETRAIN)
    return story


def promotion(story: Story) -> Story:
    story.propose(Remedy.PROMOTE, to=story.register())
    return story


def housekeeping(story: Story) -> Story:
    story.propose(Remedy.ARCHIVE, plan={"phase": "mark", "versions": [1]}, from_version=None)
    return story


BEGIN: dict[str, Callable[[Story], Story]] = {
    "rollback": bad_release,
    "promote": promotion,
    "retrain": retraining,
    "archive": housekeeping,
}


@pytest.fixture(params=BEGIN)
def asked(request: pytest.FixtureRequest, tell: Tell) -> Story:
    """A story in which a person was asked a moment ago."""
    return ask(BEGIN[request.param](tell(**SHORT, mode=ASKING)))


def ask(story: Story) -> Story:
    story.step()
    assert story.newest().state is State.AWAITING_APPROVAL
    return story


def said(story: Story, *, granted: bool = True, by: str = "ada", plan_hash: str = "") -> bool:
    """Do what the command line and the links do with a word. Return whether it was the first."""
    one = story.newest()
    word = Approval(one.id, "plan", plan_hash or one.plan_hash, granted, by, "looked at it", story.now)
    with story.memory.begin() as tx:
        if not approvals.answer(tx, word):
            return False
        to = State.APPROVED if granted else State.REJECTED
        assert move(tx, one, to, f"{to} by {by}", now=story.now) is not None
        return True


def told(story: Story, kind: str) -> list[Severity]:
    with story.memory.read() as tx:
        return [e.severity for e in events.history(tx, limit=99) if e.kind == kind and e.dedup_key]


def ticks(story: Story, count: int) -> None:
    for _ in range(count):
        story.tick()
        story.attempt(story.step)


def test_a_plan_is_shown_whole_once_and_waits(asked: Story) -> None:
    one, effects = asked.newest(), asked.done()
    assert one.plan["rules"] == rules(asked.settings, one.remedy)
    assert one.deadline_at == asked.now + asked.settings.approve.within
    assert [g.guard for g in one.guards] == list(GUARDS)
    assert [g.guard for g in one.guards if not g.passed] == ["approval"]
    assert "may it be done?" in one.outcome
    ticks(asked, 12)
    assert asked.newest() == one, "nothing is written while it waits"
    assert asked.done() == effects
    assert told(asked, "remediation.awaiting_approval") == [
        Severity.PAGE if one.remedy is Remedy.ROLLBACK else Severity.WARNING
    ]


def test_what_was_approved_is_what_runs(asked: Story) -> None:
    plan, bound = asked.newest().plan, asked.newest().plan_hash
    assert said(asked)
    asked.step()
    one = next(r for r in asked.history() if r.remedy is asked.newest().remedy)
    assert (one.state, one.plan, one.plan_hash) == (State.EXECUTING, plan, bound)
    assert one.began_at == asked.now
    assert all(g.passed for g in one.guards)
    while one.state not in (State.SUCCEEDED, State.FAILED):
        ticks(asked, 1)
        one = next(r for r in asked.history() if r.id == one.id)
    assert one.state is State.SUCCEEDED
    assert asked.done()


def test_a_no_ends_it_and_it_is_not_asked_again_before_its_cooldown_is_over(tell: Tell) -> None:
    story = ask(bad_release(tell(**SHORT, mode=ASKING)))
    effects = story.done()
    assert said(story, granted=False)
    no = story.now
    assert story.newest().state is State.REJECTED
    # the watch loop sees the same trouble at its next look, and proposes the same again
    story.propose(Remedy.ROLLBACK, to=1, from_version=2, id="again", created_at=story.now + timedelta(seconds=1))
    asked_again = None
    while asked_again is None:
        ticks(story, 1)
        if story.newest().state is State.AWAITING_APPROVAL:
            asked_again = story.now
    assert timedelta() <= asked_again - no - story.settings.rollback.cooldown <= timedelta(minutes=5)
    assert story.done() == effects
    assert len(told(story, "remediation.awaiting_approval")) == 2
    # a second no makes it wait twice as long
    said(story, granted=False)
    story.propose(Remedy.ROLLBACK, to=1, from_version=2, id="third", created_at=story.now + timedelta(seconds=1))
    ticks(story, 23)
    assert story.newest().state is State.BLOCKED
    ticks(story, 2)
    assert story.newest().state is State.AWAITING_APPROVAL


def test_the_first_word_counts(asked: Story) -> None:
    assert said(asked, granted=False)
    assert not said(asked, by="grace")
    ticks(asked, 3)
    assert asked.newest().state is State.REJECTED
    assert not asked.done()


def test_without_a_word_in_time_it_is_dropped(asked: Story) -> None:
    asked.now += asked.settings.approve.within
    asked.seen()
    asked.step()
    assert asked.newest().state is State.AWAITING_APPROVAL
    asked.now += timedelta(seconds=1)
    asked.step()
    assert (asked.newest().state, asked.newest().outcome) == (State.EXPIRED, "nobody said yes or no in time")
    assert not asked.done()
    assert told(asked, "remediation.expired") == [
        Severity.PAGE if asked.newest().remedy is Remedy.ROLLBACK else Severity.WARNING
    ]


def test_a_yes_that_could_not_be_followed_in_time_is_dropped(asked: Story) -> None:
    said(asked)
    restrain(asked, RestraintKind.PAUSE)
    asked.step()
    assert asked.newest().state is State.SCHEDULED
    asked.now = asked.newest().deadline_at + timedelta(seconds=1)
    asked.step()
    assert (asked.newest().state, asked.newest().outcome) == (State.EXPIRED, "nothing let it through in time")
    assert not asked.done()


def restrain(story: Story, kind: RestraintKind) -> None:
    with story.memory.begin() as tx:
        restraints.impose(tx, Restraint(kind, ENDPOINT, "ada", "because", story.now))


def set_rule(story: Story, section: str, **changes: Any) -> None:
    rule = getattr(story.settings, section).model_copy(update=changes)
    story.settings = story.settings.model_copy(update={section: rule})


CHANGES: dict[str, Callable[[Story], object]] = {
    "traffic": lambda s: s.serving.deploy(ENDPOINT, {1: 50, 2: 50}),
    "the same deployed anew": lambda s: s.serving.deploy(ENDPOINT, {2: 100}),
    "a version at 0 %": lambda s: s.serving.deploy(ENDPOINT, {2: 100, 3: 0}),
    "alias": lambda s: s.registry.set_alias(MODEL, "champion", 1),
    "rules": lambda s: set_rule(s, "rollback", windows=5),
    "rules of the verdict": lambda s: set_rule(s, "health", latency=9.0),
    "mode observe": lambda s: set_rule(s, "mode", rollback=Mode.OBSERVE),
    "mode off": lambda s: set_rule(s, "mode", rollback=Mode.OFF),
    "it is over": lambda s: s.calms(),
}


@pytest.mark.parametrize("yes", [True, False])
@pytest.mark.parametrize("what", CHANGES)
def test_what_changes_before_it_began_ends_it_and_nothing_is_done(tell: Tell, what: str, yes: bool) -> None:
    story = ask(bad_release(tell(**SHORT, mode=ASKING)))
    if yes:
        said(story)
    CHANGES[what](story)
    effects = story.done()
    story.step()
    over = what in ("mode observe", "mode off", "it is over")
    assert story.newest().state is (State.EXPIRED if over else State.SUPERSEDED)
    ticks(story, 6)
    assert story.done() == effects
    # an edited configuration is no deed on the endpoint
    assert bool(held(story)) is (what in ("traffic", "the same deployed anew", "a version at 0 %", "alias"))


def held(story: Story) -> list[Restraint]:
    with story.memory.read() as tx:
        return [r for r in restraints.in_force(tx, story.now, ENDPOINT) if r.kind is RestraintKind.HOLD]


HELD_UP: dict[str, Callable[[Story], object]] = {
    "kill switch": lambda s: restrain(s, RestraintKind.KILL),
    "pause": lambda s: restrain(s, RestraintKind.PAUSE),
    "company": lambda s: s.fires(endpoint="delays"),
    "target known bad": lambda s: s.stands(1, Standing.BAD),
}


@pytest.mark.parametrize("what", HELD_UP)
def test_what_is_held_up_after_the_yes_is_scheduled_and_says_by_what(tell: Tell, what: str) -> None:
    story = ask(bad_release(tell(**SHORT, mode=ASKING)))
    said(story)
    HELD_UP[what](story)
    effects = story.done()
    assert [story.step().waits for _ in range(3)] == [False, True, True]  # type: ignore[union-attr]
    assert story.newest().state is State.SCHEDULED
    assert len([g for g in story.newest().guards if not g.passed]) == 1
    assert story.done() == effects
    assert told(story, "remediation.scheduled") == [Severity.INFO]


def test_a_yes_to_another_plan_begins_nothing(tell: Tell) -> None:
    story = ask(bad_release(tell(**SHORT, mode=ASKING)))
    said(story, plan_hash=64 * "0")
    ticks(story, 6)
    assert story.newest().state is State.SCHEDULED
    assert "ada approved another plan (000000000000)" in story.newest().outcome
    assert not story.done()


def test_a_plan_that_was_tampered_with_after_the_yes_does_not_begin(tell: Tell) -> None:
    story = ask(promotion(tell(**SHORT, mode=ASKING)))
    said(story)
    with story.memory.begin() as tx:
        tampered = {**story.newest().plan, "canary": [99]}
        move(tx, story.newest(), State.SCHEDULED, "by nobody", now=story.now, plan=tampered)
    ticks(story, 6)
    assert story.newest().state is State.SCHEDULED
    assert not story.done()


def test_a_person_is_asked_although_the_hours_are_closed_and_it_begins_when_they_open(tell: Tell) -> None:
    night = Allowed(hours=("22:00-04:00",))
    story = ask(promotion(tell(**SHORT, mode=ASKING, allowed=night)))
    said(story)
    story.step()
    assert story.newest().state is State.SCHEDULED
    assert "they open next 2026-03-01 22:00 UTC" in story.newest().outcome
    story.live(until=State.EXECUTING)
    assert f"{story.newest().began_at:%F %H:%M}" == "2026-03-01 22:00"
    assert story.live().newest().state is State.SUCCEEDED


def test_by_itself_it_waits_for_the_hours_unasked(tell: Tell) -> None:
    story = promotion(tell(**SHORT, allowed=Allowed(hours=("22:00-04:00",))))
    story.step()
    assert story.newest().state is State.BLOCKED
    story.live(until=State.EXECUTING)
    assert f"{story.newest().began_at:%F %H:%M}" == "2026-03-01 22:00"


@pytest.mark.parametrize("block", [*HELD_UP, "hours"])
def test_nobody_is_asked_about_what_could_not_be_done_anyway(tell: Tell, block: str) -> None:
    story = bad_release(tell(**SHORT, mode=ASKING))
    if block == "hours":
        remedies = (Remedy.ROLLBACK,)
        story.settings = story.settings.model_copy(
            update={"allowed": Allowed(hours=("22:00-04:00",), remedies=remedies)}
        )
        story.step()
        assert story.newest().state is State.AWAITING_APPROVAL, "but hours open by themselves"
        return
    HELD_UP[block](story)
    story.step()
    assert story.newest().state is State.BLOCKED


def test_a_yes_at_the_moment_of_weighing_is_not_lost(tell: Tell) -> None:
    """Somebody says yes between the look at the world and the transaction."""
    story = ask(bad_release(tell(**SHORT, mode=ASKING)))

    def say(call: str) -> None:
        if call == "registry.alias" and story.newest().state is State.AWAITING_APPROVAL:
            said(story)

    story.ledger.meanwhile = say
    story.step()
    assert story.newest().state is State.EXECUTING


@pytest.mark.parametrize("to", [State.REJECTED, State.CANCELLED])
def test_a_no_at_the_moment_of_weighing_is_heard(tell: Tell, to: State) -> None:
    story = ask(bad_release(tell(**SHORT, mode=ASKING)))

    def say(call: str) -> None:
        if call == "registry.alias" and story.newest().state is State.AWAITING_APPROVAL:
            with story.memory.begin() as tx:
                move(tx, story.newest(), to, "no", now=story.now)

    story.ledger.meanwhile = say
    stepped = story.step()
    assert stepped is not None
    assert stepped.sentence == "somebody else moved it first"
    assert story.newest().state is to
    assert not story.done()


def test_a_mode_that_is_turned_up_to_auto_still_waits_for_the_word_that_was_asked_for(tell: Tell) -> None:
    story = ask(bad_release(tell(**SHORT, mode=ASKING)))
    set_rule(story, "mode", rollback=Mode.AUTO)
    ticks(story, 3)
    assert story.newest().state is State.AWAITING_APPROVAL
    said(story)
    story.step()
    assert story.newest().state is State.EXECUTING
