"""`/api/2.2/jobs`: run now, read and list runs, cancel one."""

from typing import Any

from starlette.requests import Request

from playground.api.handlers import Outcome, changing, reading
from playground.endpoint import milliseconds
from playground.errors import invalid
from playground.run import Job, Run
from playground.workspace import USER, Workspace

_PATH = "/api/2.2/jobs"
_LIST_LIMIT = 25
_JOBS_LIMIT = 100


def _get_job(workspace: Workspace, request: Request) -> dict[str, Any]:
    job = workspace.jobs.job(_integer(request.query_params.get("job_id"), "job_id"))
    return _job_json(job)


def _list_jobs(workspace: Workspace, request: Request) -> dict[str, Any]:
    """Newest first, in pages; a page token is the number of jobs to skip."""
    query = request.query_params
    limit = min(_integer(query.get("limit", "20"), "limit"), _JOBS_LIMIT)
    offset = _integer(query.get("page_token", "0"), "page_token")
    found = list(reversed(workspace.jobs.jobs.values()))
    more = len(found) > offset + limit
    return {
        "jobs": [_job_json(job) for job in found[offset : offset + limit]],
        "has_more": more,
        **({"next_page_token": str(offset + limit)} if more else {}),
    }


def _job_json(job: Job) -> dict[str, Any]:
    return {"job_id": job.job_id, "creator_user_name": USER, "settings": _settings(job)}


def _get_run(workspace: Workspace, request: Request) -> dict[str, Any]:
    return _run_json(workspace.jobs.run(_integer(request.query_params.get("run_id"), "run_id")))


def _list_runs(workspace: Workspace, request: Request) -> dict[str, Any]:
    """Newest first, in pages; a page token is the number of runs to skip."""
    query = request.query_params
    limit = min(_integer(query.get("limit", "20"), "limit"), _LIST_LIMIT)
    offset = _integer(query.get("page_token", "0"), "page_token")
    found = [run for run in reversed(workspace.jobs.runs.values()) if _matches(run, request)]
    page = found[offset : offset + limit]
    more = len(found) > offset + limit
    return {
        "runs": [_run_json(run) for run in page],
        "has_more": more,
        **({"next_page_token": str(offset + limit)} if more else {}),
    }


def _run_now(workspace: Workspace, _request: Request, body: dict[str, Any]) -> Outcome:
    parameters = body.get("job_parameters") or {}
    if not isinstance(parameters, dict) or not all(isinstance(value, str) for value in parameters.values()):
        raise invalid("job_parameters must map names to strings")
    job_id = _integer(body.get("job_id"), "job_id")
    run, new = workspace.jobs.run_now(job_id, parameters, token=body.get("idempotency_token") or "")
    what = f"started run {run.run_id}" if new else f"run {run.run_id} again, by its idempotency token"
    return Outcome(f"{run.job.name}: {what}", {"run_id": run.run_id, "number_in_job": run.run_id})


def _cancel(workspace: Workspace, _request: Request, body: dict[str, Any]) -> Outcome:
    run_id = _integer(body.get("run_id"), "run_id")
    workspace.jobs.cancel(run_id)
    return Outcome(f"canceled run {run_id}", {})


def _matches(run: Run, request: Request) -> bool:
    query = request.query_params
    job_id, started = query.get("job_id"), milliseconds(run.started_at)
    return (
        (job_id is None or run.job.job_id == _integer(job_id, "job_id"))
        and (query.get("active_only") != "true" or run.state.active)
        and (query.get("completed_only") != "true" or not run.state.active)
        and _integer(query.get("start_time_from", "0"), "start_time_from") <= started
        and started <= _integer(query.get("start_time_to", str(started)), "start_time_to")
    )


def _run_json(run: Run) -> dict[str, Any]:
    return {
        "run_id": run.run_id,
        "job_id": run.job.job_id,
        "job_run_id": run.run_id,
        "number_in_job": run.run_id,
        "run_name": run.job.name,
        "creator_user_name": USER,
        "run_type": "JOB_RUN",
        "format": "MULTI_TASK",
        "trigger": "ONE_TIME",
        "start_time": milliseconds(run.started_at),
        "end_time": milliseconds(run.ended_at) if run.ended_at else 0,
        "job_parameters": [
            {"name": name, "default": default, "value": run.parameters[name]}
            for name, default in run.job.parameters.items()
        ],
        **_state_json(run),
    }


def _state_json(run: Run) -> dict[str, Any]:
    """Return where the run stands, in the old fields and in the new."""
    life_cycle, result, state, code, kind = run.state.value
    old: dict[str, Any] = {"life_cycle_state": life_cycle, "state_message": run.message}
    new: dict[str, Any] = {"state": state}
    if result:
        old |= {"result_state": result, "user_cancelled_or_timedout": run.canceled}
        new |= {"termination_details": {"code": code, "type": kind, "message": run.message}}
    return {"state": old, "status": new}


def _settings(job: Job) -> dict[str, Any]:
    return {
        "name": job.name,
        "max_concurrent_runs": 1,
        "queue": {"enabled": False},
        "format": "MULTI_TASK",
        "parameters": [{"name": name, "default": default} for name, default in job.parameters.items()],
    }


def _integer(value: Any, name: str) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        raise invalid(f"{name} must be an integer, not {value!r}") from None


routes = [
    reading(f"{_PATH}/get", _get_job),
    reading(f"{_PATH}/list", _list_jobs),
    reading(f"{_PATH}/runs/get", _get_run),
    reading(f"{_PATH}/runs/list", _list_runs),
    changing("POST", f"{_PATH}/run-now", _run_now),
    changing("POST", f"{_PATH}/runs/cancel", _cancel),
]
