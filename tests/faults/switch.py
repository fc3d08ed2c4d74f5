"""P9: the kill switch's file appears between the intent and the call, while all else is broken: nothing is sent."""

import sqlite3
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from daemon.domain.restraint import Restraint, RestraintKind
from daemon.store import restraints
from tests.faults.ground import Ground
from tests.faults.plays import ARCHIVE, PLAYS, PROMOTE, RETRAIN, ROLLBACK, Play
from tests.faults.report import Case, Tried
from tests.faults.site import Site

TRIED = "the kill file appears between intent and call, database locked, channel dead"
ROWS = "a kill switch in the database, committed before the call is counted"
FIRST = {ROLLBACK.name: 1, PROMOTE.name: 2, RETRAIN.name: 1, ARCHIVE.name: 1}
"""The intent before the first call: a promotion looks at its gates first."""
DEAD_CHANNEL = """
[[notify.channels]]
name = "dead"
url = { env = "DEAD_CHANNEL" }
"""
STILL_SECONDS = 4.0
"""So long nothing may happen: the loop goes round four times a second."""
GETS_LOCK_SECONDS = 60.0
LOCKED_SECONDS = 6.0
"""Longer than the daemon waits for a locked database."""


def cases() -> Iterator[Tried]:
    for play in PLAYS.values():
        for point, n in (("after_intent", FIRST[play.name]), ("before_call", 1)):
            short = (play, point) in ((ROLLBACK, "before_call"), (RETRAIN, "after_intent"))
            yield Case("P9", TRIED, f"{play.name}, {point}", partial(pulled, play, point, n), short)
        yield Case("P9", ROWS, play.name, partial(pulled_in_the_store, play), short=play is ROLLBACK)


def pulled(play: Play, point: str, n: int, ground: Ground) -> None:
    """Pull it, see that nothing is sent, let it go, and see that the remedy goes on to its right end."""
    with play.site(ground, "sqlite", rules=DEAD_CHANNEL) as site:
        play.begin(site)
        kill = site.folder / "KILL"
        with ExitStack() as broken:
            with site.frozen(point, n, DEAD_CHANNEL="json://127.0.0.1:9/") as daemon:
                kill.touch()
                broken.enter_context(locked(site.folder / "mlsteward.db"))
            time.sleep(LOCKED_SECONDS)
            assert site.calls() == [], site.calls()
        time.sleep(STILL_SECONDS)
        assert site.calls() == [], site.calls()
        assert daemon.ended is None
        kill.unlink()
        site.wait("the end", lambda: play.over(site))
        play.check(site)


def pulled_in_the_store(play: Play, ground: Ground) -> None:
    # on SQLite another thread of the frozen daemon may hold the lock, and nobody could write
    with play.site(ground, "postgresql") as site:
        play.begin(site)
        with site.frozen("after_intent", FIRST[play.name], kept=True):
            since = site.events()[-1].at
            site.impose(Restraint(RestraintKind.KILL, "", "a person", "stop it all", since))
        time.sleep(STILL_SECONDS)
        assert site.calls() == [], site.calls()
        _lift(site)
        site.wait("the end", lambda: play.over(site))
        play.check(site)


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Keep every writer from a SQLite file.

    Another thread of a frozen daemon may be in the middle of a write: then the lock is got as soon as it goes on.
    """
    thief = sqlite3.connect(database, isolation_level=None, timeout=GETS_LOCK_SECONDS, check_same_thread=False)
    with ThreadPoolExecutor(1) as pool:
        got = pool.submit(thief.execute, "BEGIN IMMEDIATE")
        wait([got], timeout=1.0)
        yield
        got.result()
        thief.execute("ROLLBACK")
    thief.close()


def _lift(site: Site) -> None:
    with site.store.begin() as tx:
        now = site.events()[-1].at
        assert restraints.lift(tx, [RestraintKind.KILL], "", by="a person", now=now)
