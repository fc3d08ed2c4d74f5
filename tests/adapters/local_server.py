"""A web server on a free local port that gives the answers a test scripts, and remembers what it was asked."""

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    """With the query."""
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    body: Any = field(default_factory=dict)
    """bytes go out as they are, anything else as JSON."""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False
    """Keep the connection open and say nothing until the server closes."""

    @property
    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


NOT_THERE = Answer({"error_code": "ENDPOINT_NOT_FOUND", "message": "no such path"}, 404)
Reply = Answer | Callable[[Asked], Answer]


class LocalServer:
    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self._scripts: dict[tuple[str, str], list[Reply]] = {}
        self._closing = threading.Event()
        self._http = _Http(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._http.shutdown()
        self._http.server_close()

    def on(self, method: str, path: str, *replies: Reply) -> None:
        """Answer requests for the path (without its query) by these, one after the other; the last one stays."""
        self._scripts[method, path] = list(replies)

    def to(self, path: str) -> list[Asked]:
        return [asked for asked in self.asked if asked.path.partition("?")[0] == path]

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        script = self._scripts.get((asked.method, asked.path.partition("?")[0]), [NOT_THERE])
        reply = script.pop(0) if len(script) > 1 else script[0]
        answer = reply if isinstance(reply, Answer) else reply(asked)
        if answer.hang:
            self._closing.wait(30)
        return answer


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128


def _handler(server: LocalServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = server.answer(Asked(self.command, self.path, headers, body))
            with suppress(BrokenPipeError, ConnectionResetError):
                self.send_response(answer.status)
                for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

        do_POST = do_PUT = do_DELETE = do_PATCH = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    return Handler
