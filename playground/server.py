"""The workspace's HTTP server: all route files put together behind one check of tokens."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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
from playground.workspace import Workspace

_WITHOUT_TOKEN = ("/.well-known/", statements.LINKS)
_WITH_EXPIRED_TOKEN = "/_playground/"
_KEEP_ALIVE_SECONDS = 75


class WorkspaceServer(uvicorn.Server):
    """Uvicorn that leaves signals to the process that runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave all signal handlers as they are."""
        yield


def server(workspace: Workspace) -> WorkspaceServer:
    """Return the server of a workspace, ready to be run."""
    config = uvicorn.Config(
        _TokenCheck(application(workspace), workspace),
        log_level="warning",
        access_log=False,
        date_header=False,  # the workspace has a clock of its own
        lifespan="off",
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=2,
    )
    return WorkspaceServer(config)


def application(workspace: Workspace) -> Starlette:
    """Return all routes over one workspace."""
    families = (
        identity,
        access,
        serving_endpoints,
        invocations,
        jobs,
        catalog,
        statements,
        runs,
        model_registry,
        unity_catalog,
        control,
    )
    app = Starlette(
        routes=[route for family in families for route in family.routes],
        exception_handlers={ApiError: refused, 404: _no_such_path},
    )
    app.state.workspace = workspace
    return app


class _TokenCheck:
    """Lets a call pass to the application if its token allows."""

    def __init__(self, application: ASGIApp, workspace: Workspace) -> None:
        self._application = application
        self._tokens, self._access, self._asked = workspace.tokens, workspace.access, workspace.asked

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        send = self._dated(send)
        path: str = scope.get("path", "")
        if not path.startswith(_WITH_EXPIRED_TOKEN):
            self._asked.append(f"{scope.get('method')} {path}")
        if scope["type"] == "http" and not path.startswith(_WITHOUT_TOKEN):
            authorization = Headers(scope=scope).get("authorization", "")
            refusal = self._tokens.refusal(authorization, expired_too=path.startswith(_WITH_EXPIRED_TOKEN))
            if refusal:
                await JSONResponse(refusal.as_json(), status_code=refusal.status)(scope, receive, send)
                return
        await self._application(scope, receive, send)

    def _dated(self, send: Send) -> Send:
        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = formatdate(time.time() + self._access.skew_seconds, usegmt=True)
                message["headers"] = [*message["headers"], (b"date", date.encode())]
            await send(message)

        return dated


async def _no_such_path(request: Request, _error: Exception) -> Response:
    error = ApiError(404, "ENDPOINT_NOT_FOUND", f"No API found for '{request.method} {request.url.path}'")
    return JSONResponse(error.as_json(), status_code=error.status)
