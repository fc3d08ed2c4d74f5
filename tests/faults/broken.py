"""What the daemon stands on breaks in mid-cycle: the database, the disk, the workspace, the data. P1, P2 and P14."""

import resource
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

from daemon.domain.event import Severity
from daemon.domain.remediation import Remedy, Standing, State
from daemon.store import findings
from tests.faults.ground import Ground
from tests.faults.kills import passings
from tests.faults.plays import PLAYS, PROMOTE, RETRAIN, ROLLBACK, Play
from tests.faults.proxy import Fault
from tests.faults.report import Case, Family, Tests, Tried
from tests.faults.site import ERRORS, Site
from tests.faults.switch import LOCKED_SECONDS, STILL_SECONDS, locked
from tests.postgres import Postgres
from tests.remediate.stories import firing
from tests.scenarios.process import Daemon

LOCKS = "SQLite locked in mid-cycle, for longer than the daemon waits"
DISK = "the disk full in mid-cycle"
AWAY = "PostgreSQL stopped in mid-cycle, and started again"
HANG = "the workspace hangs for good in the middle of a step"
THIN = "a finding fires, and its data is stale or too thin"
POINTS = ("after_intent", "before_call", "after_call", "after_answer")
AWAY_SECONDS = 4.0
FOREVER = 10**6


def cases() -> Iterator[Tried]:
    short = {("after_call", LOCKS), ("before_call", DISK), ("after_call", AWAY)}
    for tried, wrong in ((LOCKS, _locked), (DISK, _full), (AWAY, None)):
        for point in POINTS:
            run = (
                partial(without_server, ROLLBACK, point, 1)
                if wrong is None
                else partial(without, wrong, ROLLBACK, point, 1)
            )
            yield Case("P2", tried, f"rollback, {point} 1", run, (point, tried) in short)
        for play in (PROMOTE, RETRAIN, PLAYS["archive"]):
            yield Family("P2", tried, partial(_at_each_call, play, tried, wrong))
    for name in ("hangs in a call", "hangs in a look"):
        yield Case("P14", HANG, f"rollback {name}", partial(hanging, name.endswith("call")))
    for name, change in (("three hours old", _old), ("ten rows", _few)):
        yield Case("P1", THIN, f"rollback, {name}", partial(thin, change), short=True)
    scenarios = "tests/scenarios/test_daemon.py"
    yield Tests("P1", "source away, empty, late, thin: in-process", ("tests/watch/test_blindness.py",))
    yield Tests("P14", "what a hostile world does to the process: locks, full disks, tokens, ports", (scenarios,))


def _at_each_call(
    play: Play, tried: str, wrong: "Callable[[Site, Daemon], AbstractContextManager[None]] | None", ground: Ground
) -> Iterator[Case]:
    for point in ("before_call", "after_call"):
        for n in range(1, passings(play, ground)[point] + 1):
            run = partial(without_server, play, point, n) if wrong is None else partial(without, wrong, play, point, n)
            yield Case("P2", tried, f"{play.name}, {point} {n}", run)


# --- database and disk


def without(
    wrong: "Callable[[Site, Daemon], AbstractContextManager[None]]", play: Play, point: str, n: int, ground: Ground
) -> None:
    """Freeze the daemon, take something from it, let it go on, give it back."""
    with play.site(ground, "sqlite") as site:
        play.begin(site)
        with site.frozen(point, n) as daemon:
            taken = wrong(site, daemon)
            taken.__enter__()
        time.sleep(LOCKED_SECONDS)
        assert daemon.get("/healthz")[0] == 200
        taken.__exit__(None, None, None)
        site.wait("the end", lambda: play.over(site))
        play.check(site)


def without_server(play: Play, point: str, n: int, ground: Ground) -> None:
    """The same with a PostgreSQL of its own, which is stopped and started again."""
    with Postgres() as server, play.site(ground, "postgresql", url=server.create()) as site:
        play.begin(site)
        with site.frozen(point, n, kept=True):
            away = server.away()
            away.__enter__()
        time.sleep(AWAY_SECONDS)
        away.__exit__(None, None, None)
        site.wait("the end", lambda: play.over(site))
        play.check(site)


def _locked(site: Site, _: Daemon) -> AbstractContextManager[None]:
    return locked(site.folder / "mlsteward.db")


@contextmanager
def _full(site: Site, daemon: Daemon) -> Iterator[None]:
    """Let no file grow beyond what the database's log is by now, as on a disk that has no more."""
    full = (site.folder / "mlsteward.db-wal").stat().st_size
    resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (full, resource.RLIM_INFINITY))
    yield
    resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


# --- the workspace


def hanging(in_a_call: bool, ground: Ground) -> None:
    """Hang one request for good: past its deadline a person is paged, and the rest of the daemon goes on."""
    quick = [('interval = "5m"', 'interval = "2s"'), ('timeout = "2h"', 'timeout = "8s"')]
    with ROLLBACK.site(ground, "sqlite") as site, _watchdog() as (address, beats):
        ROLLBACK.begin(site)
        text = site.configuration().replace('timeout = "3s"', 'timeout = "10m"')
        for was, now in quick:
            text = text.replace(was, now)
        if in_a_call:
            site.workspace.spoil(r"^PUT .*/config$", Fault.STALL, times=FOREVER)
        else:
            # the look before the plan is answered, and none after it
            site.workspace.spoil(rf"^GET .*/serving-endpoints/{site.endpoint}$", Fault.STALL, nth=3, times=FOREVER)
        with site.daemon(text=text, NOTIFY_SOCKET=address) as daemon:
            site.wait("a person to be called", lambda: site.states() == [State.NEEDS_HUMAN], 300)
            (paged,) = site.events("remediation.needs_human")
            assert paged.severity is Severity.PAGE
            assert daemon.get("/healthz")[0] == 200
            before = beats()
            site.wait("the watchdog to be fed", lambda: beats() > before)
        assert [c.wanted for c in site.calls()] == []


@contextmanager
def _watchdog() -> Iterator[tuple[str, Callable[[], int]]]:
    """Listen as systemd does; give the address, and a function that counts the signs of life."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        address = f"@mlsteward-faults-{time.monotonic_ns()}"
        listener.bind("\0" + address[1:])
        listener.setblocking(False)
        seen = [0]

        def count() -> int:
            while True:
                try:
                    seen[0] += b"WATCHDOG=1" in listener.recv(4096)
                except BlockingIOError:
                    return seen[0]

        yield address, count


# --- the data


def thin(change: Callable[[Site], None], ground: Ground) -> None:
    """Propose on evidence that does not carry: nothing is done. As soon as it does, the same proposal goes through."""
    with ROLLBACK.site(ground, "sqlite") as site:
        site.stands(1, Standing.GOOD)
        change(site)
        site.propose(Remedy.ROLLBACK, to=1, from_version=2)
        with site.daemon():
            site.wait("it to be held up", lambda: site.states() == [State.BLOCKED])
            time.sleep(STILL_SECONDS)
            assert site.states() == [State.BLOCKED]
            assert site.calls() == []
            site.fires(ERRORS, version=2)
            site.wait("the end", lambda: ROLLBACK.over(site))
            ROLLBACK.check(site)


def _old(site: Site) -> None:
    site.fires(ERRORS, version=2, end=datetime.now(UTC) - timedelta(hours=3))


def _few(site: Site) -> None:
    trail = firing(ERRORS, endpoint=site.endpoint, version=2, end=datetime.now(UTC))
    with site.store.begin() as tx:
        findings.save(tx, [replace(trail, last=replace(trail.last, n=10))])
