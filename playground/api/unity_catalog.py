"""Unity Catalog's models: `/api/2.1/unity-catalog/models`, MLflow's own paths beside it, and files of versions."""

from typing import Any
from urllib.parse import urlsplit

from mlflow.entities.model_registry import ModelVersion
from starlette.requests import Request
from starlette.responses import Response

from playground.api.handlers import Outcome, asking_aside, changing_aside, reading_aside
from playground.errors import ApiError, invalid, missing
from playground.workspace import USER, Workspace

_MODELS = "/api/2.1/unity-catalog/models"
_MLFLOW = "/api/2.0/mlflow/unity-catalog"
_FILES = "/Models/{catalog}/{schema}/{model}/{version}"
_IN_A_PAGE = 2
_NOT_IN_KEYS = ".,-=/:"


def _get_model(workspace: Workspace, request: Request) -> dict[str, Any]:
    name = _full_name(request.path_params["full_name"])
    model = workspace.registry.model(name)
    catalog, schema, last = name.split(".")
    shown = {
        "name": last,
        "catalog_name": catalog,
        "schema_name": schema,
        "full_name": name,
        "owner": workspace.access.owners.get(name, USER),
        "created_at": model.creation_timestamp,
        "updated_at": model.last_updated_timestamp,
    }
    if request.query_params.get("include_aliases") == "true":
        shown["aliases"] = [_alias(alias, version) for alias, version in model.aliases.items()]
    return shown


def _list_versions(workspace: Workspace, request: Request) -> dict[str, Any]:
    """Show small pages in no order, of which the first is empty."""
    name, token = _full_name(request.path_params["full_name"]), request.query_params.get("page_token")
    workspace.registry.model(name)
    if not token:
        return {"next_page_token": "page-0"}
    begin = int(token.removeprefix("page-"))
    found = sorted(workspace.registry.versions(name), key=lambda v: (int(v.version) % 2, int(v.version)))
    more = len(found) > begin + _IN_A_PAGE
    return {
        "model_versions": [_version(v) for v in found[begin : begin + _IN_A_PAGE]],
        **({"next_page_token": f"page-{begin + _IN_A_PAGE}"} if more else {}),
    }


def _get_version(workspace: Workspace, request: Request) -> dict[str, Any]:
    name = _full_name(request.path_params["full_name"])
    found = workspace.registry.version(name, request.path_params["version"])
    shown = _version(found)
    if request.query_params.get("include_aliases") == "true":
        shown["aliases"] = [_alias(alias, found.version) for alias in found.aliases]
    return shown


def _get_alias(workspace: Workspace, request: Request) -> dict[str, Any]:
    name, alias = _full_name(request.path_params["full_name"]), request.path_params["alias"]
    version = workspace.registry.model(name).aliases.get(alias)
    if version is None:
        raise ApiError(404, "NOT_FOUND", f"Alias '{alias}' does not exist in model '{name}'.")
    return _version(workspace.registry.version(name, str(version)))


def _set_alias(workspace: Workspace, request: Request, body: dict[str, Any]) -> Outcome:
    name, alias, version = (
        _full_name(request.path_params["full_name"]),
        request.path_params["alias"],
        body["version_num"],
    )
    if not isinstance(version, int):
        raise invalid("version_num must be an integer")
    workspace.registry.version(name, str(version))
    workspace.registry.do(lambda it: it.set_registered_model_alias(name, alias, str(version)))
    return Outcome(f"{name}: alias {alias} is version {version}", _alias(alias, version))


def _delete_alias(workspace: Workspace, request: Request, _body: dict[str, Any]) -> Outcome:
    name, alias = _full_name(request.path_params["full_name"]), request.path_params["alias"]
    workspace.registry.do(lambda it: it.delete_registered_model_alias(name, alias))
    return Outcome(f"{name}: no alias {alias}", {})


def _describe_model(workspace: Workspace, request: Request) -> dict[str, Any]:
    name = _full_name(request.query_params.get("name"))
    model, job = workspace.registry.model(name), workspace.registry.deployment_jobs.get(name, {})
    return {
        "registered_model": {
            "name": name,
            "creation_timestamp": str(model.creation_timestamp),
            "aliases": [{"alias": alias, "version": str(version)} for alias, version in model.aliases.items()],
            "tags": [{"key": key, "value": value} for key, value in model.tags.items()],
            **({"deployment_job_id": job["job_id"], "deployment_job_state": job["state"]} if job else {}),
        }
    }


def _describe_version(workspace: Workspace, request: Request) -> dict[str, Any]:
    name = _full_name(request.query_params.get("name"))
    found = workspace.registry.version(name, str(request.query_params.get("version")))
    job = workspace.registry.deployment_jobs.get(name, {})
    run = (job.get("runs") or {}).get(str(found.version))
    return {
        "model_version": {
            "name": name,
            "version": str(found.version),
            "creation_timestamp": str(found.creation_timestamp),
            "status": found.status,
            "run_id": found.run_id,
            "source": found.source,
            "tags": [{"key": key, "value": value} for key, value in found.tags.items()],
            **({"deployment_job_state": {"job_id": job["job_id"], "job_state": job["state"], **run}} if run else {}),
        }
    }


def _tag_version(workspace: Workspace, _request: Request, body: dict[str, Any]) -> Outcome:
    name, version, key, value = _full_name(body.get("name")), str(body["version"]), str(body["key"]), str(body["value"])
    if any(character in _NOT_IN_KEYS for character in key):
        raise invalid(f"Tag key '{key}' is not valid: it may not contain any of {' '.join(_NOT_IN_KEYS)}")
    workspace.registry.do(lambda it: it.set_model_version_tag(name, version, key, value))
    return Outcome(f"{name} version {version}: {key} = {value}", {})


def _untag_version(workspace: Workspace, _request: Request, body: dict[str, Any]) -> Outcome:
    name, version, key = _full_name(body.get("name")), str(body["version"]), str(body["key"])
    workspace.registry.do(lambda it: it.delete_model_version_tag(name, version, key))
    return Outcome(f"{name} version {version}: no {key}", {})


def _tag_model(workspace: Workspace, _request: Request, body: dict[str, Any]) -> Outcome:
    name, key, value = _full_name(body.get("name")), str(body["key"]), str(body["value"])
    workspace.registry.do(lambda it: it.set_registered_model_tag(name, key, value))
    return Outcome(f"{name}: {key} = {value}", {})


def _offers_files(workspace: Workspace, _request: Request) -> dict[str, Any]:
    return {"is_databricks_sdk_models_artifact_repository_enabled": workspace.registry.files_api}


def _vend(workspace: Workspace, body: dict[str, Any]) -> dict[str, Any]:
    name = _full_name(body.get("name"))
    workspace.registry.version(name, str(body.get("version")))
    return {"credentials": {"storage_mode": "DEFAULT_STORAGE"}}


def _list_files(workspace: Workspace, request: Request) -> dict[str, Any]:
    name, version, path = _place(request)
    shown = workspace.registry.listed(name, version, path)
    if not shown:
        raise ApiError(404, "NOT_FOUND", f"The directory being accessed is not found: {request.url.path}")
    root = _FILES.format(**request.path_params)
    return {
        "contents": [
            {
                "path": f"{root}/{each['path']}",
                "name": each["path"].rpartition("/")[2],
                "is_directory": each["is_dir"],
                **({} if each["is_dir"] else {"file_size": each["file_size"]}),
            }
            for each in shown
        ]
    }


def _give_file(workspace: Workspace, request: Request) -> Response:
    return Response(workspace.registry.content(*_place(request)), media_type="application/octet-stream")


def _sign(workspace: Workspace, body: dict[str, Any]) -> dict[str, Any]:
    """Return the address of a file, which opens to whoever has it."""
    parts = urlsplit(str(body.get("path"))).path.strip("/").split("/", 5)
    if len(parts) != 6 or parts[0] != "Models":
        raise invalid(f"{body.get('path')!r} is no file of a model")
    _, catalog, schema, model, version, path = parts
    address = workspace.registry.address(f"{catalog}.{schema}.{model}", version, path)
    return {"url": address, "headers": [{"name": "X-Signed-By", "value": "the playground"}]}


def _place(request: Request) -> tuple[str, str, str]:
    known = request.path_params
    return f"{known['catalog']}.{known['schema']}.{known['model']}", known["version"], known.get("path", "")


def _full_name(name: Any) -> str:
    if not isinstance(name, str) or len(name.split(".")) != 3 or not all(name.split(".")):
        raise missing(f"Registered model '{name}' does not exist: a name in Unity Catalog has three levels.")
    return name


def _alias(alias: str, version: Any) -> dict[str, Any]:
    return {"alias_name": alias, "version_num": int(version)}


def _version(found: ModelVersion) -> dict[str, Any]:
    catalog, schema, last = found.name.split(".")
    return {
        "catalog_name": catalog,
        "schema_name": schema,
        "model_name": last,
        "version": int(found.version),
        "status": found.status,
        "run_id": found.run_id,
        "source": found.source,
        "storage_location": f"s3://playground/models/{last}/{found.version}",
        "created_at": found.creation_timestamp,
        "created_by": USER,
    }


routes = [
    reading_aside(f"{_MODELS}/{{full_name}}", _get_model),
    reading_aside(f"{_MODELS}/{{full_name}}/versions", _list_versions),
    reading_aside(f"{_MODELS}/{{full_name}}/versions/{{version}}", _get_version),
    reading_aside(f"{_MODELS}/{{full_name}}/aliases/{{alias}}", _get_alias),
    changing_aside("PUT", f"{_MODELS}/{{full_name}}/aliases/{{alias}}", _set_alias),
    changing_aside("DELETE", f"{_MODELS}/{{full_name}}/aliases/{{alias}}", _delete_alias),
    reading_aside(f"{_MLFLOW}/registered-models/get", _describe_model),
    reading_aside(f"{_MLFLOW}/model-versions/get", _describe_version),
    changing_aside("POST", f"{_MLFLOW}/model-versions/set-tag", _tag_version),
    changing_aside("DELETE", f"{_MLFLOW}/model-versions/delete-tag", _untag_version),
    changing_aside("POST", f"{_MLFLOW}/registered-models/set-tag", _tag_model),
    reading_aside(f"{_MLFLOW}/registered-models:is-databricks-sdk-models-artifact-repository-enabled", _offers_files),
    asking_aside(f"{_MLFLOW}/model-versions/generate-temporary-credentials", _vend),
    reading_aside(f"/api/2.0/fs/directories{_FILES}", _list_files),
    reading_aside(f"/api/2.0/fs/directories{_FILES}/{{path:path}}", _list_files),
    reading_aside(f"/api/2.0/fs/files{_FILES}/{{path:path}}", _give_file),
    asking_aside("/api/2.0/fs/create-download-url", _sign),
]
