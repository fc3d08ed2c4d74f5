"""The word to systemd: states come in, datagrams to $NOTIFY_SOCKET go out. Without systemd, nothing happens."""

import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta


class Notifier:
    """Speak the protocol of sd_notify(3)."""

    def __init__(self, environ: Mapping[str, str] = os.environ, *, pid: int | None = None) -> None:
        path = environ.get("NOTIFY_SOCKET", "")
        self._address = "\0" + path[1:] if path.startswith("@") else path
        self.watchdog_interval = _watchdog_interval(environ, os.getpid() if pid is None else pid)
        """How often to call `watchdog`: half of what systemd waits. None: systemd does not wait for it."""

    def ready(self) -> None:
        self._send("READY=1")

    def status(self, text: str) -> None:
        """Say one line for `systemctl status`."""
        # A line break would begin another assignment.
        self._send(f"STATUS={' '.join(text.split())}")

    def reloading(self, monotonic_usec: int) -> None:
        """Say that a reload has begun, and when by CLOCK_MONOTONIC. `ready` says that it has ended."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={monotonic_usec}")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def watchdog(self) -> None:
        self._send("WATCHDOG=1")

    def extend(self, more: timedelta) -> None:
        """Ask for more time to start or stop, counted from now."""
        self._send(f"EXTEND_TIMEOUT_USEC={more // timedelta(microseconds=1)}")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        # A systemd that does not listen is no reason to end: its own timeouts tell it what we could not.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as end:
            end.sendto(message.encode(), self._address)


def _watchdog_interval(environ: Mapping[str, str], pid: int) -> timedelta | None:
    """Half of $WATCHDOG_USEC, where it is meant for this process and not for a parent that left it behind."""
    usec = environ.get("WATCHDOG_USEC", "")
    if not usec.isdecimal() or environ.get("WATCHDOG_PID", str(pid)) != str(pid):
        return None
    return timedelta(microseconds=int(usec)) / 2 or None
