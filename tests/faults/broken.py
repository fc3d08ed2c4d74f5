"""What the daemon stands on breaks in mid-cycle: the database, the disk, the workspace, the data. P1, P2 and P14."""

import resource
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

from daemon.domain.event import Severity
from daemon.domain.remediation import Remedy, Standing, State
from daemon.store import findings
from tests.faults.ground import Ground
from tests.faults.kills import passings
from tests.faults.plays import ARCHIVE, PROMOTE, RETRAIN, ROLLBACK, Play
from tests.faults.proxy import Fault
from tests.faults.report import Case, Family, Tried
from tests.faults.site import ERRORS, Site
from tests.faults.switch import LOCKED_SECONDS, STILL_SECONDS, locked
from tests.postgres import Postgres
from tests.remediate.stories import firing
from tests.scenarios.process import Daemon

HANG = "the workspace hangs for good in the middle of a step"
GONE = "workspace and registry away while a finding fires"
THIN = "a finding fires, and its data is stale or too thin"
POINTS = ("after_intent", "before_call", "after_call", "after_answer")
AWAY_SECONDS = 4.0
FOREVER = 10**6


def cases() -> Iterator[Tried]:
    for tried, deed in DEEDS.items():
        for point in POINTS:
            run = partial(deed, ROLLBACK, point, 1)
            yield Case("P2", tried, f"rollback, {point} 1", run, short=SHORT[tried] == point)
        for play in (PROMOTE, RETRAIN, ARCHIVE):
            yield Family("P2", tried, partial(_at_each_call, play, tried))
    for name in ("call", "look"):
        yield Case("P14", HANG, f"rollback hangs in a {name}", partial(hanging, name == "call"))
    yield Case("P1", GONE, "rollback", gone)
    for name, change in (("three hours old", _old), ("ten rows", _few)):
        yield Case("P1", THIN, f"rollback, {name}", partial(thin, change), short=True)


def _at_each_call(play: Play, tried: str, ground: Ground) -> Iterator[Case]:
    for point in ("before_call", "after_call"):
        for n in range(1, passings(play, ground)[point] + 1):
            yield Case("P2", tried, f"{play.name}, {point} {n}", partial(DEEDS[tried], play, point, n))


# --- database and disk


def without_locks(play: Play, point: str, n: int, ground: Ground) -> None:
    _without(lambda site, _: locked(site.folder / "mlsteward.db"), play, point, n, ground)


def without_room(play: Play, point: str, n: int, ground: Ground) -> None:
    _without(_full, play, point, n, ground)


def without_server(play: Play, point: str, n: int, ground: Ground) -> None:
    """Freeze the daemon, stop the PostgreSQL that it has for itself, let it go on, start the server again."""
    with Postgres() as server, play.site(ground, "postgresql", url=server.create()) as site, ExitStack() as taken:
        play.begin(site)
        with site.frozen(point, n, kept=True):
            taken.enter_context(server.away())
        time.sleep(AWAY_SECONDS)
        taken.close()
        site.wait("the end", lambda: play.over(site))
        play.check(site)


DEEDS: dict[str, Callable[[Play, str, int, Ground], None]] = {
    "SQLite locked in mid-cycle, for longer than the daemon waits": without_locks,
    "the disk full in mid-cycle": without_room,
    "PostgreSQL stopped in mid-cycle, and started again": without_server,
}
SHORT = dict(zip(DEEDS, ("after_call", "before_call", "after_call"), strict=True))
Taking = Callable[[Site, Daemon], AbstractContextManager[None]]


def _without(take: Taking, play: Play, point: str, n: int, ground: Ground) -> None:
    """Freeze the daemon, take something from it, let it go on, give it back."""
    with play.site(ground, "sqlite") as site, ExitStack() as taken:
        play.begin(site)
        with site.frozen(point, n) as daemon:
            taken.enter_context(take(site, daemon))
        time.sleep(LOCKED_SECONDS)
        assert daemon.get("/healthz")[0] == 200
        taken.close()
        site.wait("the end", lambda: play.over(site))
        play.check(site)


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
    quick = [('interval = "5m"', 'interval = "2s"'), ('timeout = "2h"', 'timeout = "40s"')]
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
            site.wait("a person to be called", lambda: site.states() == [State.NEEDS_HUMAN])
            (paged,) = site.events("remediation.needs_human")
            assert paged.severity is Severity.PAGE
            assert site.workspace.spoiled, "nothing hung"
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


def gone(ground: Ground) -> None:
    """Nobody answers, though everything speaks for acting: nothing is asked for blindly, and all is done afterwards."""
    with ROLLBACK.site(ground, "sqlite") as site:
        ROLLBACK.begin(site)
        for proxy in (site.workspace, site.mlflow):
            proxy.spoil(".", Fault.CLOSE, times=FOREVER)
        with site.daemon():
            site.wait("people to be told", lambda: bool(site.events("loop.failing")))
            assert site.states() == [State.PROPOSED]
            assert site.calls() == []
            assert not [seen for seen in site.workspace.changes + site.mlflow.changes if seen.request.method != "GET"]
            site.workspace.heal()
            site.mlflow.heal()
            site.wait("the end", lambda: ROLLBACK.over(site))
            ROLLBACK.check(site)


def _old(site: Site) -> None:
    site.fires(ERRORS, version=2, end=datetime.now(UTC) - timedelta(hours=3))


def _few(site: Site) -> None:
    trail = firing(ERRORS, endpoint=site.endpoint, version=2, end=datetime.now(UTC))
    with site.store.begin() as tx:
        findings.save(tx, [replace(trail, last=replace(trail.last, n=10))])
