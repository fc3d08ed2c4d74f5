"""The listener: an address in, a server in a thread of its own out."""

import os
import socket
from collections.abc import Callable
from datetime import datetime
from threading import Event, Thread
from typing import Self

import uvicorn

from daemon.telemetry.metrics import Metrics
from daemon.web import flood
from daemon.web.desk import Desk
from daemon.web.routes import app

START_SECONDS = 10
STOP_SECONDS = 5


class Listener:
    """Serve from `start` to `stop`, once; `url` says where."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        metrics: Metrics,
        stalled: Callable[[], list[str]],
        unready: Callable[[], list[str]],
        desk: Desk,
        now: Callable[[], datetime],
    ) -> None:
        self.url = ""
        self._host, self._port = host, port
        self._flood = flood.Flood(desk, most=flood.MOST, span_s=flood.SPAN_S)
        self._server = _Server(
            uvicorn.Config(
                app(metrics=metrics, stalled=stalled, unready=unready, desk=desk, flood=self._flood, now=now),
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="none",
                server_header=False,
                # who asks is whom we see: a header can say anything
                proxy_headers=False,
                timeout_graceful_shutdown=1,
            )
        )
        self._thread: Thread | None = None

    def start(self) -> Self:
        """Answer requests when this returns. Raise OSError, with one clear sentence, where that cannot be."""
        end = _bind(self._host, self._port)
        self.url = f"http://{_place(*end.getsockname()[:2])}"
        self._thread = Thread(target=self._serve, args=(end,), name="web", daemon=True)
        self._thread.start()
        self._server.decided.wait(START_SECONDS)
        if not self._server.started:
            raise OSError(f"the listener on {self.url} did not start")
        return self

    def stop(self) -> None:
        """Close the door, give open requests a second, and return when the thread has ended."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)
        self._flood.close()

    def _serve(self, end: socket.socket) -> None:
        try:
            self._server.run([end])
        finally:
            self._server.decided.set()
            end.close()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.decided = Event()
        """It has started, or never will."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.decided.set()


def _bind(host: str, port: int) -> socket.socket:
    """Bind here and not in uvicorn, which would log the failure and end the process."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        return socket.create_server((address[0], port), family=family)
    except OSError as error:
        # What create_server itself says names the address a second time.
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise OSError(f"cannot listen on {_place(host, port)}: {reason}") from error


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
