"""A proposal before the guards: through, held, ended; observe goes exactly the way that auto goes."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from daemon.domain.remediation import IN_FLIGHT, Mode, Remedy, Standing, State
from daemon.ports import PlatformError
from daemon.remediate.frozen import rules
from daemon.remediate.guards import GUARDS
from daemon.store import events
from tests.remediate.conftest import Tell
from tests.remediate.stories import AUTO, DRIFT, ENDPOINT, JOB, MODEL, Story
from tests.remediate.test_rollback import bad_release

OFF = Mode.OFF


def moded(story: Story, mode: Mode) -> Story:
    modes = AUTO.model_copy(update={remedy.value: mode for remedy in Remedy})
    story.settings = story.settings.model_copy(update={"mode": modes})
    return story


def retrain(story: Story) -> Story:
    story.fires(DRIFT)
    story.propose(Remedy.RETRAIN)
    return story


def promote(story: Story) -> Story:
    story.propose(Remedy.PROMOTE, to=story.register())
    return story


def housekeep(story: Story) -> Story:
    story.propose(Remedy.ARCHIVE, plan={"phase": "mark", "versions": [1]}, from_version=None)
    return story


BEGIN: dict[str, Callable[[Story], Story]] = {
    "retrain": retrain,
    "promote": promote,
    "rollback": bad_release,
    "archive": housekeep,
}


@pytest.fixture(params=BEGIN)
def begin(request: pytest.FixtureRequest) -> Callable[[Story], Story]:
    return BEGIN[request.param]


def test_what_every_guard_lets_through_is_executed(story: Story, begin: Callable[[Story], Story]) -> None:
    stepped = begin(story).step()
    assert stepped is not None
    assert (stepped.state, story.newest().state) == (State.EXECUTING, State.EXECUTING)
    assert not story.ledger.effects, "weighing is a step of its own"
    assert [g.guard for g in story.newest().guards] == list(GUARDS)


def test_observe_ends_in_the_shadow_with_the_same_answers_and_no_effect(
    tell: Tell, begin: Callable[[Story], Story]
) -> None:
    answers = []
    for mode in (Mode.AUTO, Mode.OBSERVE):
        story = begin(moded(tell(), mode))
        before = len(story.ledger.effects)
        story.step()
        answers.append([(g.guard, g.passed, g.detail.replace("observe", "auto")) for g in story.newest().guards])
        if mode is Mode.OBSERVE:
            story.live()
            assert story.newest().state is State.SHADOWED
            assert len(story.ledger.effects) == before
    assert answers[0] == answers[1]


def test_observe_is_held_up_where_auto_is(tell: Tell) -> None:
    outcomes = []
    for mode in (Mode.AUTO, Mode.OBSERVE):
        story = retrain(moded(tell(), mode))
        story.fires(endpoint="delays")
        story.step()
        outcomes.append((story.newest().state, story.newest().outcome))
    assert outcomes[0] == outcomes[1]
    assert outcomes[0][0] is State.BLOCKED


def test_observe_keeps_its_cooldown_so_that_it_does_not_repeat_itself(story: Story) -> None:
    retrain(moded(story, Mode.OBSERVE)).live()
    story.fires(DRIFT)
    story.propose(Remedy.RETRAIN)
    story.step()
    assert "cooldown" in story.newest().outcome


def test_off_ends_a_proposal(story: Story, begin: Callable[[Story], Story]) -> None:
    begin(moded(story, OFF)).live()
    assert story.newest().state is State.EXPIRED
    assert story.newest().outcome == "mode is off"


@pytest.mark.parametrize("lacking", ["retrain", "archive"])
def test_a_remedy_that_lacks_what_it_needs_is_off(story: Story, lacking: str) -> None:
    without = {"retrain": {"job_id": None}, "archive": {"folder": None}}[lacking]
    rules = getattr(story.settings, lacking).model_copy(update=without)
    story.settings = story.settings.model_copy(update={lacking: rules})
    assert BEGIN[lacking](story).live().newest().state is State.EXPIRED


def test_a_finding_that_is_over_ends_its_proposal(story: Story) -> None:
    retrain(story).calms()
    assert story.live().newest().state is State.EXPIRED
    assert not story.jobs.runs


@pytest.mark.parametrize("name", ["retrain", "promote", "rollback"])
def test_a_world_that_somebody_changed_supersedes_the_proposal(story: Story, name: str) -> None:
    BEGIN[name](story)
    story.serving.deploy(ENDPOINT, {9: 100})
    assert story.live().newest().state is State.SUPERSEDED
    assert not story.ledger.effects


def test_a_proposal_that_nothing_lets_through_in_time_expires(story: Story, begin: Callable[[Story], Story]) -> None:
    earlier = story.now - timedelta(days=1)
    story.propose(Remedy.ROLLBACK, id="in the way", state=State.NEEDS_HUMAN, created_at=earlier)
    begin(story)
    story.now += timedelta(hours=24)
    assert story.step() is not None
    assert story.newest().state is not State.EXPIRED
    story.now += timedelta(seconds=1)
    story.step()
    assert story.newest().state is State.EXPIRED


def test_a_proposal_that_is_held_up_is_written_once_for_each_reason(story: Story) -> None:
    retrain(story).fires(endpoint="delays")
    states = [story.step() for _ in range(3)]
    assert [s.waits for s in states if s] == [False, True, True]
    story.serving.unknown(ENDPOINT)
    assert story.step()
    assert story.newest().outcome == "alone: also ill: delays; settled: the endpoint's last update: unknown"
    with story.memory.read() as tx:
        assert [e.kind for e in events.history(tx, limit=9)] == ["remediation.blocked"] * 2
        assert not [e for e in events.history(tx, limit=9) if e.dedup_key], "only a rollback that is held up is told"


def test_a_cooldown_holds_a_retraining_and_then_lets_it_through(story: Story) -> None:
    story.jobs.on_success(JOB, lambda given: None)
    retrain(story).live()
    assert story.newest().state is State.FAILED
    ended = story.newest().updated_at
    story.now += timedelta(hours=20)
    story.seen()
    retrain(story).live(until=State.EXECUTING)
    assert timedelta(0) <= story.now - ended - story.settings.retrain.cooldown <= timedelta(minutes=5)


def test_a_world_that_cannot_be_read_lets_nothing_through(story: Story, begin: Callable[[Story], Story]) -> None:
    begin(story).serving.fail_next(PlatformError("away", permanent=False), call="state")
    with pytest.raises(PlatformError):
        story.step()
    assert story.newest().state is State.PROPOSED


def test_a_known_bad_version_is_not_promoted(story: Story) -> None:
    promote(story).stands(2, Standing.BAD)
    story.step()
    assert story.newest().outcome == "target: version 2 is known bad"


def test_a_version_that_vanished_is_no_target(story: Story) -> None:
    promote(story).registry.drop(MODEL, 2)
    story.step()
    assert story.newest().state is State.BLOCKED
    assert "not in the registry" in story.newest().outcome


def test_a_version_that_is_not_ready_is_no_target_yet(story: Story) -> None:
    story.propose(Remedy.PROMOTE, to=story.register(ready=False))
    story.step()
    assert story.newest().state is State.BLOCKED


def test_what_was_let_through_keeps_the_world_it_was_made_for(story: Story) -> None:
    bad_release(story).step()
    assert story.newest().state in IN_FLIGHT
    assert story.newest().plan == {
        "config_version": 2,
        "traffic": {"2": 100},
        "alias": "champion",
        "alias_version": 2,
        "canary": [10, 50],
        "standby": True,
        "rules": rules(story.settings, Remedy.ROLLBACK),
    }
