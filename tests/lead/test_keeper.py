"""The keeper of the lease: two of them on one PostgreSQL, and a clock that the test turns."""

import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog
from sqlalchemy import text

from daemon.config import settings
from daemon.domain.event import Severity
from daemon.lead.keeper import LOST, Keeper
from daemon.store import events
from daemon.store.engine import Store, StoreError, Tx
from daemon.store.errors import LeaseLostError
from daemon.telemetry import log

TTL, SHORT = timedelta(seconds=30), timedelta(seconds=3)
SETTLE = timedelta(seconds=1)
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Machine:
    """What a keeper knows of the machine it runs on."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.ended: list[int] = []
        self.alarms: list[float] = []

    def clock(self) -> float:
        return self.time


class SlowStore(Store):
    """A store whose transactions take a while, by the machine's clock."""

    machine: Machine
    seconds = 0.0
    begun = 0

    @contextmanager
    def begin(self) -> Iterator[Tx]:
        self.begun += 1
        with super().begin() as tx:
            self.machine.time += self.seconds
            yield tx


class Daemon:
    """One keeper on one machine."""

    def __init__(self, url: str, ttl: timedelta = TTL) -> None:
        self.machine = Machine()
        self.url = url
        self.store = SlowStore.connect(settings.Store(url=url))
        self.store.machine = self.machine
        self.keeper = Keeper(
            self.store,
            ttl,
            clock=self.machine.clock,
            settle=SETTLE,
            end=self.machine.ended.append,
            set_alarm=self.machine.alarms.append,
        )

    def turn(self, seconds: float) -> None:
        """Turn the clock once the lease has been renewed."""
        renewed = len(self.machine.alarms)
        self.wait(lambda: len(self.machine.alarms) > renewed, "a renewal")
        self.machine.time += seconds

    def wait(self, done: Callable[[], Any], what: str = "the end") -> None:
        deadline = time.monotonic() + 30
        while not done():
            assert time.monotonic() < deadline, f"waited for {what}"
            time.sleep(0.01)


@pytest.fixture
def daemon_of(postgresql_store: Store, postgres_with_tables: str) -> Iterator[Callable[..., Daemon]]:
    made: list[Daemon] = []

    def make(ttl: timedelta = TTL) -> Daemon:
        made.append(Daemon(postgres_with_tables, ttl))
        return made[-1]

    yield make
    for one in made:
        one.keeper.give_back()


DaemonOf = Callable[..., Daemon]


def stops_renewing(store: Store) -> None:
    """Let the lease be over by the database's clock, as if its holder were gone."""
    with store.begin() as tx:
        tx.execute(text("UPDATE lease SET expires_at = 1"))


def test_the_first_may_act_at_once_and_the_second_stands_by(daemon_of: DaemonOf) -> None:
    first, second = daemon_of(), daemon_of()
    assert first.keeper.take()
    assert first.keeper.follows() == ""
    assert not second.keeper.take()
    assert second.keeper.follows() == f"this daemon stands by: {first.keeper.who} leads"


def test_tables_are_made_where_there_are_none(postgres_url: str) -> None:
    daemon = Daemon(postgres_url)
    assert daemon.keeper.take()
    daemon.store.agree_on_tables(migrate=False)
    daemon.keeper.give_back()


def test_tables_that_know_of_leases_are_left_alone_until_one_leads(postgres_url: str) -> None:
    """A standby of a newer version must not change the tables that the leader of an older one works on."""
    Store.open(settings.Store(url=postgres_url)).close()
    daemon = Daemon(postgres_url)
    with daemon.store.begin() as tx:
        tx.execute(text("UPDATE mlsteward_version SET version_num = '0001'"))
    assert daemon.keeper.take()
    with pytest.raises(StoreError, match="older mlsteward"):
        daemon.store.agree_on_tables(migrate=False)
    daemon.keeper.give_back()


def test_tables_of_a_newer_version_keep_one_from_the_lease(postgres_url: str) -> None:
    Store.open(settings.Store(url=postgres_url)).close()
    daemon = Daemon(postgres_url)
    with daemon.store.begin() as tx:
        tx.execute(text("UPDATE mlsteward_version SET version_num = '9999'"))
    with pytest.raises(StoreError, match="newer mlsteward"):
        daemon.keeper.take()
    with daemon.store.read() as tx:
        assert tx.execute(text("SELECT count(*) FROM lease")).scalar_one() == 0


def test_one_that_was_given_back_is_taken_by_the_next_who_may_act_at_once(daemon_of: DaemonOf) -> None:
    first, second = daemon_of(), daemon_of()
    first.keeper.take()
    first.keeper.give_back()
    assert first.keeper.follows()
    assert second.keeper.take()
    assert second.keeper.follows() == ""
    assert first.machine.ended == []


def test_after_one_that_did_not_give_it_back_the_next_waits_a_ttl_and_until_all_has_settled(
    daemon_of: DaemonOf,
) -> None:
    first, second = daemon_of(), daemon_of(SHORT)
    first.keeper.take()
    stops_renewing(first.store)
    assert second.keeper.take()
    assert f"took over from {first.keeper.who}" in second.keeper.follows()
    second.turn(2.0)
    second.turn(1.9)
    assert f"took over from {first.keeper.who}" in second.keeper.follows()
    second.turn(0.2)
    assert second.keeper.follows() == ""


def test_a_take_over_is_told_to_people_once(daemon_of: DaemonOf) -> None:
    first, second = daemon_of(), daemon_of()
    first.keeper.take()
    first.keeper.tell(first.store, NOW)
    stops_renewing(first.store)
    second.keeper.take()
    for _ in range(2):
        second.keeper.tell(second.store, NOW)
    with first.store.read() as tx:
        (told,) = events.history(tx, limit=9)
    assert told.severity is Severity.WARNING
    assert told.sentence.startswith(f"{second.keeper.who} took over from {first.keeper.who}")


def test_the_time_left_is_counted_from_before_it_was_asked_for_and_ends_early(daemon_of: DaemonOf) -> None:
    daemon = daemon_of()
    daemon.store.seconds = 5.0
    daemon.keeper.take()
    assert daemon.machine.alarms == [25.0]
    daemon.machine.time += 21.9
    assert daemon.keeper.follows() == ""
    daemon.machine.time += 0.2
    assert daemon.keeper.follows() == "this daemon's lease has ended"


def test_one_that_cannot_renew_ends_in_time(daemon_of: DaemonOf) -> None:
    daemon = daemon_of()
    daemon.keeper.take()
    daemon.machine.time += 26.9
    assert daemon.machine.ended == []
    daemon.machine.time += 0.2
    daemon.wait(lambda: daemon.machine.ended)
    assert daemon.machine.ended == [LOST] == [75]


def test_one_that_renews_goes_on(daemon_of: DaemonOf) -> None:
    daemon = daemon_of(SHORT)
    daemon.keeper.take()
    daemon.wait(lambda: len(daemon.machine.alarms) >= 3, "two renewals")
    assert daemon.machine.alarms == [3.0] * len(daemon.machine.alarms)
    assert daemon.machine.ended == []


def test_one_that_cannot_renew_for_a_moment_tries_again_soon(daemon_of: DaemonOf, postgresql_store: Store) -> None:
    daemon = daemon_of(SHORT)
    daemon.keeper.take()
    with postgresql_store.begin() as tx:
        tx.execute(text("ALTER TABLE lease RENAME TO away"))
    renewed, begun = len(daemon.machine.alarms), daemon.store.begun
    daemon.wait(lambda: daemon.store.begun >= begun + 3, "renewals that fail")
    with postgresql_store.begin() as tx:
        tx.execute(text("ALTER TABLE away RENAME TO lease"))
    daemon.wait(lambda: len(daemon.machine.alarms) > renewed, "a renewal")
    assert daemon.machine.ended == []


def test_one_that_another_took_over_from_ends_at_its_next_renewal(daemon_of: DaemonOf) -> None:
    first, second = daemon_of(SHORT), daemon_of()
    first.keeper.take()
    stops_renewing(first.store)
    assert second.keeper.take()
    first.wait(lambda: first.machine.ended)
    assert first.machine.ended == [LOST]
    assert first.keeper.follows() == "this daemon's lease has ended"
    assert second.machine.ended == []


def test_one_that_another_took_over_from_ends_where_it_wants_to_write(daemon_of: DaemonOf) -> None:
    first, second = daemon_of(), daemon_of()
    first.keeper.take()
    stops_renewing(first.store)
    second.keeper.take()
    first.store.fence(first.keeper.check)
    with pytest.raises(LeaseLostError), first.store.begin():
        raise AssertionError("it was let in")
    assert first.machine.ended == [LOST]


def test_a_standby_that_wants_to_write_is_refused_and_stays(daemon_of: DaemonOf) -> None:
    first, second = daemon_of(), daemon_of()
    first.keeper.take()
    store = Store.connect(settings.Store(url=second.url))
    store.fence(second.keeper.check)
    with pytest.raises(LeaseLostError, match=first.keeper.who), store.begin():
        raise AssertionError("it was let in")
    store.close()
    assert second.machine.ended == []


@pytest.fixture
def full_pipe() -> Iterator[None]:
    """A log that nobody reads any more."""
    root, levels = logging.getLogger(), (logging.getLogger().level, logging.getLogger("daemon").level)
    handlers = list(root.handlers)
    read, write = os.pipe()
    os.set_blocking(write, False)
    with suppress(BlockingIOError):
        while True:
            os.write(write, bytes(4096))
    os.set_blocking(write, True)
    stream = os.fdopen(write, "w")
    log.configure("info", "text", stream=stream)
    yield
    os.read(read, 65536)
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    logging.getLogger("daemon").setLevel(levels[1])
    logging.captureWarnings(False)
    structlog.reset_defaults()
    stream.close()
    os.close(read)


def test_a_log_that_hangs_does_not_keep_it_from_ending(daemon_of: DaemonOf, full_pipe: None) -> None:
    daemon = daemon_of()
    daemon.keeper.take()
    daemon.machine.time += 30
    daemon.wait(lambda: daemon.machine.ended)
    assert daemon.machine.ended == [LOST]


def test_a_machine_without_its_database_ends_by_its_own_clock(daemon_of: DaemonOf, postgresql_store: Store) -> None:
    daemon = daemon_of(SHORT)
    daemon.keeper.take()
    with postgresql_store.begin() as tx:
        tx.execute(text("LOCK TABLE lease"))
        daemon.machine.time += 2.8
        daemon.wait(lambda: daemon.machine.ended)
    assert daemon.machine.ended == [LOST]
