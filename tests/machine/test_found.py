"""What the machine found, each reduced to the shortest story that shows it."""

from datetime import timedelta

from daemon.config.remedies import Promote
from daemon.domain.remediation import Remedy, State, StepState
from daemon.domain.restraint import Restraint, RestraintKind
from daemon.store import events, restraints
from tests.remediate.conftest import Tell
from tests.remediate.stories import DRIFT, MODEL, START
from tests.remediate.test_rollback import bad_release

DAY = timedelta(days=1)


def test_the_record_shows_that_a_lost_answer_was_found_out(tell: Tell) -> None:
    """The second `executing` had the key of the first, so the event was dropped, and the record had a hole."""
    story = tell()
    story.propose(Remedy.PROMOTE, to=story.register())
    story.live(until=State.EXECUTING)
    story.serving.lose_reply("update")
    story.live()
    with story.memory.read() as tx:
        told = [e.kind.removeprefix("remediation.") for e in events.history(tx, limit=99)[::-1] if e.at > START]
    after = told[told.index("indeterminate") :]
    assert after[:2] == ["indeterminate", "executing"]


def test_a_clock_that_was_set_back_hides_no_kill_switch(tell: Tell) -> None:
    """What was imposed at noon was not in force on the morning that the clock had jumped back to."""
    story = tell()
    with story.memory.begin() as tx:
        restraints.impose(tx, Restraint(RestraintKind.KILL, "", "ann", "so told", story.now))
    story.now -= DAY
    with story.memory.read() as tx:
        assert [r.kind for r in restraints.in_force(tx, story.now)] == [RestraintKind.KILL]


def test_what_was_seen_before_the_clock_was_set_back_is_not_fresh(tell: Tell) -> None:
    """It looked younger than now for a whole day, in which nothing was read."""
    story = tell()
    story.fires(DRIFT)
    story.propose(Remedy.RETRAIN)
    story.now -= DAY
    story.step()
    assert story.newest().state is State.BLOCKED
    assert [g.guard for g in story.newest().guards if not g.passed] == ["fresh"]


def test_a_clock_that_was_set_back_does_not_let_windows_from_before_the_change_verify_it(tell: Tell) -> None:
    """They began later than the moment that the clock gave for the change."""
    story = tell(promote=Promote(canary=(50,), windows=1, requests=10))
    story.propose(Remedy.PROMOTE, to=story.register())
    while story.traffic().get(2) != 100:
        story.live(until=State.EXECUTING)
    story.now -= timedelta(hours=3)
    story.live(until=State.VERIFYING)
    story.requests = 0
    story.live()
    assert story.newest().state is State.NEEDS_HUMAN


def test_an_alias_moved_by_hand_after_the_bake_stops_the_promotion(tell: Tell) -> None:
    """It was looked at while the challenger baked, and not again before it got everything."""
    story = tell(promote=Promote(canary=(50,), windows=1, requests=10, standby=False))
    story.propose(Remedy.PROMOTE, to=story.register())
    while "bake-50" not in [s.name for s in story.steps() if s.state is StepState.DONE]:
        story.live(until=State.EXECUTING)
    story.registry.point(MODEL, "champion", 2)
    story.registry.point(MODEL, "champion", story.register())
    story.live()
    assert story.newest().state is State.SUPERSEDED
    assert story.traffic() == {1: 50, 2: 50}


def test_an_alias_moved_by_hand_while_the_call_was_held_up_is_not_moved_back(tell: Tell) -> None:
    """The process was stopped between counting the call and making it; the person came in between."""
    story = tell()
    bad_release(story).live(until=State.EXECUTING)
    other = story.register()

    def hook(call: str) -> None:
        counted = [s.name for s in story.steps() if s.calls]
        if call == "registry.alias" and "alias" in counted:
            story.ledger.meanwhile = None
            story.registry.point(MODEL, "champion", other)

    story.ledger.meanwhile = hook
    story.live()
    assert story.champion() == other
    assert story.newest().state is State.SUPERSEDED
    assert not story.ledger.of("registry.set_alias")


def test_what_was_held_up_until_its_evidence_was_old_is_not_done(tell: Tell) -> None:
    """Begun, then paused for hours in which nothing came in: the call went out the moment the pause was lifted."""
    story = tell()
    story.fires(DRIFT)
    story.propose(Remedy.RETRAIN)
    story.step()
    assert story.newest().state is State.EXECUTING
    story.now += timedelta(hours=4)
    story.step()
    assert not story.ledger.effects


def test_a_standby_that_was_put_away_is_not_said_to_stay(tell: Tell) -> None:
    story = tell()
    story.propose(Remedy.PROMOTE, to=story.register())
    story.live()
    assert story.traffic() == {2: 100}
    assert "standby" not in story.newest().outcome
