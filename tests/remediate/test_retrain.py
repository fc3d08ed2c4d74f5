"""What a training job is told, and which version is taken for its own."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from daemon.domain.registry import ModelVersion, RunState
from daemon.domain.remediation import Remedy, Step, StepState
from daemon.ports import PlatformError
from daemon.remediate.journal import Act, Outcome
from daemon.remediate.retrain import REGISTERS_WITHIN, TAG, acts, parameters, registered
from tests.remediate.stories import JOB, MODEL, START, Story, proposal

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
        ([version(5, by="mine"), version(6, by="mine", ready=False)], 5),
        ([version(5), version(6, by="mine", ready=False)], None),
        ([version(5, by="another")], None),
        ([version(5), version(6, by="another")], 5),
        ([version(5, by="mine", at=START - timedelta(hours=1))], 5),
    ],
)
def test_only_a_version_that_is_surely_its_own_becomes_the_challenger(
    versions: list[ModelVersion], expected: int | None
) -> None:
    assert registered([CHAMPION, *versions], RETRAIN, since=START) == expected


def test_a_version_registered_before_the_run_began_is_not_the_runs() -> None:
    by_hand = version(5, at=START + timedelta(minutes=10))
    assert registered([CHAMPION, by_hand], RETRAIN, since=LATER) is None


def test_the_job_is_told_what_it_needs_in_words() -> None:
    assert parameters(replace(RETRAIN, evidence={"since": "2026-02-27T00:00:00+00:00"})) == {
        "endpoint": "flights",
        "model": MODEL,
        "reason": "so told",
        "remediation": "mine",
        "champion_version": "4",
        "window_start": "2026-02-27T00:00:00+00:00",
        "window_end": START.isoformat(),
    }


def test_without_a_beginning_the_trouble_begins_with_the_proposal() -> None:
    told = parameters(replace(RETRAIN, evidence={"since": None}, from_version=None))
    assert (told["window_start"], told["champion_version"]) == (START.isoformat(), "")


def training(story: Story, run_id: object) -> Act:
    done = Step("mine", 0, "run", StepState.DONE, "t", result={"run_id": run_id}, started_at=START)
    return acts(RETRAIN, story.settings, story.jobs, story.registry, done={"run": done})[1]


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        (RunState.WAITING, Outcome.WAIT),
        (RunState.RUNNING, Outcome.WAIT),
        (RunState.UNKNOWN, Outcome.WAIT),
        (RunState.SUCCEEDED, Outcome.DONE),
        (RunState.FAILED, Outcome.FAILED),
        (RunState.CANCELLED, Outcome.FAILED),
    ],
)
def test_a_run_is_followed_until_it_surely_ended(story: Story, state: RunState, outcome: Outcome) -> None:
    story.jobs.add(JOB, state, message="out of memory")
    run_id = story.jobs.start(JOB, {}, token="t")
    seen = training(story, run_id).look(Step("mine", 1, "training", StepState.INTENT, "u"))
    assert seen.outcome is outcome
    assert ("out of memory" in seen.detail) is (outcome is Outcome.FAILED)


def test_a_run_that_was_deleted_is_an_error_that_stays(story: Story) -> None:
    with pytest.raises(PlatformError) as caught:
        training(story, 9).look(Step("mine", 1, "training", StepState.INTENT, "u"))
    assert caught.value.permanent


def test_the_job_that_was_intended_is_the_one_that_is_started_whatever_the_settings_say_by_then(story: Story) -> None:
    run, _, challenger = acts(RETRAIN, story.settings, story.jobs, story.registry, done={})
    intent = Step("mine", 0, "run", StepState.INTENT, "t", run.base())
    assert run.look(intent).outcome is Outcome.READY
    other = story.settings.model_copy(update={"retrain": story.settings.retrain.model_copy(update={"job_id": 8})})
    again = acts(RETRAIN, other, story.jobs, story.registry, done={})[0]
    assert again.do is not None
    run_id = again.do(intent)["run_id"]
    assert story.jobs.runs[int(str(run_id))].job_id == JOB
    assert again.look(replace(intent, result={"run_id": run_id})).outcome is Outcome.DONE
    assert challenger.within == REGISTERS_WITHIN
