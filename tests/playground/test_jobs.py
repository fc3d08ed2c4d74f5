"""Jobs as the SDK sees them: a run is one process, started once, followed to its end or its cancellation."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, ResourceDoesNotExist
from databricks.sdk.service.jobs import (
    RunLifeCycleState,
    RunLifecycleStateV2State,
    RunResultState,
    TerminationCodeCode,
    TerminationTypeType,
)

from playground.process import Playground
from tests.playground.conftest import Caller

_FUTURE = "2100-01-01T00:00:00+00:00"


@pytest.fixture
def job_id(playground: Playground, workspace: WorkspaceClient, alone_with_jobs: None) -> Iterator[int]:
    """The job of air-time, with nothing left running afterwards."""
    job_id = playground.address.jobs["retrain-air-time"]
    yield job_id
    for run in workspace.jobs.list_runs(job_id=job_id, active_only=True):
        assert run.run_id
        workspace.jobs.cancel_run_and_wait(run.run_id)


def test_the_job_declares_its_parameters(workspace: WorkspaceClient, job_id: int) -> None:
    settings = workspace.jobs.get(job_id).settings
    assert settings and settings.max_concurrent_runs == 1
    assert settings.name == "retrain-air-time"
    assert {p.name: p.default for p in settings.parameters or []} == {
        "endpoint": "air-time",
        "model": "air_time",
        "reason": "",
        "remediation": "",
        "finding": "",
        "champion_version": "",
        "baseline": "",
        "window_start": "",
        "window_end": "",
    }


def test_the_same_idempotency_token_gives_the_same_run(
    workspace: WorkspaceClient, playground: Playground, job_id: int
) -> None:
    token = uuid.uuid4().hex
    first: int = workspace.jobs.run_now(job_id, idempotency_token=token).run_id
    second: int = workspace.jobs.run_now(job_id, idempotency_token=token).run_id
    assert first == second
    runs = [run.run_id for run in workspace.jobs.list_runs(job_id=job_id)]
    assert runs.count(first) == 1
    body = {"job_id": job_id, "idempotency_token": token}
    effects = [effect for effect in playground.control.effects() if effect["body"] == body]
    assert ["started run" in effect["what"] for effect in effects] == [True, False]


def test_a_run_that_fails_says_why(workspace: WorkspaceClient, job_id: int) -> None:
    wait = workspace.jobs.run_now(job_id, job_parameters={"window_start": _FUTURE})
    started = workspace.jobs.get_run(wait.run_id)
    assert started.state and started.status and started.end_time == 0
    assert started.state.life_cycle_state in (RunLifeCycleState.PENDING, RunLifeCycleState.RUNNING)
    assert started.status.state in (RunLifecycleStateV2State.PENDING, RunLifecycleStateV2State.RUNNING)
    run = wait.result()
    assert run.state and run.state.life_cycle_state is RunLifeCycleState.TERMINATED
    assert run.state.result_state is RunResultState.FAILED
    assert run.status and run.status.termination_details
    assert run.status.termination_details.code is TerminationCodeCode.RUN_EXECUTION_ERROR
    assert run.status.termination_details.type is TerminationTypeType.CLIENT_ERROR
    assert "0 labelled rows since 2100" in (run.state.state_message or "")
    assert {"window_start": _FUTURE}.items() <= {p.name: p.value for p in run.job_parameters or []}.items()
    assert run.end_time and run.start_time and run.end_time > run.start_time


def test_a_canceled_run_ends_and_its_process_with_it(
    workspace: WorkspaceClient, playground: Playground, job_id: int
) -> None:
    reason = uuid.uuid4().hex
    wait = workspace.jobs.run_now(job_id, job_parameters={"reason": reason, "window_start": _FUTURE})
    run = workspace.jobs.cancel_run_and_wait(wait.run_id)
    assert run.state and run.state.result_state is RunResultState.CANCELED
    assert run.status and run.status.termination_details
    assert run.status.termination_details.code is TerminationCodeCode.USER_CANCELED
    assert not [line for line in _command_lines() if reason in line]
    # Left alone, it would have written that it has no labels.
    assert (playground.root / "jobs" / f"{wait.run_id}.log").read_text() == ""


def _command_lines() -> list[str]:
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_text())
        except (FileNotFoundError, ProcessLookupError):
            continue
    return lines


def test_a_second_run_beside_the_first_is_skipped(workspace: WorkspaceClient, job_id: int) -> None:
    workspace.jobs.run_now(job_id)
    skipped = workspace.jobs.run_now(job_id).result()
    assert skipped.state and skipped.state.life_cycle_state is RunLifeCycleState.SKIPPED
    assert skipped.state.result_state is RunResultState.MAXIMUM_CONCURRENT_RUNS_REACHED
    assert skipped.status and skipped.status.termination_details
    assert skipped.status.termination_details.code is TerminationCodeCode.MAX_CONCURRENT_RUNS_EXCEEDED


def test_only_declared_string_parameters_are_taken(workspace: WorkspaceClient, caller: Caller, job_id: int) -> None:
    with pytest.raises(BadRequest, match="surprise"):
        workspace.jobs.run_now(job_id, job_parameters={"surprise": "1"})
    body = {"job_id": job_id, "job_parameters": {"champion_version": 1}}
    assert caller.request("POST", "/api/2.2/jobs/run-now", body).status == 400
    with pytest.raises(BadRequest, match="64"):
        workspace.jobs.run_now(job_id, idempotency_token="x" * 65)
    assert not list(workspace.jobs.list_runs(job_id=job_id, active_only=True))


def test_runs_are_listed_newest_first_by_page_and_by_time(workspace: WorkspaceClient, job_id: int) -> None:
    before = datetime.now(UTC)
    runs = [workspace.jobs.run_now(job_id).run_id for _ in range(3)]
    listed = workspace.jobs.list_runs(job_id=job_id, limit=2, start_time_from=int(before.timestamp() * 1000))
    assert [run.run_id for run in listed] == runs[::-1]
    hour_ago = int((before - timedelta(hours=1)).timestamp() * 1000)
    assert not list(workspace.jobs.list_runs(job_id=job_id, start_time_to=hour_ago))


def test_what_is_not_there_does_not_exist(workspace: WorkspaceClient) -> None:
    with pytest.raises(ResourceDoesNotExist):
        workspace.jobs.get_run(1)
    with pytest.raises(ResourceDoesNotExist):
        workspace.jobs.get(1)
    with pytest.raises(BadRequest):
        workspace.jobs.run_now(1)
    with pytest.raises(BadRequest):
        workspace.jobs.cancel_run(1)
