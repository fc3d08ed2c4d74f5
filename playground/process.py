"""A playground seen from outside: its process and its address.

In: a fresh folder. Out: a workspace that answers, until `stop`.
"""

import os
import select
import signal
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from playground import address
from playground.client import Client
from playground.environment import command, end_of, spawn_environment
from playground.mlflow_server import mlflow_log_below

_READY_SECONDS = 120.0
_STOP_SECONDS = 30.0


class Playground:
    """A workspace in a box below `root`: a context, or used between `start` and `stop`."""

    def __init__(
        self,
        root: Path,
        *,
        deploy_seconds: float = 1.0,
        flush_seconds: float = 1.0,
        guardian: int | None = None,
    ) -> None:
        self.root = root.resolve()
        self._options = (
            f"--root={self.root}",
            f"--deploy-seconds={deploy_seconds}",
            f"--flush-seconds={flush_seconds}",
            f"--guardian={guardian or os.getpid()}",
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._address: address.Address | None = None

    @classmethod
    def attach(cls, root: Path) -> Self:
        """Return the playground that somebody else has started below `root`."""
        found = cls(root)
        found._address = address.read(found.root)
        return found

    def start(self) -> Self:
        """Start the process and return when it is ready; raise with the end of its log if it fails."""
        self.root.mkdir(parents=True, exist_ok=True)
        log = self.root / "playground.log"
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command("playground", *self._options),
                env=spawn_environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._address = _wait_until_ready(self.root, self._process)
        if self._address is None:
            self._process.kill()
            self._process.wait()
            logs = [f"{file.name}:\n{end_of(file)}" for file in (log, mlflow_log_below(self.root))]
            raise RuntimeError("\n".join(["the playground did not start:", *logs]))
        return self

    def stop(self) -> int | None:
        """Stop the playground, whoever started it; return its exit code where it is known here."""
        if self._address is not None:
            _end(self._address.pid)
            self._address = None
        return self._process.wait() if self._process else None

    @property
    def address(self) -> address.Address:
        """Where everything is found."""
        if self._address is None:
            raise RuntimeError(f"no playground runs below {self.root}")
        return self._address

    @property
    def control(self) -> Client:
        """The control paths, and what a person would do by hand."""
        return Client(self.address)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _wait_until_ready(root: Path, process: subprocess.Popen[bytes]) -> address.Address | None:
    deadline = time.monotonic() + _READY_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        if found := address.read(root):
            return found
        time.sleep(0.05)
    return None


def _end(pid: int) -> None:
    """Ask a process to end, then force it. Its descriptor, unlike its number, cannot become somebody else's."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        signal.pidfd_send_signal(descriptor, signal.SIGTERM)
        if not select.select([descriptor], [], [], _STOP_SECONDS)[0]:
            signal.pidfd_send_signal(descriptor, signal.SIGKILL)
    finally:
        os.close(descriptor)
