"""The notifier against a real datagram socket, as systemd holds one."""

import os
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.telemetry.sd_notify import Notifier


@pytest.fixture(params=["path", "abstract"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Notifier, socket.socket]]:
    path = str(tmp_path / "notify") if request.param == "path" else f"@mlsteward-{os.getpid()}-{id(tmp_path)}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind("\0" + path[1:] if path.startswith("@") else path)
        end.settimeout(5)
        yield Notifier({"NOTIFY_SOCKET": path}), end


def test_every_state_is_the_datagram_that_systemd_documents(
    systemd: tuple[Notifier, socket.socket],
) -> None:
    notifier, end = systemd
    notifier.ready()
    notifier.status("watching 2 endpoints")
    notifier.reloading(123456789)
    notifier.watchdog()
    notifier.extend(timedelta(seconds=1.5))
    notifier.stopping()
    assert [end.recv(4096).decode() for _ in range(6)] == [
        "READY=1",
        "STATUS=watching 2 endpoints",
        "RELOADING=1\nMONOTONIC_USEC=123456789",
        "WATCHDOG=1",
        "EXTEND_TIMEOUT_USEC=1500000",
        "STOPPING=1",
    ]


def test_a_status_cannot_smuggle_in_another_assignment(systemd: tuple[Notifier, socket.socket]) -> None:
    notifier, end = systemd
    notifier.status("flight-delay\nMAINPID=1")
    assert end.recv(4096) == b"STATUS=flight-delay MAINPID=1"


def test_without_systemd_nothing_happens() -> None:
    notifier = Notifier({})
    notifier.ready()
    notifier.watchdog()
    assert notifier.watchdog_interval is None


def test_a_socket_that_is_gone_does_not_end_the_daemon(tmp_path: Path) -> None:
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()


@pytest.mark.parametrize(
    ("environ", "interval"),
    [
        ({"WATCHDOG_USEC": "60000000"}, timedelta(seconds=30)),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "42"}, timedelta(seconds=30)),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "41"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_watchdog_is_fed_at_half_its_time_where_it_waits_for_us(
    environ: dict[str, str], interval: timedelta | None
) -> None:
    assert Notifier(environ, pid=42).watchdog_interval == interval


def test_the_watchdogs_process_is_this_one_where_none_is_named() -> None:
    environ = {"WATCHDOG_USEC": "4000000", "WATCHDOG_PID": str(os.getpid())}
    assert Notifier(environ).watchdog_interval == timedelta(seconds=2)
