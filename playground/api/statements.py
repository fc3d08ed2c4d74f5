"""`/api/2.0/sql`: warehouses, statements, and their results behind links that refuse an Authorization header."""

import base64
import time
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from playground.api.handlers import json_or_text, reading, workspace_of
from playground.errors import ApiError, invalid, missing
from playground.warehouse import WAREHOUSE_ID, Statement, ipc, type_name
from playground.workspace import Workspace

_PATH = "/api/2.0/sql/statements"
_WAREHOUSES = "/api/2.0/sql/warehouses"
LINKS = "/_results/"
_DISPOSITIONS = ("INLINE", "EXTERNAL_LINKS", "INLINE_OR_EXTERNAL_LINKS")
_HEADER = {"x-playground-storage": "needed"}


async def _execute(request: Request) -> Response:
    body = json_or_text(await request.body())
    if not isinstance(body, dict) or not isinstance(body.get("statement"), str):
        raise invalid("statement must be given")
    _known(str(body.get("warehouse_id")))
    disposition, shape = body.get("disposition", "INLINE"), body.get("format", "JSON_ARRAY")
    if disposition not in _DISPOSITIONS or shape not in ("JSON_ARRAY", "ARROW_STREAM"):
        raise invalid("disposition or format is unknown")
    if disposition == "INLINE" and shape != "JSON_ARRAY":
        raise invalid("INLINE results are JSON_ARRAY")
    parameters = {str(p["name"]): str(p["value"]) for p in body.get("parameters") or []}
    statement = Statement(body["statement"], parameters, disposition)
    warehouse = workspace_of(request).warehouse
    await warehouse.execute(statement, wait_seconds=_seconds(str(body.get("wait_timeout", "10s"))))
    return JSONResponse(_shown(workspace_of(request), statement, request))


async def _cancel(request: Request) -> Response:
    workspace_of(request).warehouse.cancel(request.path_params["id"])
    return JSONResponse({})


def _get(workspace: Workspace, request: Request) -> dict[str, Any]:
    return _shown(workspace, workspace.warehouse.statement(request.path_params["id"]), request)


def _chunk(workspace: Workspace, request: Request) -> dict[str, Any]:
    statement = workspace.warehouse.statement(request.path_params["id"])
    return _result(workspace, statement, int(request.path_params["chunk"]), request)


async def _download(request: Request) -> Response:
    """Give one chunk to whoever has the link, its header, and nothing else to show."""
    if "authorization" in request.headers:
        return JSONResponse({"message": "only one way to authorize is allowed"}, 400)
    if any(request.headers.get(name) != value for name, value in _HEADER.items()):
        return JSONResponse({"message": "a header that was signed is not there"}, 403)
    if float(request.query_params.get("until", "0")) < time.time():
        return JSONResponse({"message": "Request has expired"}, 403)
    statement = workspace_of(request).warehouse.statement(request.path_params["id"])
    return Response(ipc(statement.chunks[int(request.path_params["chunk"])]))


def _warehouse(workspace: Workspace, request: Request) -> dict[str, Any]:
    _known(request.path_params["id"])
    return _about(workspace)


def _warehouses_list(workspace: Workspace, _request: Request) -> dict[str, Any]:
    return {"warehouses": [_about(workspace)]}


def _about(workspace: Workspace) -> dict[str, Any]:
    return {
        "id": WAREHOUSE_ID,
        "name": "playground",
        "state": workspace.warehouse.state,
        "enable_serverless_compute": True,
    }


async def _start(request: Request) -> Response:
    _known(request.path_params["id"])
    workspace_of(request).warehouse.start()
    return JSONResponse({})


async def _stop(request: Request) -> Response:
    _known(request.path_params["id"])
    workspace_of(request).warehouse.stop()
    return JSONResponse({})


def _known(warehouse_id: str) -> None:
    if warehouse_id != WAREHOUSE_ID:
        raise missing(f"SQL warehouse {warehouse_id} does not exist.")


def _seconds(wait: str) -> float:
    seconds = float(wait.removesuffix("s"))
    if seconds and not 5 <= seconds <= 50:
        raise invalid("wait_timeout must be 0s or between 5s and 50s")
    return seconds


def _shown(workspace: Workspace, statement: Statement, request: Request) -> dict[str, Any]:
    status: dict[str, Any] = {"state": statement.state}
    if statement.error is not None:
        status["error"] = {"error_code": "BAD_REQUEST", "message": statement.error.message}
        status["sql_state"] = statement.error.sql_state
    shown: dict[str, Any] = {"statement_id": statement.id, "status": status}
    if statement.state == "SUCCEEDED":
        shown["manifest"] = _manifest(statement)
        shown["result"] = _result(workspace, statement, 0, request) if statement.chunks else {}
    return shown


def _manifest(statement: Statement) -> dict[str, Any]:
    columns = [
        {"name": f.name, "type_name": type_name(f.type), "type_text": type_name(f.type), "position": n}
        for n, f in enumerate(statement.schema or ())
    ]
    return {
        "format": "ARROW_STREAM",
        "schema": {"column_count": len(columns), "columns": columns},
        "total_chunk_count": len(statement.chunks),
        "total_row_count": sum(chunk.num_rows for chunk in statement.chunks),
        "truncated": False,
    }


def _result(workspace: Workspace, statement: Statement, n: int, request: Request) -> dict[str, Any]:
    if n >= len(statement.chunks):
        raise ApiError(404, "NOT_FOUND", f"The chunk {n} was not found.")
    chunk, warehouse = statement.chunks[n], workspace.warehouse
    offset = sum(each.num_rows for each in statement.chunks[:n])
    about: dict[str, Any] = {"chunk_index": n, "row_offset": offset, "row_count": chunk.num_rows}
    if n + 1 < len(statement.chunks):
        internal = f"{_PATH}/{statement.id}/result/chunks/{n + 1}?row_offset={offset + chunk.num_rows}"
        about |= {"next_chunk_index": n + 1, "next_chunk_internal_link": internal}
    if statement.disposition == "INLINE":
        rows = [list(row.values()) for row in chunk.to_pylist()]
        return {**about, "data_array": [[None if v is None else str(v) for v in row] for row in rows]}
    if statement.disposition == "INLINE_OR_EXTERNAL_LINKS" and n == 0:
        return {**about, "attachment": base64.b64encode(ipc(chunk, compression="lz4")).decode()}
    until = time.time() + warehouse.link_seconds
    link = f"http://{request.headers['host']}{LINKS}{statement.id}/{n}?until={until}&signature=secret"
    expiration = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(until))
    return {"external_links": [{**about, "external_link": link, "expiration": expiration, "http_headers": _HEADER}]}


routes = [
    Route(_PATH, _execute, methods=["POST"]),
    reading(f"{_PATH}/{{id}}", _get),
    reading(f"{_PATH}/{{id}}/result/chunks/{{chunk:int}}", _chunk),
    Route(f"{_PATH}/{{id}}/cancel", _cancel, methods=["POST"]),
    Route(f"{LINKS}{{id}}/{{chunk:int}}", _download, methods=["GET"]),
    reading(_WAREHOUSES, _warehouses_list),
    reading(f"{_WAREHOUSES}/{{id}}", _warehouse),
    Route(f"{_WAREHOUSES}/{{id}}/start", _start, methods=["POST"]),
    Route(f"{_WAREHOUSES}/{{id}}/stop", _stop, methods=["POST"]),
]
