"""What every request meets before its route: the gauges, the recorder, the check of tokens, the trouble ordered."""

import asyncio
import re
import time
from collections.abc import MutableMapping
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any

from starlette.datastructures import Headers, QueryParams
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from playground.api.handlers import json_or_text
from playground.faults import CONTROL, Fault
from playground.gauges import Answered
from playground.workspace import Workspace

INVOCATIONS = re.compile(r"/serving-endpoints/(?P<name>[^/]+)/(?:served-models/[^/]+/)?invocations")
LOOK_SECONDS = 0.05
"""How often it is looked whether a caller who waits has given up."""
Transports = MutableMapping[tuple[str, int], asyncio.Transport]


class TokenCheck:
    """Lets a call pass to the application if its token allows."""

    def __init__(
        self, application: ASGIApp, workspace: Workspace, *, without: tuple[str, ...], with_expired: str
    ) -> None:
        self._application, self._tokens = application, workspace.tokens
        self._without, self._with_expired = without, with_expired

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope.get("path", "")
        if scope["type"] == "http" and not path.startswith(self._without):
            authorization = Headers(scope=scope).get("authorization", "")
            refusal = self._tokens.refusal(authorization, expired_too=path.startswith(self._with_expired))
            if refusal:
                await JSONResponse(refusal.as_json(), status_code=refusal.status)(scope, receive, send)
                return
        await self._application(scope, receive, send)


class Dated:
    """Dates every answer by the workspace's own clock."""

    def __init__(self, application: ASGIApp, workspace: Workspace) -> None:
        self._application, self._access = application, workspace.access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                date = formatdate(time.time() + self._access.skew_seconds, usegmt=True)
                message["headers"] = [*message["headers"], (b"date", date.encode())]
            await send(message)

        await self._application(scope, receive, dated)


class Count:
    """Has an endpoint's gauges count every request, whoever answers it."""

    def __init__(self, application: ASGIApp, workspace: Workspace) -> None:
        self._application, self._endpoints = application, workspace.endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = INVOCATIONS.fullmatch(scope.get("path", "")) if scope["type"] == "http" else None
        endpoint = self._endpoints.get(asked["name"]) if asked else None
        if endpoint is None:
            await self._application(scope, receive, send)
            return
        gauges, began = endpoint.gauges, time.perf_counter()

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                took = 1000 * (time.perf_counter() - began)
                gauges.add(Answered(datetime.now(UTC), message["status"], took))
            await send(message)

        await self._application(scope, receive, counted)


class Record:
    """Has every request recorded, as long as somebody wants it."""

    def __init__(self, application: ASGIApp, workspace: Workspace) -> None:
        self._application, self._recorder = application, workspace.recorder

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = _path(scope)
        user_agent = Headers(scope=scope).get("user-agent", "") if scope["type"] == "http" else ""
        if scope["type"] != "http" or not self._recorder.wants(user_agent) or path.startswith(CONTROL):
            await self._application(scope, receive, send)
            return
        body = await _body(receive)
        self._recorder.add(
            scope["method"], path, dict(QueryParams(scope["query_string"])), json_or_text(body), user_agent
        )
        await self._application(scope, _again(body, receive), send)


class FaultSwitch:
    """Spoils the requests that a fault is for."""

    def __init__(self, application: ASGIApp, workspace: Workspace, transports: Transports) -> None:
        self._application, self._faults, self._transports = application, workspace.faults, transports

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        fault = self._faults.next(scope["method"], _path(scope)) if scope["type"] == "http" else None
        if fault is None:
            await self._application(scope, receive, send)
            return
        if not await self._waited(fault.delay_seconds, scope):
            return
        if fault.drop is not None:
            if fault.drop == "after":
                await self._application(scope, receive, _unheard)
            await self._hang_up(scope, receive)
        elif fault.status is not None:
            await _response(fault)(scope, receive, send)
        else:
            await self._application(scope, receive, send)

    async def _waited(self, seconds: float, scope: Scope) -> bool:
        """Wait, and tell whether somebody is still there to be answered."""
        until = asyncio.get_running_loop().time() + seconds
        while (left := until - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(min(left, LOOK_SECONDS))
            if tuple(scope["client"]) not in self._transports:
                return False
        return True

    async def _hang_up(self, scope: Scope, receive: Receive) -> None:
        self._transports[tuple(scope["client"])].abort()
        while (await receive())["type"] != "http.disconnect":
            # what is left of the body
            pass


def protocol(transports: Transports) -> type[H11Protocol]:
    """Return uvicorn's HTTP protocol, which notes the connections by who is at their other end."""

    class Noted(H11Protocol):
        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            transports[transport.get_extra_info("peername")[:2]] = transport
            super().connection_made(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            transports.pop(self.transport.get_extra_info("peername")[:2], None)
            super().connection_lost(exc)

    return Noted


def _path(scope: Scope) -> str:
    raw: bytes = scope.get("raw_path") or scope.get("path", "").encode()
    return raw.decode("latin-1")


async def _body(receive: Receive) -> bytes:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message["type"] == "http.request" and bool(message.get("more_body"))
    return body


def _again(body: bytes, receive: Receive) -> Receive:
    """Return what a route reads from: first the body that was read already."""
    waiting: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def read() -> Message:
        return waiting.pop() if waiting else await receive()

    return read


async def _unheard(_message: Message) -> None:
    """Say nothing to nobody."""


def _response(fault: Fault) -> Response:
    answer: Any = fault.answer
    status = fault.status or 200
    if isinstance(answer, str):
        return Response(answer, status, headers=fault.headers, media_type="text/html")
    return JSONResponse(answer, status, headers=fault.headers)
