"""The workspace's own, older registry: stages, requests to move to one, tags, and files by signed addresses."""

from typing import Any

from mlflow.entities.model_registry import ModelVersion
from starlette.requests import Request

from playground.api.handlers import Outcome, changing_aside, reading_aside
from playground.errors import ApiError, invalid
from playground.registry import Transition
from playground.workspace import USER, USER_ID, Workspace

_MLFLOW = "/api/2.0/mlflow"
_VERSIONS = f"{_MLFLOW}/model-versions"
_REQUESTS = f"{_MLFLOW}/transition-requests"
_STAGES = ("None", "Staging", "Production", "Archived")
_IN_A_PAGE = 2


def _get_model(workspace: Workspace, request: Request) -> dict[str, Any]:
    model = workspace.registry.model(_query(request, "name"))
    return {
        "registered_model_databricks": {
            "name": model.name,
            "id": f"id-of-{model.name}",
            "creation_timestamp": model.creation_timestamp,
            "user_id": USER,
            "permission_level": "CAN_EDIT" if model.name in workspace.registry.locked else "CAN_MANAGE",
            "tags": [{"key": key, "value": value} for key, value in model.tags.items()],
        }
    }


def _get_version(workspace: Workspace, request: Request) -> dict[str, Any]:
    name, version = _query(request, "name"), _query(request, "version")
    return {"model_version": _version(workspace.registry.version(name, version))}


def _search(workspace: Workspace, request: Request) -> dict[str, Any]:
    """Show the versions of one model, in small pages."""
    name = _query(request, "filter").partition("=")[2].strip().strip("'")
    begin = int(request.query_params.get("page_token") or 0)
    found = workspace.registry.versions(name)
    more = len(found) > begin + _IN_A_PAGE
    return {
        "model_versions": [_version(v) for v in found[begin : begin + _IN_A_PAGE]],
        **({"next_page_token": str(begin + _IN_A_PAGE)} if more else {}),
    }


def _tag_version(workspace: Workspace, _request: Request, body: dict[str, Any]) -> Outcome:
    name, version, key, value = (str(body[field]) for field in ("name", "version", "key", "value"))
    workspace.registry.do(lambda it: it.set_model_version_tag(name, version, key, value))
    return Outcome(f"{name} version {version}: {key} = {value}", {})


def _tag_model(workspace: Workspace, _request: Request, body: dict[str, Any]) -> Outcome:
    name, key, value = (str(body[field]) for field in ("name", "key", "value"))
    workspace.registry.do(lambda it: it.set_registered_model_tag(name, key, value))
    return Outcome(f"{name}: {key} = {value}", {})


def _transition(workspace: Workspace, _request: Request, body: dict[str, Any]) -> Outcome:
    name, version, stage = _wanted(body, "stage")
    if name in workspace.registry.locked:
        raise ApiError(403, "PERMISSION_DENIED", f"User does not have permission to transition {name} to {stage}.")
    return _moved(workspace, name, version, stage, archive=bool(body.get("archive_existing_versions")))


def _ask(workspace: Workspace, _request: Request, body: dict[str, Any]) -> Outcome:
    name, version, stage = _wanted(body, "stage")
    workspace.registry.version(name, version)
    made = workspace.registry.ask(name, version, stage, str(body.get("comment") or ""))
    return Outcome(f"{name} version {version}: asked for {stage}", {"request": _shown(made)})


def _list_requests(workspace: Workspace, request: Request) -> dict[str, Any]:
    name, version = _query(request, "name"), _query(request, "version")
    workspace.registry.version(name, version)
    wanted = [t for t in workspace.registry.transitions if (t.model, t.version) == (name, version)]
    return {"requests": [_shown(t) for t in wanted]}


def _approve(workspace: Workspace, _request: Request, body: dict[str, Any]) -> Outcome:
    found = workspace.registry.answered(*_wanted(body, "stage"))
    archive = bool(body.get("archive_existing_versions"))
    return _moved(workspace, found.model, found.version, found.to_stage, archive=archive)


def _reject(workspace: Workspace, _request: Request, body: dict[str, Any]) -> Outcome:
    found = workspace.registry.answered(*_wanted(body, "stage"))
    return Outcome(f"{found.model} version {found.version}: {found.to_stage} was refused", {"activity": {}})


def _list_files(workspace: Workspace, request: Request) -> dict[str, Any]:
    name, version = _query(request, "name"), _query(request, "version")
    return {"files": workspace.registry.listed(name, version, request.query_params.get("path", ""))}


def _sign(workspace: Workspace, request: Request) -> dict[str, Any]:
    address = workspace.registry.address(*(_query(request, name) for name in ("name", "version", "path")))
    return {"signed_uri": address, "headers": [{"name": "X-Signed-By", "value": "the playground"}]}


def _moved(workspace: Workspace, name: str, version: str, stage: str, *, archive: bool) -> Outcome:
    moved = workspace.registry.do(lambda it: it.transition_model_version_stage(name, version, stage, archive))
    return Outcome(f"{name} version {version}: {stage}", {"model_version_databricks": _version(moved)})


def _wanted(body: dict[str, Any], field: str) -> tuple[str, str, str]:
    stage = body.get(field)
    if stage not in _STAGES:
        raise invalid(f"{field} must be one of {', '.join(_STAGES)}, not {stage!r}")
    return str(body.get("name")), str(body.get("version")), str(stage)


def _shown(made: Transition) -> dict[str, Any]:
    return {"to_stage": made.to_stage, "user_id": USER_ID, "comment": made.comment, "available_actions": []}


def _query(request: Request, name: str) -> str:
    value = request.query_params.get(name)
    if value is None:
        raise invalid(f"Missing value for required parameter '{name}'.")
    return value


def _version(found: ModelVersion) -> dict[str, Any]:
    return {
        "name": found.name,
        "version": str(found.version),
        "creation_timestamp": found.creation_timestamp,
        "last_updated_timestamp": found.last_updated_timestamp,
        "current_stage": found.current_stage,
        "run_id": found.run_id,
        "source": found.source,
        "status": found.status,
        "tags": [{"key": key, "value": value} for key, value in found.tags.items()],
    }


routes = [
    reading_aside(f"{_MLFLOW}/databricks/registered-models/get", _get_model),
    reading_aside(f"{_VERSIONS}/get", _get_version),
    reading_aside(f"{_VERSIONS}/search", _search),
    changing_aside("POST", f"{_VERSIONS}/set-tag", _tag_version),
    changing_aside("POST", f"{_MLFLOW}/registered-models/set-tag", _tag_model),
    changing_aside("POST", f"{_MLFLOW}/databricks/model-versions/transition-stage", _transition),
    changing_aside("POST", f"{_REQUESTS}/create", _ask),
    changing_aside("POST", f"{_REQUESTS}/approve", _approve),
    changing_aside("POST", f"{_REQUESTS}/reject", _reject),
    reading_aside(f"{_REQUESTS}/list", _list_requests),
    reading_aside(f"{_VERSIONS}/list-artifacts", _list_files),
    reading_aside(f"{_VERSIONS}/get-signed-download-uri", _sign),
]
