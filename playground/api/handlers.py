"""From a function to a route: what every handler gets, and how every call that changes something is recorded."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from playground.errors import ApiError, invalid
from playground.workspace import Workspace


@dataclass(frozen=True)
class Outcome:
    """What a mutating call did, in one sentence for the effects log, and what it answers."""

    what: str
    answer: dict[str, Any]


Read = Callable[[Workspace, Request], dict[str, Any]]
Mutation = Callable[[Workspace, Request, dict[str, Any]], Outcome]


def workspace_of(request: Request) -> Workspace:
    """Return the workspace that the application serves."""
    workspace: Workspace = request.app.state.workspace
    return workspace


def reading(path: str, read: Read) -> Route:
    """Return a GET route that changes nothing."""

    async def handler(request: Request) -> Response:
        return JSONResponse(read(workspace_of(request), request))

    return Route(path, handler, methods=["GET"])


def changing(method: str, path: str, mutation: Mutation) -> Route:
    """Return a route whose every call, granted or refused, is an effect."""
    return _changing(method, path, mutation, aside=False)


def _changing(method: str, path: str, mutation: Mutation, *, aside: bool) -> Route:
    async def handler(request: Request) -> Response:
        raw = await request.body()

        def attempt() -> tuple[int, str, dict[str, Any]]:
            return _attempt(lambda: mutation(workspace_of(request), request, _parsed(raw)))

        status, what, answer = await run_in_threadpool(attempt) if aside else attempt()
        workspace_of(request).effects.record(
            now=datetime.now(UTC),
            method=request.method,
            path=request.url.path,
            body=json_or_text(raw),
            what=what,
            status=status,
        )
        return JSONResponse(answer, status_code=status)

    return Route(path, handler, methods=[method])


def reading_aside(path: str, read: Callable[[Workspace, Request], Any]) -> Route:
    """Return a GET route for what blocks while it reads: it runs in a thread. What is no response becomes JSON."""

    async def handler(request: Request) -> Response:
        answer = await run_in_threadpool(read, workspace_of(request), request)
        return answer if isinstance(answer, Response) else JSONResponse(answer)

    return Route(path, handler, methods=["GET"])


def asking_aside(path: str, read: Callable[[Workspace, dict[str, Any]], dict[str, Any]]) -> Route:
    """Return a POST route that changes nothing, and is no effect."""

    async def handler(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(read, workspace_of(request), _parsed(await request.body())))

    return Route(path, handler, methods=["POST"])


def changing_aside(method: str, path: str, mutation: Mutation) -> Route:
    """Return a route like that of `changing`, for what blocks: it runs in a thread."""
    return _changing(method, path, mutation, aside=True)


async def refused(_request: Request, error: Exception) -> Response:
    """Answer a refusal in Databricks' shape."""
    assert isinstance(error, ApiError)
    return JSONResponse(error.as_json(), status_code=error.status)


def json_or_text(raw: bytes) -> Any:
    """Return a body as JSON, or as text where it is none."""
    try:
        return json.loads(raw) if raw else {}
    except ValueError:
        return raw.decode(errors="replace")


def _attempt(mutate: Callable[[], Outcome]) -> tuple[int, str, dict[str, Any]]:
    try:
        outcome = mutate()
    except ApiError as error:
        return error.status, f"refused: {error.message}", error.as_json()
    return 200, outcome.what, outcome.answer


def _parsed(raw: bytes) -> dict[str, Any]:
    body = json_or_text(raw)
    if not isinstance(body, dict):
        raise invalid("The request body must be a JSON object.")
    return body
