"""The workspace's HTTP server: all route files put together behind one check of tokens."""

from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp

from playground import control
from playground.api import (
    access,
    catalog,
    identity,
    invocations,
    jobs,
    model_registry,
    runs,
    serving_endpoints,
    statements,
    unity_catalog,
)
from playground.api.handlers import refused
from playground.errors import ApiError
from playground.faults import CONTROL
from playground.gate import Count, Dated, FaultSwitch, Record, TokenCheck, Transports, protocol
from playground.workspace import Workspace

_WITHOUT_TOKEN = ("/.well-known/", statements.LINKS)
_KEEP_ALIVE_SECONDS = 75


class WorkspaceServer(uvicorn.Server):
    """Uvicorn that leaves signals to the process that runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave all signal handlers as they are."""
        yield


def server(workspace: Workspace) -> WorkspaceServer:
    """Return the server of a workspace, ready to be run."""
    transports: Transports = {}
    config = uvicorn.Config(
        gated(workspace, transports),
        http=protocol(transports),
        log_config=None,  # whose process this is decides where its log goes
        log_level="warning",
        access_log=False,
        date_header=False,  # the workspace has a clock of its own
        lifespan="off",
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=2,
    )
    return WorkspaceServer(config)


def gated(workspace: Workspace, transports: Transports) -> ASGIApp:
    """Return the application behind what every request meets first."""
    spoilt = FaultSwitch(application(workspace), workspace, transports)
    checked = TokenCheck(spoilt, workspace, without=_WITHOUT_TOKEN, with_expired=CONTROL)
    return Dated(Count(Record(checked, workspace), workspace), workspace)


def application(workspace: Workspace) -> Starlette:
    """Return all routes over one workspace."""
    families = (
        identity,
        access,
        serving_endpoints,
        invocations,
        jobs,
        runs,
        model_registry,
        unity_catalog,
        catalog,
        statements,
        control,
    )
    app = Starlette(
        routes=[route for family in families for route in family.routes],
        exception_handlers={ApiError: refused, 404: _no_such_path},
    )
    app.state.workspace = workspace
    return app


async def _no_such_path(request: Request, _error: Exception) -> Response:
    error = ApiError(404, "ENDPOINT_NOT_FOUND", f"No API found for '{request.method} {request.url.path}'")
    return JSONResponse(error.as_json(), status_code=error.status)
