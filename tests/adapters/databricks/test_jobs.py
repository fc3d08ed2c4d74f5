from pathlib import Path
from typing import Any

import pytest
from databricks.sdk.service import jobs as sdk
from hypothesis import given
from hypothesis import strategies as st

from daemon.adapters.databricks import DatabricksClient, DatabricksJobs
from daemon.adapters.databricks.jobs import RESULTS, STATES, read_run
from daemon.config.fields import Secret
from daemon.config.settings import Workspace
from daemon.domain.registry import RunState
from daemon.ports import PlatformError
from tests.adapters.local_server import Answer, LocalServer

RUN_NOW, GET, JOB = "/api/2.2/jobs/run-now", "/api/2.2/jobs/runs/get", "/api/2.2/jobs/get"


def new(state: str, code: str | None = None, message: str = "") -> dict[str, Any]:
    details = {"code": code, "type": "CLIENT_ERROR", "message": message} if code else None
    return {"status": {"state": state, "termination_details": details}}


def old(state: str, result: str | None = None, message: str = "") -> dict[str, Any]:
    return {"state": {"life_cycle_state": state, "result_state": result, "state_message": message}}


@pytest.mark.parametrize(
    ("shown", "state"),
    [
        (new("BLOCKED"), RunState.WAITING),
        (new("PENDING"), RunState.WAITING),
        (new("QUEUED"), RunState.WAITING),
        (new("WAITING"), RunState.WAITING),
        (new("RUNNING"), RunState.RUNNING),
        (new("TERMINATING", "USER_CANCELED"), RunState.RUNNING),
        (new("TERMINATED", "SUCCESS"), RunState.SUCCEEDED),
        (new("TERMINATED", "SUCCESS_WITH_FAILURES"), RunState.FAILED),
        (new("TERMINATED", "RUN_EXECUTION_ERROR"), RunState.FAILED),
        (new("TERMINATED", "MAX_CONCURRENT_RUNS_EXCEEDED"), RunState.FAILED),
        (new("TERMINATED", "SKIPPED"), RunState.FAILED),
        (new("TERMINATED", "INTERNAL_ERROR"), RunState.FAILED),
        (new("TERMINATED", "ABDUCTED_BY_ALIENS"), RunState.FAILED),
        (new("TERMINATED", "CANCELED"), RunState.CANCELLED),
        (new("TERMINATED", "USER_CANCELED"), RunState.CANCELLED),
        (new("TERMINATED"), RunState.UNKNOWN),
        (new("LEVITATING"), RunState.UNKNOWN),
        (old("WAITING_FOR_RETRY"), RunState.WAITING),
        (old("RUNNING"), RunState.RUNNING),
        (old("TERMINATED", "SUCCESS"), RunState.SUCCEEDED),
        (old("TERMINATED", "SUCCESS_WITH_FAILURES"), RunState.FAILED),
        (old("TERMINATED", "TIMEDOUT"), RunState.FAILED),
        (old("TERMINATED", "CANCELED"), RunState.CANCELLED),
        (old("TERMINATED", "UPSTREAM_CANCELED"), RunState.CANCELLED),
        (old("TERMINATED"), RunState.UNKNOWN),
        (old("SKIPPED"), RunState.FAILED),
        (old("INTERNAL_ERROR"), RunState.FAILED),
        (old("INTERNAL_ERROR", "FAILED"), RunState.FAILED),
        ({}, RunState.UNKNOWN),
        (new("LEVITATING") | old("RUNNING"), RunState.RUNNING),
        (new("RUNNING") | old("TERMINATED", "SUCCESS"), RunState.RUNNING),
    ],
)
def test_a_run_is_read_from_its_status_or_else_from_its_older_state(shown: dict[str, Any], state: RunState) -> None:
    assert read_run(7, shown).state is state


@given(st.text(), st.text(), st.booleans())
def test_a_state_that_nobody_knows_is_never_an_end(word: str, result: str, newer: bool) -> None:
    if word in STATES or word == "TERMINATED":
        return
    assert read_run(7, new(word, result) if newer else old(word, result)).state is RunState.UNKNOWN


@given(st.text(min_size=1), st.booleans())
def test_only_success_is_a_success(result: str, newer: bool) -> None:
    state = read_run(7, new("TERMINATED", result) if newer else old("TERMINATED", result)).state
    assert (state is RunState.SUCCEEDED) == (result == "SUCCESS")
    assert state.ended
    assert result in RESULTS or state is RunState.FAILED


def test_the_message_is_in_the_platforms_words() -> None:
    failed = read_run(7, new("TERMINATED", "RUN_EXECUTION_ERROR", "Task train failed: out of memory"))
    assert failed.message == "RUN_EXECUTION_ERROR: Task train failed: out of memory"
    assert read_run(7, old("TERMINATED", "FAILED", "boom")).message == "FAILED: boom"
    assert read_run(7, new("LEVITATING")).message == "LEVITATING"
    queued = {"status": {"state": "QUEUED", "queue_details": {"message": "Queued: no free slot."}}}
    assert read_run(7, queued).message == "QUEUED: Queued: no free slot."
    assert len(read_run(7, old("TERMINATED", "FAILED", "x" * 9000)).message) <= 500


W, R, F, C = RunState.WAITING, RunState.RUNNING, RunState.FAILED, RunState.CANCELLED
UNDER_WAY: dict[str, RunState] = {
    "BLOCKED": W,
    "PENDING": W,
    "QUEUED": W,
    "WAITING": W,
    "WAITING_FOR_RETRY": W,
    "RUNNING": R,
    "TERMINATING": R,
    "SKIPPED": F,
    "INTERNAL_ERROR": F,
}
RESULT: dict[str, RunState] = {
    "SUCCESS": RunState.SUCCEEDED,
    "SUCCESS_WITH_FAILURES": F,
    "FAILED": F,
    "TIMEDOUT": F,
    "CANCELED": C,
    "EXCLUDED": F,
    "DISABLED": F,
    "MAXIMUM_CONCURRENT_RUNS_REACHED": F,
    "UPSTREAM_FAILED": F,
    "UPSTREAM_CANCELED": C,
}
CODE: dict[str, RunState] = {
    "SUCCESS": RunState.SUCCEEDED,
    "SUCCESS_WITH_FAILURES": F,
    "CANCELED": C,
    "USER_CANCELED": C,
    "RUN_EXECUTION_ERROR": F,
    "SKIPPED": F,
    "INTERNAL_ERROR": F,
    "DRIVER_ERROR": F,
    "CLUSTER_ERROR": F,
    "CLOUD_FAILURE": F,
    "MAX_CONCURRENT_RUNS_EXCEEDED": F,
    "MAX_JOB_QUEUE_SIZE_EXCEEDED": F,
    "MAX_SPARK_CONTEXTS_EXCEEDED": F,
    "WORKSPACE_RUN_LIMIT_EXCEEDED": F,
    "CLUSTER_REQUEST_LIMIT_EXCEEDED": F,
    "INVALID_CLUSTER_REQUEST": F,
    "INVALID_RUN_CONFIGURATION": F,
    "UNAUTHORIZED_ERROR": F,
    "RESOURCE_NOT_FOUND": F,
    "REPOSITORY_CHECKOUT_FAILED": F,
    "STORAGE_ACCESS_ERROR": F,
    "LIBRARY_INSTALLATION_ERROR": F,
    "BUDGET_POLICY_LIMIT_EXCEEDED": F,
    "FEATURE_DISABLED": F,
    "DISABLED": F,
    "BREAKING_CHANGE": F,
}


def test_every_state_that_the_sdk_knows_is_read() -> None:
    """A state that a newer SDK brings is noticed here, and so is one that it no longer has."""
    lives, newer = {s.value for s in sdk.RunLifeCycleState}, {s.value for s in sdk.RunLifecycleStateV2State}
    assert {*UNDER_WAY, "TERMINATED"} == lives | newer
    assert set(RESULT) == {r.value for r in sdk.RunResultState}
    assert set(CODE) == {c.value for c in sdk.TerminationCodeCode}
    for state, expected in UNDER_WAY.items():
        # whatever result comes with it, only TERMINATED says how a run has ended
        for result in (None, "SUCCESS", "FAILED"):
            assert read_run(7, old(state, result)).state is expected, state
            assert read_run(7, new(state, result)).state is expected, state
    assert {result: read_run(7, old("TERMINATED", result)).state for result in RESULT} == RESULT
    assert {code: read_run(7, new("TERMINATED", code)).state for code in CODE} == CODE


@pytest.fixture
def declares(server: LocalServer) -> None:
    """Let job 11 declare two parameters."""
    server.on("GET", JOB, Answer({"settings": {"parameters": [{"name": "reason", "default": ""}, {"name": "rows"}]}}))


@pytest.mark.usefixtures("declares")
def test_a_job_is_told_what_it_declares_and_nothing_else(
    server: LocalServer, client: DatabricksClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    server.on("POST", RUN_NOW, Answer({"run_id": 7}))
    DatabricksJobs(client).start(11, {"reason": "drift", "finding": "f", "baseline": "first"}, token="t-1")
    assert server.to(RUN_NOW)[0].json["job_parameters"] == {"reason": "drift"}
    assert server.to(JOB)[0].path == f"{JOB}?job_id=11"
    assert "job 11 declares no parameter finding, baseline" in caplog.text


@pytest.mark.parametrize("settings", [{}, {"settings": {}}, {"settings": {"parameters": None}}])
def test_a_job_without_parameters_is_started_without(
    server: LocalServer, client: DatabricksClient, settings: dict[str, Any]
) -> None:
    server.on("GET", JOB, Answer({"job_id": 11, **settings}))
    server.on("POST", RUN_NOW, Answer({"run_id": 7}))
    assert DatabricksJobs(client).start(11, {"reason": "drift"}, token="t-1") == 7
    assert server.to(RUN_NOW)[0].json["job_parameters"] == {}


def test_a_job_that_may_not_be_read_is_told_everything(server: LocalServer, client: DatabricksClient) -> None:
    server.on("GET", JOB, Answer({"error_code": "PERMISSION_DENIED", "message": "User may not view"}, 403))
    server.on("POST", RUN_NOW, Answer({"run_id": 7}))
    DatabricksJobs(client).start(11, {"reason": "drift"}, token="t-1")
    assert server.to(RUN_NOW)[0].json["job_parameters"] == {"reason": "drift"}


def test_while_the_workspace_does_not_say_what_a_job_declares_none_is_started(
    server: LocalServer, client: DatabricksClient
) -> None:
    server.on("GET", JOB, Answer({"message": "oops"}, 500))
    with pytest.raises(PlatformError) as caught:
        DatabricksJobs(client).start(11, {"reason": "drift"}, token="t-1")
    assert not caught.value.permanent
    assert server.to(RUN_NOW) == []


@pytest.mark.usefixtures("declares")
def test_a_run_is_started_with_its_token(server: LocalServer, client: DatabricksClient) -> None:
    server.on("POST", RUN_NOW, Answer({"run_id": 455644833, "number_in_job": 455644833}))
    assert DatabricksJobs(client).start(11, {"reason": "drift"}, token="t-1") == 455644833
    assert server.to(RUN_NOW)[0].json == {
        "job_id": 11,
        "job_parameters": {"reason": "drift"},
        "idempotency_token": "t-1",
    }


def test_a_run_is_asked_for_by_its_id(server: LocalServer, client: DatabricksClient) -> None:
    server.on("GET", GET, Answer({"run_id": 7} | new("RUNNING")))
    assert DatabricksJobs(client).run(7).state is RunState.RUNNING
    assert server.to(GET)[0].path == f"{GET}?run_id=7"


@pytest.mark.usefixtures("declares")
def test_a_start_is_sent_once_and_carries_the_token_of_whoever_asks(server: LocalServer, token: Path) -> None:
    server.on("POST", RUN_NOW, Answer({}, 503, {"Retry-After": "0"}), Answer({"run_id": 7}))
    jobs = DatabricksJobs(DatabricksClient(Workspace(host=server.url, token=Secret(file=token))))
    with pytest.raises(PlatformError) as caught:
        jobs.start(11, {}, token="t-1")
    assert not caught.value.permanent
    assert jobs.start(11, {}, token="t-1") == 7
    assert [asked.json["idempotency_token"] for asked in server.to(RUN_NOW)] == ["t-1", "t-1"]
