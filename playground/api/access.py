"""Who is there and who may do what: SCIM, permissions, effective permissions, catalogs and schemas, access tokens."""

import re
from typing import Any

from starlette.requests import Request

from playground.api.handlers import reading, reading_aside
from playground.errors import ApiError, missing
from playground.workspace import Workspace

_SCIM = "/api/2.0/preview/scim/v2"
_CATALOG = "/api/2.1/unity-catalog"
_FILTER = re.compile(r'(userName|applicationId) eq "((?:[^"\\]|\\.)*)"')


def _users(workspace: Workspace, request: Request) -> dict[str, Any]:
    return _people(workspace, request, "userName", lambda name: "@" in name)


def _service_principals(workspace: Workspace, request: Request) -> dict[str, Any]:
    return _people(workspace, request, "applicationId", lambda name: "@" not in name)


def _people(workspace: Workspace, request: Request, attribute: str, kind: Any) -> dict[str, Any]:
    found = {name: active for name, active in workspace.access.people.items() if kind(name)}
    if asked := _FILTER.fullmatch(request.query_params.get("filter", "")):
        found = {name: active for name, active in found.items() if name == asked[2]}
    if not workspace.access.lists_people:
        found = {}
    # SCIM counts from 1, and a client asks until nobody comes any more.
    begin, count = int(request.query_params.get("startIndex") or 1), int(request.query_params.get("count") or 100)
    page = list(found.items())[begin - 1 :][:count]
    shown = [{attribute: name, "id": name, "active": active} for name, active in page]
    return {"totalResults": len(found), "startIndex": begin, "itemsPerPage": len(shown), "Resources": shown}


def _permissions(workspace: Workspace, request: Request) -> dict[str, Any]:
    kind, name = request.path_params["kind"], request.path_params["name"]
    _shown(workspace)
    return {
        "object_id": f"/{kind}/{name}",
        "object_type": kind.rstrip("s"),
        "access_control_list": [
            {
                _attribute(workspace, who): who,
                "all_permissions": [{"permission_level": level, "inherited": False} for level in levels],
            }
            for who, levels in workspace.access.held(kind, name).items()
        ],
    }


def _attribute(workspace: Workspace, who: str) -> str:
    if "@" in who:
        return "user_name"
    return "service_principal_name" if who in workspace.access.people else "group_name"


def _effective(workspace: Workspace, request: Request) -> dict[str, Any]:
    """Show pages of which the first is empty."""
    _shown(workspace)
    if request.query_params.get("max_results") == "0" and not request.query_params.get("page_token"):
        return {"next_page_token": "page-1"}
    held = workspace.access.held(request.path_params["kind"], request.path_params["name"])
    return {
        "privilege_assignments": [
            {"principal": who, "privileges": [{"privilege": right} for right in rights]}
            for who, rights in held.items()
            if rights
        ]
    }


def _shown(workspace: Workspace) -> None:
    if not workspace.access.shows_rights:
        raise ApiError(403, "PERMISSION_DENIED", "User does not have permission to view grants.")


def _container(workspace: Workspace, request: Request) -> dict[str, Any]:
    """Show a catalog or a schema, where a table or a model is in it."""
    name = request.path_params["name"]
    if not workspace.catalog.holds(name) and not workspace.registry.holds(name):
        raise missing(f"'{name}' does not exist.")
    return {"name": name.rpartition(".")[2], "full_name": name, "owner": workspace.access.owner(name)}


def _tokens(workspace: Workspace, _request: Request) -> dict[str, Any]:
    return {"token_infos": workspace.access.tokens}


routes = [
    reading(f"{_SCIM}/Users", _users),
    reading(f"{_SCIM}/ServicePrincipals", _service_principals),
    reading("/api/2.0/permissions/{kind}/{name}", _permissions),
    reading(f"{_CATALOG}/effective-permissions/{{kind}}/{{name}}", _effective),
    reading_aside(f"{_CATALOG}/catalogs/{{name}}", _container),
    reading_aside(f"{_CATALOG}/schemas/{{name}}", _container),
    reading("/api/2.0/token/list", _tokens),
]
