"""The running box: first versions, workspace and HTTP server, from the start to an orderly end."""

import asyncio
import os
import signal
import socket
from pathlib import Path

import mlflow

from playground import address
from playground.bootstrap import declare_jobs, endpoint_addresses, first_endpoints, first_versions
from playground.flights import path_below
from playground.mlflow_server import MlflowServer
from playground.registry import Registry
from playground.server import server
from playground.workspace import Pace, Workspace


class Box:
    """One playground, in this process."""

    def __init__(self, root: Path, mlflow_server: MlflowServer, *, deploy_seconds: float, flush_seconds: float) -> None:
        self._root = root
        self._mlflow_server = mlflow_server
        self._pace = Pace(deploy_seconds=deploy_seconds, flush_seconds=flush_seconds)

    def run(self, *, port: int) -> int:
        """Serve until a signal; return the exit code."""
        mlflow.set_tracking_uri(self._mlflow_server.uri)
        first_versions(self._root, self._mlflow_server)
        with _listener(port) as listener:
            asyncio.run(self._serve(listener))
        return 0

    async def _serve(self, listener: socket.socket) -> None:
        stop = _stop_requested()
        workspace = Workspace(self._root, self._pace, Registry(self._mlflow_server.uri))
        http = server(workspace)
        serving = asyncio.create_task(http.serve(sockets=[listener]))
        try:
            await first_endpoints(workspace)
            self._address(workspace, listener).write(self._root)
            await stop.wait()
        finally:
            address.withdraw(self._root)
            http.should_exit = True
            await serving
            await workspace.stop()

    def _address(self, workspace: Workspace, listener: socket.socket) -> address.Address:
        return address.Address(
            host=f"http://127.0.0.1:{listener.getsockname()[1]}",
            token=workspace.tokens.main,
            mlflow=self._mlflow_server.uri,
            pid=os.getpid(),
            endpoints=endpoint_addresses(self._root, workspace),
            served_entities_table=workspace.served_entities.path,
            flights=path_below(self._root),
            jobs=declare_jobs(workspace, self._mlflow_server.uri),
        )


def _listener(port: int) -> socket.socket:
    # The protocol is named because asyncio sends small answers at once only where it reads TCP there.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(128)
    return listener


def _stop_requested() -> asyncio.Event:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    return stop
