"""Who may come in. Asked before anything else is looked at: no path, body or content type comes before it."""

import asyncio
import hmac
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from daemon.web import hook, link, pages
from daemon.web.desk import Desk, Stranger
from daemon.web.flood import Flood
from daemon.web.link import Link

READS = ("GET", "HEAD")
LOOPBACK = ("127.0.0.1", "::1", "localhost")
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
LINK = "mlsteward.link"
"""Where the pages find the link that somebody came in by."""
HINT = "mlsteward.hint"
"""Where the page of webhooks finds what one said."""
MOST_CHARACTERS = 200
BODY_BYTES, BODY_SECONDS = 1 << 18, 10.0
"""Of a webhook. MLflow sends a few hundred bytes, at once."""


class Door:
    """Let in who reads what everybody may; for all else, ask for the token or a signed link.

    1. The token opens everything. (The pages of links have nothing to show without one.)
    2. A signed link that has not expired opens its own page.
    3. What an MLflow server's webhook has signed, lately and not before, is taken as a hint (`hook`); no token helps.
    4. Without these: nothing is written; `/api/` is read from this very machine alone; the rest is for everybody.
    """

    def __init__(self, app: ASGIApp, desk: Desk, flood: Flood, now: Callable[[], datetime]) -> None:
        self._app, self._desk, self._flood, self._now = app, desk, flood, now
        self._deliveries = hook.Deliveries(now())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["path"] == hook.PATH and scope["method"] == "POST":
            refusal = await self._by_signature(scope, receive)
        else:
            refusal = self._refusal(scope)
        if refusal is None:
            await self._app(scope, receive, send)
            return
        await self._flood.note(_stranger(scope))
        await refusal(scope, receive, send)

    async def _by_signature(self, scope: Scope, receive: Receive) -> Response | None:
        """Read the body, which is signed, of whoever says that it was sent just now: of nobody else."""
        secret, said = self._desk.credentials.webhook_secret, hook.claim(Headers(scope=scope))
        if secret and said and hook.fresh(said, self._now()):
            body = await _body(receive)
            if body is not None and hook.signed(said, body, secret) and self._deliveries.first(said):
                scope[HINT] = body
                return None
        return JSONResponse({"error": "this is not signed by web.webhook_secret, or not new"}, 401)

    def _refusal(self, scope: Scope) -> Response | None:
        path, headers = str(scope["path"]), Headers(scope=scope)
        if self._knows(headers.get("authorization")):
            return None
        if path.lstrip("/") in link.VERBS:
            return self._by_link(scope, path)
        if scope["method"] in READS and not _is_api(path):
            return None
        if scope["method"] in READS and "authorization" not in headers and _from_here(scope, headers):
            return None
        return _unauthorised()

    def _by_link(self, scope: Scope, path: str) -> Response | None:
        key = self._desk.credentials.link_key
        query = bytes(scope["query_string"]).decode("latin-1")
        found = link.read(path, query, key) if key else None
        if found is None:
            return HTMLResponse(pages.refused("This link is not valid."), 401, pages.HEADERS)
        if not found.holds_at(self._now()):
            return HTMLResponse(pages.refused("This link has expired."), 401, pages.HEADERS)
        scope[LINK] = found
        return None

    def _knows(self, authorization: str | None) -> bool:
        token = self._desk.credentials.token
        kind, _, given = (authorization or "").partition(" ")
        # bytes, because only those may hold anything: a str that is not ASCII would raise
        same = hmac.compare_digest(given.strip().encode("latin-1", "replace"), (token or "").encode())
        return token is not None and kind.lower() == "bearer" and same


def link_of(request: Request) -> Link | None:
    """Return the link that somebody came in by; None where he came in by the token."""
    link: Link | None = request.scope.get(LINK)
    return link


def hint_of(request: Request) -> bytes:
    """Return the body of a webhook that was let in."""
    body: bytes = request.scope[HINT]
    return body


async def _body(receive: Receive) -> bytes | None:
    """Return the body, None where it is too long or too slow for a webhook's."""
    body = b""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while len(body) <= BODY_BYTES:
                message = await receive()
                if message["type"] != "http.request":
                    return None
                body += message.get("body", b"")
                if not message.get("more_body"):
                    return body if len(body) <= BODY_BYTES else None
    except TimeoutError:
        pass
    return None


def _is_api(path: str) -> bool:
    return path.strip("/").split("/")[0].lower() == "api"


def _from_here(scope: Scope, headers: Headers) -> bool:
    """Tell whether somebody on this machine asks, and no proxy for somebody else, and no page that a browser shows."""
    client = scope.get("client")
    host = urlsplit(f"//{headers.get('host', '')}").hostname
    direct = not any(name in headers for name in FORWARDED)
    return direct and client is not None and client[0] in LOOPBACK and host in LOOPBACK


def _unauthorised() -> Response:
    error = {"error": "send the token of web.token: `Authorization: Bearer ...`"}
    return JSONResponse(error, 401, {"WWW-Authenticate": 'Bearer realm="mlsteward"'})


def _stranger(scope: Scope) -> Stranger:
    headers, client = Headers(scope=scope), scope.get("client")
    said = next((headers[name] for name in FORWARDED if name in headers), "")
    address = str(client[0]) if client else "unknown"
    return Stranger(address, _plain(said), _plain(scope["method"]), _plain(scope["path"]))


def _plain(said: object) -> str:
    """Take so much of what a stranger sent as a record can hold."""
    return "".join(c if c.isprintable() else "?" for c in str(said)[:MOST_CHARACTERS])
