"""`/api/2.1/unity-catalog`: look tables up, and lend credentials to read their files."""

from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from playground.api.handlers import json_or_text, reading, workspace_of
from playground.errors import ApiError, invalid
from playground.workspace import Workspace

_PATH = "/api/2.1/unity-catalog"
_LENT_FOR = timedelta(hours=1)


def _get(workspace: Workspace, request: Request) -> dict[str, Any]:
    name = request.path_params["name"]
    return {**workspace.catalog.table(name).as_json(), "owner": workspace.access.owner(name)}


def _exists(workspace: Workspace, request: Request) -> dict[str, Any]:
    try:
        workspace.catalog.table(request.path_params["name"])
    except ApiError:
        return {"table_exists": False}
    return {"table_exists": True}


def _summary(_workspace: Workspace, _request: Request) -> dict[str, Any]:
    return {"cloud": "aws", "region": "eu-west-1", "name": "playground"}


async def _lend(request: Request) -> Response:
    """Lend what was set for object storage; files on this machine need nothing."""
    body, workspace = json_or_text(await request.body()), workspace_of(request)
    if not isinstance(body, dict) or body.get("operation") != "READ":
        raise invalid("operation must be READ")
    table = workspace.catalog.by_id(str(body.get("table_id")))
    workspace.lent.append(table.name)
    expires = datetime.now(UTC) + _LENT_FOR
    return JSONResponse(
        {
            **workspace.credentials,
            "url": table.location,
            "expiration_time": int(expires.timestamp() * 1000),
        }
    )


routes = [
    reading(f"{_PATH}/metastore_summary", _summary),
    reading(f"{_PATH}/tables/{{name}}", _get),
    reading(f"{_PATH}/tables/{{name}}/exists", _exists),
    # the SDK asks at the older path, delta-rs at the newer
    Route("/api/2.0/unity-catalog/temporary-table-credentials", _lend, methods=["POST"]),
    Route(f"{_PATH}/temporary-table-credentials", _lend, methods=["POST"]),
]
