"""A rollback from its proposal to its end: verified, or a person is called; never called a success unmeasured."""

from datetime import timedelta

import pytest

from daemon.domain.event import Severity
from daemon.domain.finding import Verdict
from daemon.domain.remediation import Mode, Remedy, Standing, State
from daemon.ports import PlatformError
from daemon.remediate.stale import ARCHIVED
from daemon.store import events
from tests.remediate.stories import AUTO, DRIFT, ENDPOINT, JOB, MINUTE, MODEL, Story


def bad_release(story: Story) -> Story:
    """Deploy version 2 by hand, let it fail, and propose to go back to version 1."""
    bad = story.register(aliases=("champion",))
    story.serving.deploy(ENDPOINT, {bad: 100})
    story.verdicts[bad] = Verdict.BREACH
    story.fires(version=bad)
    story.propose(Remedy.ROLLBACK, to=1, from_version=bad)
    return story


def test_a_bad_release_is_rolled_back_verified_and_remembered(story: Story) -> None:
    bad_release(story).live()
    assert story.ends() == [(Remedy.ROLLBACK, State.SUCCEEDED)]
    assert story.done() == [("serving.update", "{1: 100}"), ("registry.set_alias", "champion")]
    assert (story.traffic(), story.champion()) == ({1: 100}, 1)
    assert story.known() == {1: Standing.GOOD, 2: Standing.BAD}
    assert "2 healthy windows" in story.newest().outcome


def test_it_takes_what_a_bad_release_has_of_the_traffic_however_much(story: Story) -> None:
    bad_release(story)
    story.serving.deploy(ENDPOINT, {1: 70, 2: 30})
    assert story.live().newest().state is State.SUCCEEDED
    assert story.traffic() == {1: 100}


def test_only_windows_that_began_after_the_change_verify_it(story: Story) -> None:
    bad_release(story).live(until=State.VERIFYING)
    since = story.newest().verify_since
    assert since == story.now
    story.live()
    assert story.newest().updated_at - since >= 30 * MINUTE


def test_healthy_windows_from_before_prove_nothing(story: Story) -> None:
    for _ in range(12):
        story.tick()
    bad_release(story).live(until=State.VERIFYING)
    story.requests = 0
    assert story.live().newest().state is State.NEEDS_HUMAN


def test_a_target_that_is_not_well_either_calls_a_person(story: Story) -> None:
    story.verdicts[1] = Verdict.BREACH
    bad_release(story).live()
    assert story.ends() == [(Remedy.ROLLBACK, State.NEEDS_HUMAN)]
    assert "not well" in story.newest().outcome
    assert len(story.ledger.of("serving.update")) == 1, "no ping-pong"


@pytest.mark.parametrize("verdict", [Verdict.NO_DATA, Verdict.INCONCLUSIVE])
def test_what_was_not_measured_is_never_a_success(story: Story, verdict: Verdict) -> None:
    story.verdicts[1] = verdict
    bad_release(story).live(until=State.VERIFYING)
    began = story.now
    story.live()
    assert story.ends() == [(Remedy.ROLLBACK, State.NEEDS_HUMAN)]
    assert story.now - began >= story.settings.rollback.timeout
    assert story.known() == {1: Standing.GOOD}


def test_without_traffic_after_it_a_person_is_called(story: Story) -> None:
    bad_release(story).live(until=State.VERIFYING)
    story.requests = 0
    story.live()
    assert story.ends() == [(Remedy.ROLLBACK, State.NEEDS_HUMAN)]
    assert "0 of 2 healthy windows" in story.newest().outcome


def test_what_waits_for_a_person_keeps_the_endpoint_to_itself(story: Story) -> None:
    story.verdicts[1] = Verdict.BREACH
    bad_release(story).live()
    story.fires(version=1)
    story.propose(Remedy.ROLLBACK, to=2, from_version=1)
    story.stands(2, Standing.GOOD)
    before = story.done()
    story.step()
    assert story.newest().state is State.BLOCKED
    assert "slot" in story.newest().outcome
    story.live(most=400)
    assert story.done() == before
    assert [state for _, state in story.ends()] == [State.NEEDS_HUMAN, State.EXPIRED]


@pytest.mark.parametrize("looks", [2, 4])
def test_a_deployment_that_takes_its_time_is_waited_for(story: Story, looks: int) -> None:
    story.serving.looks = looks
    assert bad_release(story).live().newest().state is State.SUCCEEDED
    assert len(story.ledger.of("serving.update")) == 1


def test_a_deployment_that_hangs_calls_a_person(story: Story) -> None:
    story.serving.looks = None
    assert bad_release(story).live().newest().state is State.NEEDS_HUMAN


def test_a_deployment_that_fails_calls_a_person(story: Story) -> None:
    bad_release(story)
    story.serving.fail_update(ENDPOINT)
    assert story.live().newest().state is State.NEEDS_HUMAN
    assert "could not deploy version 1" in story.newest().outcome


def test_an_endpoint_that_was_deleted_under_way_calls_a_person(story: Story) -> None:
    bad_release(story).live(until=State.EXECUTING)
    gone = PlatformError("no such endpoint", permanent=True, missing=True)
    story.serving.fail_next(gone, call="state")
    assert story.live().newest().state is State.NEEDS_HUMAN


def test_an_endpoint_that_was_deleted_while_it_is_watched_calls_a_person(story: Story) -> None:
    bad_release(story).live(until=State.VERIFYING)
    story.serving.fail_next(PlatformError("no such endpoint", permanent=True, missing=True), call="state")
    assert story.live().newest().state is State.NEEDS_HUMAN


def test_a_workspace_that_stays_away_while_it_is_watched_calls_a_person(story: Story) -> None:
    bad_release(story).live(until=State.VERIFYING)
    story.serving.fail_next(PlatformError("away", permanent=False), call="state", times=99)
    story.requests = 0
    assert story.live().newest().state is State.NEEDS_HUMAN


def test_a_workspace_that_is_away_for_a_while_is_waited_for(story: Story) -> None:
    bad_release(story).live(until=State.EXECUTING)
    story.serving.fail_next(PlatformError("away", permanent=False), call="update", times=9)
    assert story.live().newest().state is State.SUCCEEDED
    assert len(story.ledger.of("serving.update")) == 1


def test_a_lost_answer_deploys_nothing_twice(story: Story) -> None:
    story.serving.lose_reply("update")
    assert bad_release(story).live().newest().state is State.SUCCEEDED
    assert len(story.ledger.of("serving.update")) == 1


def test_an_alias_that_named_nothing_of_this_is_pointed_at_the_version_in_charge(story: Story) -> None:
    bad_release(story)
    story.registry.add(MODEL, aliases=("champion",))
    assert story.live().champion() == 1


def training(story: Story) -> Story:
    story.fires(DRIFT, version=2)
    story.propose(Remedy.RETRAIN, from_version=2)
    story.live(until=State.EXECUTING)
    return story


def test_a_rollback_goes_past_a_training_that_runs(story: Story) -> None:
    story.jobs.add(JOB)
    story.serving.deploy(ENDPOINT, {story.register(): 100})
    training(story)
    story.fires(version=2)
    story.propose(Remedy.ROLLBACK, to=1, from_version=2)
    story.live()
    assert story.ends() == [(Remedy.RETRAIN, State.SUPERSEDED), (Remedy.ROLLBACK, State.SUCCEEDED)]
    assert story.traffic() == {1: 100}


@pytest.mark.parametrize("why", ["observe", "blocked"])
def test_a_rollback_that_does_not_go_itself_lets_the_training_go_on(story: Story, why: str) -> None:
    story.serving.deploy(ENDPOINT, {story.register(): 100})
    training(story)
    modes = {"rollback": Mode.OBSERVE if why == "observe" else Mode.AUTO, "promote": Mode.OFF}
    story.settings = story.settings.model_copy(update={"mode": AUTO.model_copy(update=modes)})
    if why == "blocked":
        story.stands(1, Standing.BAD)
    story.fires(version=2)
    story.propose(Remedy.ROLLBACK, to=1, from_version=2)
    story.live(most=400)
    assert story.history()[0].state is State.SUCCEEDED
    assert story.history()[1].state is (State.SHADOWED if why == "observe" else State.EXPIRED)


def test_the_target_must_be_there_and_not_in_the_archive(story: Story) -> None:
    bad_release(story)
    story.registry.set_tag(MODEL, 1, ARCHIVED, "long ago")
    story.step()
    assert story.newest().state is State.BLOCKED
    assert "archived" in story.newest().outcome


def test_a_rollback_that_is_held_up_is_told_once(story: Story) -> None:
    bad_release(story)
    story.fires(version=1, endpoint="delays")
    for _ in range(5):
        story.tick()
        story.step()
    with story.memory.read() as tx:
        told = [e for e in events.history(tx, limit=99) if e.dedup_key]
    assert [(e.kind, e.severity) for e in told] == [("remediation.blocked", Severity.WARNING)]
    assert "delays" in told[0].sentence


def test_a_second_rollback_waits_for_its_cooldown(story: Story) -> None:
    bad_release(story).live()
    ended = story.now
    bad_release_again = story.register()
    story.serving.deploy(ENDPOINT, {bad_release_again: 100})
    story.fires(version=bad_release_again)
    story.propose(Remedy.ROLLBACK, to=1, from_version=bad_release_again)
    story.step()
    assert "cooldown" in story.newest().outcome
    story.live(until=State.EXECUTING)
    assert timedelta(0) <= story.now - ended - story.settings.rollback.cooldown <= 5 * MINUTE
    assert story.live().newest().state is State.SUCCEEDED
