"""Who serves here, and who is calling: `/.well-known/databricks-config` and SCIM's `Me`."""

from typing import Any

from starlette.requests import Request

from playground.api.handlers import reading
from playground.workspace import USER, USER_ID, WORKSPACE_ID, Workspace


def _well_known(_workspace: Workspace, _request: Request) -> dict[str, Any]:
    return {"workspace_id": WORKSPACE_ID, "cloud": "AWS"}


def _me(workspace: Workspace, _request: Request) -> dict[str, Any]:
    return {
        "id": USER_ID,
        "userName": workspace.access.me,
        "displayName": "Operator",
        "active": True,
        "groups": [{"display": name, "value": name} for name in workspace.access.groups],
        "emails": [{"value": USER, "type": "work", "primary": True}],
    }


routes = [
    reading("/.well-known/databricks-config", _well_known),
    reading("/api/2.0/preview/scim/v2/Me", _me),
]
