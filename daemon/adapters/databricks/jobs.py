"""The port Jobs: start a run once, and tell how it stands."""

import logging
from collections.abc import Mapping

from daemon.adapters.databricks.client import DatabricksClient, Json
from daemon.domain.registry import JobRun, RunState
from daemon.ports import PlatformError

log = logging.getLogger(__name__)
LONGEST = 500

STATES = {
    "BLOCKED": RunState.WAITING,
    "PENDING": RunState.WAITING,
    "QUEUED": RunState.WAITING,
    "WAITING": RunState.WAITING,
    "WAITING_FOR_RETRY": RunState.WAITING,
    "RUNNING": RunState.RUNNING,
    "TERMINATING": RunState.RUNNING,
    "SKIPPED": RunState.FAILED,
    "INTERNAL_ERROR": RunState.FAILED,
}
"""TERMINATED is not among them: it says that a run has ended, not how."""

RESULTS = {
    "SUCCESS": RunState.SUCCEEDED,
    "CANCELED": RunState.CANCELLED,
    "USER_CANCELED": RunState.CANCELLED,
    "UPSTREAM_CANCELED": RunState.CANCELLED,
}
"""Any other end is a failure, SUCCESS_WITH_FAILURES with it."""


class DatabricksJobs:
    def __init__(self, client: DatabricksClient) -> None:
        self._client = client

    def start(self, job_id: int, parameters: Mapping[str, str], *, token: str) -> int:
        declared = self._declared(job_id)
        if undeclared := [name for name in parameters if declared is not None and name not in declared]:
            log.info("job %d declares no parameter %s: it is started without", job_id, ", ".join(undeclared))
        told = {name: value for name, value in parameters.items() if name not in undeclared}
        body = {"job_id": job_id, "job_parameters": told, "idempotency_token": token}
        return self._client.send(
            "POST",
            "/api/2.2/jobs/run-now",
            body,
            lambda answer: int(answer["run_id"]),
            what=f"start job {job_id}",
        )

    def _declared(self, job_id: int) -> frozenset[str] | None:
        """Return the parameters that the job declares: it would refuse any other. None where it may not be read."""

        def read(answer: Json) -> frozenset[str]:
            shown = (answer.get("settings") or {}).get("parameters") or []
            return frozenset(str(parameter["name"]) for parameter in shown)

        try:
            return self._client.get("/api/2.2/jobs/get", read, what=f"read job {job_id}", query={"job_id": job_id})
        except PlatformError as error:
            if not error.permanent:
                raise
            log.info("%s: it is told everything", error)
            return None

    def run(self, run_id: int) -> JobRun:
        return self._client.get(
            "/api/2.2/jobs/runs/get",
            lambda shown: read_run(run_id, shown),
            what=f"look at run {run_id}",
            query={"run_id": run_id},
        )


def read_run(run_id: int, shown: Json) -> JobRun:
    """Read `status`; where it says nothing that we know, the older `state`."""
    status, old = shown.get("status") or {}, shown.get("state") or {}
    details = status.get("termination_details") or {}
    queue = status.get("queue_details") or {}
    readings = (
        (status.get("state"), details.get("code"), details.get("message") or queue.get("message")),
        (old.get("life_cycle_state"), old.get("result_state"), old.get("state_message")),
    )
    states = [_read(state, result) for state, result, _ in readings]
    n = next((n for n, state in enumerate(states) if state is not RunState.UNKNOWN), 0)
    return JobRun(run_id, states[n], _words(*readings[n]))


def _read(state: str | None, result: str | None) -> RunState:
    if state != "TERMINATED":
        return STATES.get(str(state), RunState.UNKNOWN)
    return RESULTS.get(result, RunState.FAILED) if result else RunState.UNKNOWN


def _words(state: str | None, result: str | None, message: str | None) -> str:
    return ": ".join(word for word in (result or state, message) if word)[:LONGEST]
