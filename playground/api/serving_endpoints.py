"""`/api/2.0/serving-endpoints`: read, list, create, and update the configuration."""

from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from playground.api.handlers import Outcome, changing, reading, workspace_of
from playground.endpoint_config import Config
from playground.errors import invalid
from playground.workspace import Workspace

_PATH = "/api/2.0/serving-endpoints"


def _list(workspace: Workspace, _request: Request) -> dict[str, Any]:
    return {"endpoints": workspace.listed()}


def _get(workspace: Workspace, request: Request) -> dict[str, Any]:
    return workspace.show(request.path_params["name"])


async def _metrics(request: Request) -> Response:
    """Export gauges of the last minute, as text."""
    endpoint = workspace_of(request).endpoint(request.path_params["name"])
    return Response(endpoint.gauges.text(endpoint.name, datetime.now(UTC)), media_type="text/plain; version=0.0.4")


def _create(workspace: Workspace, _request: Request, body: dict[str, Any]) -> Outcome:
    name, config = body.get("name"), body.get("config")
    if not isinstance(name, str) or not isinstance(config, dict):
        raise invalid("name and config must be given")
    endpoint = workspace.create_endpoint(name, config)
    assert endpoint.pending is not None
    return Outcome(f"{name}: created, {_sentence(endpoint.pending)}", endpoint.as_json())


def _update_config(workspace: Workspace, request: Request, body: dict[str, Any]) -> Outcome:
    endpoint = workspace.endpoint(request.path_params["name"])
    config = workspace.update_endpoint(endpoint, body)
    return Outcome(f"{endpoint.name}: {_sentence(config)}", endpoint.as_json())


def _sentence(config: Config) -> str:
    shares = ", ".join(f"{entity.name} {config.shares.get(entity.name, 0)} %" for entity in config.entities)
    return f"deploying configuration {config.version}: {shares}"


routes = [
    reading(_PATH, _list),
    changing("POST", _PATH, _create),
    reading(f"{_PATH}/{{name}}", _get),
    Route(f"{_PATH}/{{name}}/metrics", _metrics, methods=["GET"]),
    changing("PUT", f"{_PATH}/{{name}}/config", _update_config),
]
