"""Which of several open remediations has its turn, and that none of them starves or is stuck."""

from datetime import timedelta

import pytest

from daemon.config.remedies import Promote
from daemon.domain.finding import Verdict
from daemon.domain.remediation import Remedy, Standing, State
from daemon.ports import PlatformError
from daemon.remediate.moves import move_alone
from daemon.store import events
from tests.remediate.conftest import Tell
from tests.remediate.stories import DRIFT, ENDPOINT, Story


def test_nothing_open_is_nothing_to_do(story: Story) -> None:
    assert story.step() is None
    assert not story.ledger.effects


def test_another_endpoints_remediations_are_not_ours(story: Story) -> None:
    story.propose(Remedy.PROMOTE, to=story.register(), endpoint="delays")
    assert story.step() is None


def test_from_drift_to_a_new_champion(story: Story) -> None:
    story.fires(DRIFT)
    story.propose(Remedy.RETRAIN)
    story.live()
    assert story.ends() == [(Remedy.RETRAIN, State.SUCCEEDED), (Remedy.PROMOTE, State.SUCCEEDED)]
    assert (story.traffic(), story.champion()) == ({2: 100}, 2)
    assert [call for call, _ in story.done()] == [
        "jobs.start",
        *["serving.update"] * 4,
        "registry.set_alias",
        "serving.update",
    ]
    assert story.done()[-1] == ("serving.update", "{2: 100}"), "the standby is put away at the end"


def test_people_are_told_of_each_turn_once(story: Story) -> None:
    story.propose(Remedy.PROMOTE, to=story.register())
    story.live()
    with story.memory.read() as tx:
        told = [e.kind for e in events.history(tx, limit=99)[::-1] if e.dedup_key]
    assert told == ["remediation.executing", "remediation.succeeded"]


def test_a_rollback_that_waits_does_not_hold_up_the_promotion_it_waits_for(story: Story) -> None:
    story.propose(Remedy.PROMOTE, to=story.register())
    story.live(until=State.EXECUTING)
    story.fires(version=1)
    story.propose(Remedy.ROLLBACK, to=7, from_version=1)
    story.live()
    assert [state for _, state in story.ends()] == [State.SUCCEEDED, State.SUPERSEDED]


def test_a_canary_that_also_called_for_a_rollback_is_backed_out_once(story: Story) -> None:
    story.verdicts[2] = Verdict.BREACH
    story.propose(Remedy.PROMOTE, to=story.register())
    while not story.traffic().get(2):
        story.live(until=State.EXECUTING)
    story.fires(version=2)
    story.propose(Remedy.ROLLBACK, to=1, from_version=2)
    story.live()
    assert [state for _, state in story.ends()] == [State.FAILED, State.SUPERSEDED]
    assert [d for call, d in story.done() if call == "serving.update"][2:] == ["{1: 100}"]


def test_a_proposal_that_waits_does_not_hold_up_the_next(story: Story) -> None:
    story.stands(2, Standing.BAD)
    story.propose(Remedy.PROMOTE, to=story.register())
    story.now += timedelta(minutes=1)
    story.fires(DRIFT)
    story.propose(Remedy.RETRAIN)
    for _ in range(3):
        story.step()
    assert [state for _, state in story.ends()] == [State.BLOCKED, State.EXECUTING]


def test_a_step_has_one_effect_at_most_and_moves_nothing_along_with_it(story: Story) -> None:
    story.fires(DRIFT)
    story.propose(Remedy.RETRAIN)
    story.propose(Remedy.PROMOTE, to=story.register())
    while story.opened():
        states, effects = {r.id: r.state for r in story.history()}, len(story.ledger.effects)
        story.tick()
        story.step()
        made = len(story.ledger.effects) - effects
        assert made == 0 or (made == 1 and states == {r.id: r.state for r in story.history()})


@pytest.mark.parametrize("remedy", [Remedy.RETRAIN, Remedy.PROMOTE, Remedy.ROLLBACK, Remedy.ARCHIVE])
@pytest.mark.parametrize("state", [State.EXECUTING, State.VERIFYING, State.COMPENSATING])
def test_whatever_is_under_way_and_makes_no_sense_gets_off_the_endpoint_in_time(
    story: Story, remedy: Remedy, state: State
) -> None:
    """No plan, no target, and a world that answers nothing: everything open has a deadline that needs none of them."""
    story.propose(remedy, state=state, verify_since=story.now, deadline_at=story.now + timedelta(hours=1))
    story.serving.fail_next(PlatformError("away", permanent=False), times=10_000)
    story.registry.fail_next(PlatformError("away", permanent=False), times=10_000)
    for _ in range(80):
        story.now += timedelta(minutes=5)
        try:
            story.step()
        except (PlatformError, ValueError, KeyError):
            continue
    assert story.newest().state in (State.FAILED, State.NEEDS_HUMAN)


def test_who_comes_too_late_says_so_and_changes_nothing(story: Story) -> None:
    one = story.propose(Remedy.PROMOTE, to=story.register())
    story.step()
    late = move_alone(story.store, one, State.EXPIRED, "too old", now=story.now)
    assert (late.state, late.sentence) == (State.PROPOSED, "somebody else moved it first")
    assert story.newest().state is State.EXECUTING
    with story.memory.read() as tx:
        assert [e.kind for e in events.history(tx, limit=9)] == ["remediation.executing", "remediation.approved"]


def test_a_verification_waits_as_long_as_its_remedys_steps_may_take(tell: Tell) -> None:
    patience = timedelta(hours=9)
    story = tell(promote=Promote(canary=(), timeout=patience))
    story.propose(Remedy.PROMOTE, to=story.register())
    story.live(until=State.VERIFYING)
    assert story.newest().deadline_at == story.now + patience


def test_an_unfinished_remediation_outlives_a_restart(story: Story) -> None:
    story.propose(Remedy.PROMOTE, to=story.register())
    while story.opened():
        story.tick()
        story.step()
        story.restart()
    assert story.newest().state is State.SUCCEEDED
    assert len(story.ledger.of("serving.update")) == 5


def test_no_other_endpoint_is_touched(story: Story) -> None:
    story.serving.add("delays", "prod.ml.other", {1: 100})
    story.propose(Remedy.PROMOTE, to=story.register())
    story.live()
    assert {e.subject for e in story.ledger.of("serving.update")} == {ENDPOINT}
