"""`/_playground`: what no real workspace has. Read what was done to it, break it, hurry it."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from playground.api.handlers import json_or_text, workspace_of
from playground.errors import invalid, missing
from playground.faults import read_fault


async def _effects(request: Request) -> Response:
    after = int(request.query_params.get("after", "0"))
    return JSONResponse({"effects": workspace_of(request).effects.after(after)})


async def _outage(request: Request) -> Response:
    body, outage = await _body(request), workspace_of(request).outage
    if body.get("on", True):
        outage.begin(body.get("endpoints"), status=body.get("status", 503))
    else:
        outage.end(body.get("endpoints"))
    return JSONResponse({"everywhere": outage.everywhere, "at": outage.at})


async def _add_fault(request: Request) -> Response:
    """Have requests fail (`playground/faults.py` says how)."""
    workspace_of(request).faults.add(read_fault(await _body(request)))
    return JSONResponse({})


async def _clear_faults(request: Request) -> Response:
    workspace_of(request).faults.clear()
    return JSONResponse({})


async def _record(request: Request) -> Response:
    """Begin to record requests anew, or end it."""
    body, recorder = await _body(request), workspace_of(request).recorder
    if body.get("on", True):
        recorder.begin(of=str(body.get("of", "")))
    else:
        recorder.end()
    return JSONResponse({})


async def _recorded(request: Request) -> Response:
    return JSONResponse({"requests": workspace_of(request).recorder.as_json()})


async def _declare_job(request: Request) -> Response:
    """Declare a job that runs any command, with its parameters as options."""
    body, jobs = await _body(request), workspace_of(request).jobs
    command = [str(word) for word in body.get("command") or []]
    if not command:
        raise invalid("command must be given")

    def run(parameters: dict[str, str]) -> list[str]:
        return [*command, *(text for name, value in parameters.items() for text in (f"--{name}", value))]

    parameters = dict.fromkeys((str(name) for name in body.get("parameters") or []), "")
    return JSONResponse({"job_id": jobs.declare(str(body.get("name") or "job"), parameters, run).job_id})


async def _issue_token(request: Request) -> Response:
    return JSONResponse({"token": workspace_of(request).tokens.issue()})


async def _expire_token(request: Request) -> Response:
    body, tokens = await _body(request), workspace_of(request).tokens
    status = body.get("status", 401)
    if status not in (401, 403):
        raise invalid(f"an expired token is refused with 401 or 403, not with {status}")
    return _answered(lambda token: tokens.expire(token, status=status), body.get("token") or tokens.main)


async def _renew_token(request: Request) -> Response:
    body, tokens = await _body(request), workspace_of(request).tokens
    return _answered(tokens.renew, body.get("token") or tokens.main)


async def _flush(request: Request) -> Response:
    await workspace_of(request).flush()
    return JSONResponse({})


async def _register_table(request: Request) -> Response:
    """Give a Delta table a name in the catalog."""
    body = await _body(request)
    workspace_of(request).catalog.register(str(body["name"]), str(body["location"]))
    return JSONResponse({})


async def _statements(request: Request) -> Response:
    """Tell every statement that was sent, and which tables credentials were lent for."""
    workspace = workspace_of(request)
    told = [
        {"id": s.id, "sql": s.sql, "parameters": s.parameters, "state": s.state}
        for s in workspace.warehouse.statements.values()
    ]
    return JSONResponse({"statements": told, "lent": workspace.lent})


async def _set_warehouse(request: Request) -> Response:
    """Set how the warehouse behaves, and what is lent to those who read without it."""
    body, workspace = await _body(request), workspace_of(request)
    warehouse = workspace.warehouse
    warehouse.chunk_rows = int(body.get("chunk_rows", warehouse.chunk_rows))
    warehouse.link_seconds = float(body.get("link_seconds", warehouse.link_seconds))
    warehouse.start_seconds = float(body.get("start_seconds", warehouse.start_seconds))
    workspace.credentials = dict(body.get("credentials", workspace.credentials))
    return JSONResponse({"state": warehouse.state})


async def _set_access(request: Request) -> Response:
    """Change who is there, who may do what, and the workspace's clock: see `Access.change`."""
    workspace_of(request).access.change(await _body(request))
    return JSONResponse({})


async def _show_endpoint(request: Request) -> Response:
    """Say what an endpoint shows besides (null: does not), or show one that is nothing else; nothing: as it is."""
    body, shown = await _body(request), workspace_of(request).shown
    if body.get("shown"):
        shown[str(body["name"])] = dict(body["shown"])
    else:
        shown.pop(str(body["name"]), None)
    return JSONResponse({})


async def _set_registry(request: Request) -> Response:
    """Say whose stages the principal may not change, and how files of versions are handed out."""
    body, registry = await _body(request), workspace_of(request).registry
    registry.locked |= {str(model) for model in body.get("lock") or []}
    registry.files_api = bool(body.get("files_api", registry.files_api))
    return JSONResponse({"locked": sorted(registry.locked), "files_api": registry.files_api})


async def _connect_deployment_job(request: Request) -> Response:
    """Have Databricks say that a job deploys a model's versions, or with `job` null that none does."""
    body, registry = await _body(request), workspace_of(request).registry
    model, job = str(body.get("model")), body.get("job")
    if job is None:
        registry.deployment_jobs.pop(model, None)
    else:
        registry.deployment_jobs[model] = job
    return JSONResponse({})


def _answered(change: Any, token: str) -> Response:
    try:
        change(token)
    except KeyError:
        raise missing("There is no such token.") from None
    return JSONResponse({})


async def _body(request: Request) -> dict[str, Any]:
    body = json_or_text(await request.body())
    if not isinstance(body, dict):
        raise invalid("The request body must be a JSON object.")
    return body


routes = [
    Route("/_playground/effects", _effects, methods=["GET"]),
    Route("/_playground/outage", _outage, methods=["POST"]),
    Route("/_playground/faults", _add_fault, methods=["POST"]),
    Route("/_playground/faults", _clear_faults, methods=["DELETE"]),
    Route("/_playground/requests", _record, methods=["POST"]),
    Route("/_playground/requests", _recorded, methods=["GET"]),
    Route("/_playground/jobs", _declare_job, methods=["POST"]),
    Route("/_playground/registry", _set_registry, methods=["POST"]),
    Route("/_playground/deployment-job", _connect_deployment_job, methods=["POST"]),
    Route("/_playground/access", _set_access, methods=["POST"]),
    Route("/_playground/show-endpoint", _show_endpoint, methods=["POST"]),
    Route("/_playground/tokens", _issue_token, methods=["POST"]),
    Route("/_playground/expire-token", _expire_token, methods=["POST"]),
    Route("/_playground/renew-token", _renew_token, methods=["POST"]),
    Route("/_playground/tables", _register_table, methods=["POST"]),
    Route("/_playground/statements", _statements, methods=["GET"]),
    Route("/_playground/warehouse", _set_warehouse, methods=["POST"]),
    Route("/_playground/flush", _flush, methods=["POST"]),
]
