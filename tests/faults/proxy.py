"""A proxy between the daemon and a server, which spoils the requests it is told to, and remembers those that change.

All proxies of a run live in one thread of their own. Each request gets a connection of its own to the server, so that
what is done to one never touches another.
"""

import asyncio
import re
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

LONGEST_LINE = 2**20
DELAY_SECONDS = 1.0
OURS = ("connection", "expect", "transfer-encoding", "content-length")
"""Headers that are the proxy's own business on the way to the server."""


class Fault(StrEnum):
    """What becomes of one request."""

    LOSE = "the reply is lost after the server has done it"
    DELAY = "the reply comes late"
    HALF = "half of the reply comes"
    GARBLE = "the server has done it, and garbage is answered"
    HANG = "the server has done it, and no reply comes until the caller gives up"
    CLOSE = "the connection is closed before the server hears of it"
    STALL = "the server hears nothing, and no reply comes until the caller gives up"
    TOO_MANY = "429"
    TOO_MANY_WAIT = "429 with Retry-After"
    BROKEN = "500"
    UNAVAILABLE = "503"
    BROKEN_AFTER = "500 after the server has done it"
    UNAVAILABLE_AFTER = "503 with Retry-After, after the server has done it"

    @property
    def reaches(self) -> bool:
        """Whether the server gets the request."""
        return self not in (Fault.CLOSE, Fault.STALL, *REFUSALS)


REFUSALS = {
    Fault.TOO_MANY: (429, "REQUEST_LIMIT_EXCEEDED", ""),
    Fault.TOO_MANY_WAIT: (429, "REQUEST_LIMIT_EXCEEDED", "Retry-After: 1\r\n"),
    Fault.BROKEN: (500, "INTERNAL_ERROR", ""),
    Fault.UNAVAILABLE: (503, "TEMPORARILY_UNAVAILABLE", ""),
}
LATE_REFUSALS = {
    Fault.BROKEN_AFTER: (500, "INTERNAL_ERROR", ""),
    Fault.UNAVAILABLE_AFTER: (503, "TEMPORARILY_UNAVAILABLE", "Retry-After: 1\r\n"),
}
"""A gateway gives up on a server that goes on."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it came in."""

    method: str
    path: str
    head: bytes
    body: bytes

    @property
    def line(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that changes something, and what the server said: 0 where it never got there."""

    at: datetime
    request: Request
    status: int
    fault: Fault | None = None


@dataclass(slots=True)
class Plan:
    """A fault for the requests that a pattern finds: the n-th of them, and as many as `times` after it."""

    pattern: re.Pattern[str]
    fault: Fault
    nth: int = 1
    times: int = 1
    met: int = 0

    def next(self, request: Request) -> Fault | None:
        if not self.pattern.search(request.line):
            return None
        self.met += 1
        return self.fault if self.nth <= self.met < self.nth + self.times else None


@dataclass(slots=True)
class Proxy:
    """One proxy: `url` is what the daemon is told the server is called."""

    server: str
    url: str = ""
    changes: list[Seen] = field(default_factory=list)
    """Requests that change something, in order."""
    spoiled: list[Seen] = field(default_factory=list)
    plans: list[Plan] = field(default_factory=list)

    def spoil(self, pattern: str, fault: Fault, *, nth: int = 1, times: int = 1) -> Plan:
        """Have the n-th request whose `METHOD /path` the pattern finds spoiled."""
        plan = Plan(re.compile(pattern), fault, nth, times)
        self.plans.append(plan)
        return plan

    def heal(self) -> None:
        self.plans.clear()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection of the daemon's to its end."""
        try:
            while request := await _read(reader):
                if not await self._pass_on(request, writer):
                    break
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
            # it hung up, or everything ends
            pass
        finally:
            writer.close()

    async def _pass_on(self, request: Request, writer: asyncio.StreamWriter) -> bool:
        fault = next((f for plan in self.plans if (f := plan.next(request))), None)
        if fault is not None and not fault.reaches:
            self._note(request, 0, fault)
            return await _refuse(fault, writer)
        answer = await self._ask(request)
        self._note(request, _status(answer), fault)
        return await _answer(answer, fault, writer)

    def _note(self, request: Request, status: int, fault: Fault | None) -> None:
        seen = Seen(datetime.now(UTC), request, status, fault)
        if fault is not None:
            self.spoiled.append(seen)
        if request.method not in ("GET", "HEAD") and "/invocations" not in request.path:
            self.changes.append(seen)

    async def _ask(self, request: Request) -> bytes:
        to = urlsplit(self.server)
        reader, writer = await asyncio.open_connection(to.hostname, to.port, limit=LONGEST_LINE)
        try:
            writer.write(request.head + request.body)
            await writer.drain()
            return await reader.read()
        finally:
            writer.close()


async def _refuse(fault: Fault, writer: asyncio.StreamWriter) -> bool:
    if fault is Fault.STALL:
        await asyncio.sleep(3600)
    if fault in REFUSALS:
        writer.write(_refusal(*REFUSALS[fault]))
        await writer.drain()
        return True
    return False


def _refusal(status: int, code: str, header: str) -> bytes:
    body = f'{{"error_code": "{code}", "message": "so the proxy says"}}'.encode()
    head = f"HTTP/1.1 {status} No\r\nContent-Type: application/json\r\n{header}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def _answer(answer: bytes, fault: Fault | None, writer: asyncio.StreamWriter) -> bool:
    """Send the answer on, or what the fault makes of it. Return whether the connection goes on."""
    if fault is Fault.LOSE:
        return False
    if fault is Fault.HANG:
        await asyncio.sleep(3600)
    if fault is Fault.DELAY:
        await asyncio.sleep(DELAY_SECONDS)
    if fault in LATE_REFUSALS:
        answer = _refusal(*LATE_REFUSALS[fault])
    if fault is Fault.GARBLE:
        page = b"<html><body>Please log in</body></html>"
        answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n" % len(page) + page
    if fault is Fault.HALF:
        head, _, body = answer.partition(b"\r\n\r\n")
        answer = head + b"\r\n\r\n" + body[: len(body) // 2]
    writer.write(answer)
    await writer.drain()
    # the server's answer ended with its connection, and so does ours
    return False


async def _read(reader: asyncio.StreamReader) -> Request | None:
    """Read one request; None where the caller has hung up."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    lines = head.decode("latin-1").split("\r\n")
    method, path, _ = lines[0].split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    if "chunked" in headers.get("transfer-encoding", ""):
        body = await _chunks(reader)
    else:
        body = await reader.readexactly(int(headers.get("content-length") or 0))
    kept = [line for line in lines[1:] if line and line.partition(":")[0].lower() not in OURS]
    length = [f"Content-Length: {len(body)}"] if body or method not in ("GET", "HEAD") else []
    written = "\r\n".join([lines[0], *kept, *length, "Connection: close", "", ""])
    return Request(method, path, written.encode("latin-1"), body)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    """Read a body that comes in chunks."""
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readuntil(b"\r\n")
    return body


def _status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 0


class Proxies:
    """The thread in which all proxies run."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(_end_all(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def before(self, server: str) -> Proxy:
        """Return a new proxy before a server."""
        return asyncio.run_coroutine_threadsafe(self._start(Proxy(server)), self._loop).result(10)

    async def _start(self, proxy: Proxy) -> Proxy:
        listener = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, limit=LONGEST_LINE)
        proxy.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        return proxy


async def _end_all() -> None:
    """End what still serves somebody, or hangs."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
