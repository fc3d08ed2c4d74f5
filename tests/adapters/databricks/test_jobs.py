from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.adapters.databricks import DatabricksClient, DatabricksJobs
from daemon.adapters.databricks.jobs import RESULTS, STATES, read_run
from daemon.config.fields import Secret
from daemon.config.settings import Workspace
from daemon.domain.registry import RunState
from daemon.ports import PlatformError
from tests.adapters.local_server import Answer, LocalServer

RUN_NOW, GET = "/api/2.2/jobs/run-now", "/api/2.2/jobs/runs/get"


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


def test_a_start_is_sent_once_and_carries_the_token_of_whoever_asks(server: LocalServer, token: Path) -> None:
    server.on("POST", RUN_NOW, Answer({}, 503, {"Retry-After": "0"}), Answer({"run_id": 7}))
    jobs = DatabricksJobs(DatabricksClient(Workspace(host=server.url, token=Secret(file=token))))
    with pytest.raises(PlatformError) as caught:
        jobs.start(11, {}, token="t-1")
    assert not caught.value.permanent
    assert jobs.start(11, {}, token="t-1") == 7
    assert [asked.json["idempotency_token"] for asked in server.to(RUN_NOW)] == ["t-1", "t-1"]
