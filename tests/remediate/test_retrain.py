"""What a training job is told, and which version is taken for its own."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from daemon.adapters.databricks.jobs import read_run
from daemon.config.detection import BaselineSettings
from daemon.config.endpoint import EndpointSettings
from daemon.config.labels import Labels
from daemon.domain.registry import JOB_PARAMETERS, ModelVersion, RunState
from daemon.domain.remediation import Remedy, Standing, State, Step, StepState, token
from daemon.ports import PlatformError
from daemon.remediate.cycle import Stepped
from daemon.remediate.journal import Act, Outcome
from daemon.remediate.retrain import REGISTERS_WITHIN, TAG, acts, parameters, registered
from tests.remediate.stories import DRIFT, ENDPOINT, JOB, MODEL, START, Story, proposal

LATER = START + timedelta(hours=1)
RETRAIN = replace(proposal(Remedy.RETRAIN, START), id="mine", from_version=4)


def version(n: int, *, at: datetime = LATER, ready: bool = True, by: str = "") -> ModelVersion:
    return ModelVersion(MODEL, n, at, ready, "run", {TAG: by} if by else {})


CHAMPION = version(4, at=START - timedelta(days=9))


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ([], None),
        ([version(5)], 5),
        ([version(5, at=START)], 5),
        ([version(5, at=START - timedelta(seconds=1))], None),
        ([version(5, ready=False)], None),
        ([version(5), version(6)], None),
        ([version(3)], None),
        ([version(5, by="mine"), version(6)], 5),
        ([version(5), version(6, by="mine")], 6),
        ([version(5, by="mine"), version(6, by="mine")], 6),
        ([version(5, by="mine"), version(6, by="mine", ready=False)], None),
        ([version(5), version(6, by="mine", ready=False)], None),
        ([version(5, by="another")], None),
        ([version(5), version(6, by="another")], 5),
        ([version(5, by="mine", at=START - timedelta(hours=1))], 5),
    ],
)
def test_only_a_version_that_is_surely_its_own_becomes_the_challenger(
    versions: list[ModelVersion], expected: int | None
) -> None:
    assert registered([CHAMPION, *versions], RETRAIN, since=START).version == expected


def test_a_version_registered_before_the_run_began_is_not_the_runs() -> None:
    by_hand = version(5, at=START + timedelta(minutes=10))
    assert registered([CHAMPION, by_hand], RETRAIN, since=LATER).version is None


SETTINGS = EndpointSettings(name="flights", table="/t", model=MODEL)
DRIFTS = {"version": 4, "check": "distance/ks", "against": "baseline"}


def test_the_job_is_told_what_it_needs_in_words() -> None:
    evidence = {"since": "2026-02-27T00:00:00+00:00", "findings": [DRIFTS, {"version": 4, "check": "hour/psi"}]}
    assert parameters(replace(RETRAIN, evidence=evidence), SETTINGS) == {
        "endpoint": "flights",
        "model": MODEL,
        "reason": "so told",
        "remediation": "mine",
        "finding": "flights:4:distance/ks",
        "champion_version": "4",
        "baseline": "training",
        "window_start": "2026-02-27T00:00:00+00:00",
        "window_end": START.isoformat(),
    }
    assert tuple(parameters(RETRAIN, SETTINGS)) == JOB_PARAMETERS


def test_without_a_beginning_the_trouble_begins_with_the_proposal() -> None:
    told = parameters(replace(RETRAIN, evidence={"since": None}, from_version=None), SETTINGS)
    assert (told["window_start"], told["champion_version"]) == (START.isoformat(), "")


@pytest.mark.parametrize(
    ("findings", "finding"),
    [(None, ""), ([], ""), ("odd", ""), ([{"check": "distance/ks"}], ""), ([DRIFTS], "flights:4:distance/ks")],
)
def test_a_retraining_that_no_finding_led_to_names_none(findings: object, finding: str) -> None:
    assert parameters(replace(RETRAIN, evidence={"findings": findings}), SETTINGS)["finding"] == finding


@pytest.mark.parametrize(
    ("check", "changes", "baseline"),
    [
        ("distance/ks", {"baseline": BaselineSettings(kind="seasonal")}, "seasonal"),
        ("distance/ks", {"baseline": BaselineSettings(path="s3://b/rows.parquet")}, "s3://b/rows.parquet"),
        ("accuracy", {}, "first"),
        ("accuracy", {"labels": Labels(baseline="run")}, "run"),
        ("margin/kpi", {"labels": Labels(baseline="run")}, "run"),
        ("a/statistic/of/tomorrow", {}, "training"),
    ],
)
def test_the_job_is_told_what_the_finding_was_compared_with(check: str, changes: dict[str, Any], baseline: str) -> None:
    evidence = {"findings": [{"version": 4, "check": check}]}
    told = parameters(replace(RETRAIN, evidence=evidence), SETTINGS.model_copy(update=changes))
    assert told["baseline"] == baseline


def training(story: Story, run_id: object) -> Act:
    done = Step("mine", 0, "run", StepState.DONE, "t", result={"run_id": run_id}, started_at=START)
    return acts(RETRAIN, story.settings, story.jobs, story.registry, done={"run": done}, now=story.now)[1]


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        (RunState.WAITING, Outcome.WAIT),
        (RunState.RUNNING, Outcome.WAIT),
        (RunState.UNKNOWN, Outcome.WAIT),
        (RunState.SUCCEEDED, Outcome.DONE),
        (RunState.FAILED, Outcome.FAILED),
        (RunState.CANCELLED, Outcome.CANCELLED),
    ],
)
def test_a_run_is_followed_until_it_surely_ended(story: Story, state: RunState, outcome: Outcome) -> None:
    story.jobs.add(JOB, state, message="out of memory")
    run_id = story.jobs.start(JOB, parameters(RETRAIN, SETTINGS), token="t")
    seen = training(story, run_id).look(Step("mine", 1, "training", StepState.INTENT, "u"))
    assert seen.outcome is outcome
    assert ("out of memory" in seen.detail) is (outcome in (Outcome.FAILED, Outcome.CANCELLED))


def test_a_run_that_was_deleted_is_an_error_that_stays(story: Story) -> None:
    with pytest.raises(PlatformError) as caught:
        training(story, 9).look(Step("mine", 1, "training", StepState.INTENT, "u"))
    assert caught.value.permanent


def test_the_job_that_was_intended_is_the_one_that_is_started_whatever_the_settings_say_by_then(story: Story) -> None:
    run, _, challenger = acts(RETRAIN, story.settings, story.jobs, story.registry, done={}, now=story.now)
    intent = Step("mine", 0, "run", StepState.INTENT, "t", run.base())
    assert run.look(intent).outcome is Outcome.READY
    other = story.settings.model_copy(update={"retrain": story.settings.retrain.model_copy(update={"job_id": 8})})
    again = acts(RETRAIN, other, story.jobs, story.registry, done={}, now=story.now)[0]
    assert again.do is not None
    run_id = again.do(intent)["run_id"]
    assert story.jobs.runs[int(str(run_id))].job_id == JOB
    assert again.look(replace(intent, result={"run_id": run_id})).outcome is Outcome.DONE
    assert challenger.within == REGISTERS_WITHIN


def retraining(story: Story, **changes: Any) -> Story:
    story.fires(DRIFT)
    story.propose(Remedy.RETRAIN, **changes)
    return story


def test_a_retraining_hands_its_version_over_to_a_promotion(story: Story) -> None:
    retraining(story).live(until=State.PROPOSED)
    retrain, promote = story.history()
    assert (retrain.state, retrain.to_version) == (State.SUCCEEDED, 2)
    assert (promote.remedy, promote.from_version, promote.to_version) == (Remedy.PROMOTE, 1, 2)
    assert promote.deadline_at == promote.created_at + timedelta(hours=24)
    assert (promote.parent_id, promote.evidence, promote.guards) == (retrain.id, retrain.evidence, ())
    (run,) = story.jobs.runs.values()
    assert run.parameters == parameters(retrain, story.settings)
    assert run.token == token(retrain.id, "run")


def test_a_run_that_fails_ends_the_retraining(story: Story) -> None:
    story.jobs.add(JOB, RunState.WAITING, RunState.RUNNING, RunState.FAILED, message="out of memory")
    assert retraining(story).live().ends() == [(Remedy.RETRAIN, State.FAILED)]
    assert story.newest().outcome == "run 1001 failed: out of memory"


def test_a_run_that_was_skipped_has_failed_and_says_why(story: Story) -> None:
    skipped = read_run(1001, {"state": {"life_cycle_state": "SKIPPED", "state_message": "too many runs"}})
    story.jobs.add(JOB, skipped.state, message=skipped.message)
    assert retraining(story).live().ends() == [(Remedy.RETRAIN, State.FAILED)]
    assert story.newest().outcome == "run 1001 failed: SKIPPED: too many runs"


def test_a_run_that_a_person_cancels_is_cancelled_and_no_failure(story: Story) -> None:
    story.jobs.add(JOB, RunState.RUNNING)
    retraining(story).live(until=State.EXECUTING)
    while not story.jobs.runs:
        story.live(until=State.EXECUTING)
    story.jobs.finish(1001, RunState.CANCELLED, message="by ana")
    assert story.live().ends() == [(Remedy.RETRAIN, State.CANCELLED)]
    assert story.newest().outcome == "run 1001 cancelled: by ana"


def test_a_job_that_registers_nothing_is_not_waited_for_for_ever(story: Story) -> None:
    story.jobs.on_success(JOB, lambda given: None)
    retraining(story).live()
    assert story.ends() == [(Remedy.RETRAIN, State.FAILED)]
    assert "registered no version" in story.newest().outcome


def test_what_was_registered_by_hand_while_the_proposal_waited_is_not_taken_for_the_runs(story: Story) -> None:
    story.jobs.on_success(JOB, lambda given: None)
    story.serving.unknown(ENDPOINT)
    retraining(story).live(until=State.BLOCKED)
    story.register()
    story.serving.unknown(ENDPOINT, False)
    assert story.live().ends() == [(Remedy.RETRAIN, State.FAILED)]


def test_two_new_versions_are_one_too_many_to_choose_from(story: Story) -> None:
    story.jobs.on_success(JOB, lambda given: [story.register(), story.register()])
    assert retraining(story).live().ends() == [(Remedy.RETRAIN, State.FAILED)]
    assert "versions 2, 3 may each be its own" in story.newest().outcome


def test_a_version_that_is_ready_only_after_a_while_is_waited_for(story: Story) -> None:
    story.jobs.on_success(JOB, lambda given: story.register(tags={TAG: given["remediation"]}, ready=False))
    retraining(story)
    while "not ready" not in (story.step() or stepped_never()).sentence:
        story.tick()
    story.registry.ready(MODEL, 2)
    story.step()
    assert story.history()[0].to_version is None, "handing over is a step of its own"
    story.step()
    assert (story.history()[0].state, story.history()[0].to_version) == (State.SUCCEEDED, 2)


def test_a_version_that_never_gets_ready_is_promoted_by_nobody(story: Story) -> None:
    story.jobs.on_success(JOB, lambda given: story.register(tags={TAG: given["remediation"]}, ready=False))
    assert retraining(story).live().ends() == [(Remedy.RETRAIN, State.FAILED)]
    assert "version 2, which it registered, is not ready" in story.newest().outcome


def stepped_never() -> Stepped:
    raise AssertionError("nothing is open any more")


@pytest.mark.parametrize(
    ("state", "told"), [(RunState.RUNNING, "running and still goes on"), (RunState.UNKNOWN, "unknown and may still go")]
)
def test_a_run_that_hangs_past_its_time_has_failed_and_is_said_to_go_on(
    story: Story, state: RunState, told: str
) -> None:
    story.jobs.add(JOB, state)
    began = story.now
    retraining(story).live()
    assert story.ends() == [(Remedy.RETRAIN, State.FAILED)]
    assert timedelta(0) < story.now - began - story.settings.retrain.timeout <= timedelta(minutes=15)
    assert "run 1001 has not ended within 6:00:00" in story.newest().outcome
    assert told in story.newest().outcome


def test_a_run_that_nobody_can_look_at_in_time_has_failed_and_may_go_on(story: Story) -> None:
    story.jobs.add(JOB, RunState.RUNNING)
    retraining(story)
    while not story.jobs.runs:
        story.live(until=State.EXECUTING)
    story.jobs.fail_next(PlatformError("away", permanent=False), call="run", times=999)
    assert story.live().ends() == [(Remedy.RETRAIN, State.FAILED)]
    assert "run 1001 has not ended" in story.newest().outcome
    assert "cannot be seen" in story.newest().outcome


def test_what_a_run_registers_after_its_time_is_not_taken_up(story: Story) -> None:
    story.jobs.add(JOB, RunState.RUNNING)
    retraining(story).live()
    story.jobs.finish(1001, RunState.SUCCEEDED)
    story.register(tags={TAG: story.newest().id})
    for _ in range(5):
        story.tick()
        story.step()
    assert story.ends() == [(Remedy.RETRAIN, State.FAILED)]


def test_a_job_that_does_not_exist_ends_the_retraining(story: Story) -> None:
    rules = story.settings.retrain.model_copy(update={"job_id": 999})
    story.settings = story.settings.model_copy(update={"retrain": rules})
    assert retraining(story).live().ends() == [(Remedy.RETRAIN, State.FAILED)]


def test_a_workspace_that_is_away_for_an_hour_costs_only_the_hour(story: Story) -> None:
    story.jobs.fail_next(PlatformError("away", permanent=False), call="start", times=12)
    retraining(story).live(until=State.PROPOSED)
    assert story.history()[0].state is State.SUCCEEDED
    assert len(story.jobs.runs) == 1


def test_a_lost_answer_starts_no_second_run(story: Story) -> None:
    story.jobs.lose_reply("start")
    retraining(story).live(until=State.PROPOSED)
    assert len(story.jobs.runs) == 1
    assert len(story.ledger.of("jobs.start")) == 1


def test_a_newer_challenger_takes_the_place_of_one_that_still_waits(story: Story) -> None:
    story.propose(Remedy.PROMOTE, to=story.register(), id="older", state=State.BLOCKED)
    story.stands(2, Standing.BAD)
    retraining(story).live(until=State.PROPOSED)
    waiting = {r.id: (r.state, r.to_version) for r in story.history() if r.remedy is Remedy.PROMOTE}
    assert waiting.pop("older") == (State.SUPERSEDED, 2)
    assert list(waiting.values()) == [(State.PROPOSED, 3)]
