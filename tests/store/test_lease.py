"""The lease, on a real PostgreSQL: who leads, until when, and what an old leader can still write."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import psycopg
import pytest
from sqlalchemy import text

from daemon.config import settings
from daemon.store import endpoints, lease
from daemon.store.engine import Store, StoreError, Tx
from daemon.store.errors import LeaseLostError
from daemon.store.lease import Term
from tests.postgres import psycopg_url
from tests.store.nouns import T0
from tests.store.together import together

TTL = timedelta(seconds=30)
NO_TIME = timedelta(microseconds=1)


@pytest.fixture
def store(postgresql_store: Store) -> Store:
    return postgresql_store


@pytest.fixture
def other(store: Store, postgres_with_tables: str) -> Iterator[Store]:
    """The same database, to another daemon."""
    opened = Store.open(settings.Store(url=postgres_with_tables))
    yield opened
    opened.close()


def take(store: Store, who: str, ttl: timedelta = TTL) -> Term | None:
    with store.begin() as tx:
        return lease.acquire(tx, who, ttl)


def leads(store: Store, who: str, ttl: timedelta = TTL) -> Term:
    """Take the lease, and fence the store with it."""
    term = take(store, who, ttl)
    assert term is not None
    store.fence(lambda tx: lease.check(tx, term, ttl))
    return term


def run_out(store: Store) -> None:
    """Let the lease be over by the database's clock."""
    with store.begin() as tx:
        tx.execute(text("UPDATE lease SET expires_at = 1"))


def row(store: Store) -> tuple[str, int]:
    with store.read() as tx:
        found = tx.execute(text("SELECT holder, epoch FROM lease")).one()
    return found.holder, found.epoch


def wait(done: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 30
    while not done():
        assert time.monotonic() < deadline, f"waited for {what}"
        time.sleep(0.01)


def waiting(store: Store) -> bool:
    """Whether somebody waits for the lock at which writes and take-overs meet."""
    with store.read() as tx:
        query = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = :turn AND NOT granted")
        return bool(tx.execute(query, {"turn": lease.TURN}).scalar_one())


@contextmanager
def meanwhile(call: Callable[[], Term | None]) -> Iterator[Future[Term | None]]:
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(call)


def test_the_first_takes_it_after_nobody(store: Store) -> None:
    assert take(store, "first") == Term("first", 1, after="")


def test_while_one_leads_the_other_is_told_who(store: Store, other: Store) -> None:
    take(store, "first")
    assert take(other, "second") is None
    with other.read() as tx:
        found = lease.holder(tx)
    assert found is not None
    assert (found.holder, found.epoch) == ("first", 1)
    assert timedelta() < found.left <= TTL


def test_a_leader_that_is_not_heard_of_is_followed_by_the_next_epoch(store: Store, other: Store) -> None:
    take(store, "first", NO_TIME)
    assert take(other, "second") == Term("second", 2, after="first")


def test_nobody_leads_before_the_first_and_after_the_end(store: Store) -> None:
    with store.read() as tx:
        assert lease.holder(tx) is None
    take(store, "first", NO_TIME)
    with store.read() as tx:
        assert lease.holder(tx) is None


def test_it_lasts_for_the_ttl_by_the_clock_of_the_database_also_where_the_transaction_began_long_ago(
    store: Store,
) -> None:
    clock = text("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")
    for write in (lambda tx: lease.acquire(tx, "first", TTL), lambda tx: lease.renew(tx, Term("first", 1, ""), TTL)):
        with store.begin() as tx:
            tx.execute(text("SELECT pg_sleep(0.2)"))
            before = tx.execute(clock).scalar_one()
            assert write(tx)
            after = tx.execute(clock).scalar_one()
            end = tx.execute(text("SELECT expires_at FROM lease")).scalar_one()
        assert before <= end - 30_000_000 <= after


def test_of_many_that_try_at_once_one_gets_it(store: Store) -> None:
    take(store, "first", NO_TIME)
    taken = together(*[lambda n=n: take(store, f"next {n}") for n in range(8)])
    (term,) = [one for one in taken if one]
    assert row(store) == (term.holder, 2)


def test_renewing_goes_on_only_where_nobody_took_over(store: Store, other: Store) -> None:
    first = take(store, "first", NO_TIME)
    assert first is not None
    with store.begin() as tx:
        assert lease.renew(tx, first, NO_TIME)
    second = take(other, "second")
    assert second is not None
    with store.begin() as tx:
        assert not lease.renew(tx, first, TTL)
        lease.release(tx, first)
    assert row(store) == ("second", 2)
    with other.begin() as tx:
        assert lease.renew(tx, second, TTL)


def test_one_that_was_given_back_is_free_at_once_and_nobody_has_to_be_feared(store: Store, other: Store) -> None:
    first = take(store, "first")
    assert first is not None
    with store.begin() as tx:
        lease.release(tx, first)
    assert take(other, "second") == Term("second", 2, after="")


@pytest.mark.parametrize("mine", [Term("mine", 2, ""), Term("another", 1, "")])
def test_neither_the_epoch_nor_the_name_is_enough(store: Store, mine: Term) -> None:
    """A replica that had not heard of the newest take-over may become the database, and count the same epoch again."""
    take(store, "first", NO_TIME)
    assert take(store, "another") == Term("another", 2, "first")
    with store.begin() as tx:
        assert not lease.renew(tx, mine, TTL)
        lease.release(tx, mine)
    assert row(store) == ("another", 2)
    with pytest.raises(LeaseLostError, match="another"), store.begin() as tx:
        lease.check(tx, mine, TTL)


def write(tx: Tx) -> None:
    endpoints.save_watermark(tx, "flights", T0)


def written(store: Store) -> bool:
    with store.read() as tx:
        return endpoints.watermark(tx, "flights") == T0


def test_the_leader_writes(store: Store, other: Store) -> None:
    leads(store, "first")
    with store.begin() as tx:
        write(tx)
    assert written(other)


def test_an_old_leader_writes_nothing_more(store: Store, other: Store) -> None:
    leads(store, "first", NO_TIME)
    leads(other, "second")
    with pytest.raises(LeaseLostError, match="second holds the lease") as lost, store.begin() as tx:
        write(tx)
    assert not lost.value.transient
    assert not written(other)
    with other.begin() as tx:
        write(tx)
    assert written(store)


def test_one_that_never_led_writes_nothing(store: Store) -> None:
    store.fence(lambda tx: lease.check(tx, None, TTL))
    with pytest.raises(LeaseLostError, match="nobody holds the lease"), store.begin() as tx:
        write(tx)
    assert not written(store)


def test_a_person_at_the_command_line_writes_while_a_daemon_leads(store: Store, other: Store) -> None:
    leads(store, "first")
    with other.begin() as tx:
        write(tx)
    assert written(store)


def test_a_take_over_waits_for_what_the_old_leader_has_begun_to_write(store: Store, other: Store) -> None:
    leads(store, "first")
    run_out(other)
    with store.begin() as tx:
        write(tx)
        with meanwhile(lambda: take(other, "second")) as second:
            wait(lambda: waiting(other), "the take-over to wait")
            assert not second.done()
            tx.commit()
            assert second.result(30) == Term("second", 2, after="first")
    assert written(other)


def test_what_begins_during_a_take_over_is_refused_once_that_is_committed(store: Store, other: Store) -> None:
    leads(store, "first", NO_TIME)

    def late() -> None:
        with store.begin() as tx:
            write(tx)

    with ThreadPoolExecutor(1) as pool:
        with other.begin() as tx:
            assert lease.acquire(tx, "second", TTL)
            begun = pool.submit(late)
            wait(lambda: waiting(other), "the write to wait")
        with pytest.raises(LeaseLostError, match="second"):
            begun.result(30)
    assert not written(other)


def test_renewing_waits_for_no_write_of_ones_own(store: Store, other: Store) -> None:
    term = leads(store, "first")
    with store.begin() as tx:
        write(tx)
        with other.begin() as second:
            assert lease.renew(second, term, TTL)


def test_a_leader_that_is_frozen_within_a_transaction_holds_up_the_next_no_longer_than_its_ttl(
    store: Store, other: Store
) -> None:
    ttl = timedelta(seconds=1)
    leads(store, "first", ttl)
    began = time.monotonic()
    with pytest.raises(StoreError) as cut, store.begin() as tx:
        write(tx)
        wait(lambda: take(other, "second") is not None, "the take-over")
        took = time.monotonic() - began
        write(tx)
    assert cut.value.transient
    assert 0.5 < took < 10
    assert row(other) == ("second", 2)
    assert not written(other)


def test_other_transactions_may_be_idle_for_as_long_as_ever(store: Store) -> None:
    leads(store, "first", timedelta(seconds=1))
    with store.begin() as tx:
        assert tx.execute(text("SHOW idle_in_transaction_session_timeout")).scalar_one() == "1s"
    with store.read() as tx:
        assert tx.execute(text("SHOW idle_in_transaction_session_timeout")).scalar_one() == "1min"


def test_the_fence_holds_whatever_the_database_takes_for_isolation(
    store: Store, postgres_with_tables: str, other: Store
) -> None:
    """With one snapshot a transaction, what was committed while it waited would not be seen."""
    name = postgres_with_tables.partition("?")[0].rpartition("/")[2]
    with psycopg.connect(psycopg_url(postgres_with_tables), autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} SET default_transaction_isolation = 'repeatable read'".encode())
        try:
            strict = Store.open(settings.Store(url=postgres_with_tables))
            test_what_begins_during_a_take_over_is_refused_once_that_is_committed(strict, other)
            strict.close()
        finally:
            admin.execute(f"ALTER DATABASE {name} RESET default_transaction_isolation".encode())


def test_with_a_patience_an_answer_that_does_not_come_is_given_up(store: Store, postgres_with_tables: str) -> None:
    hasty = Store.connect(settings.Store(url=postgres_with_tables), patience=timedelta(milliseconds=200))
    with store.begin() as tx:
        tx.execute(text("LOCK TABLE lease"))
        with pytest.raises(StoreError, match="timeout") as late:
            take(hasty, "hasty")
    assert late.value.transient
    hasty.close()


def test_on_sqlite_nobody_leads(sqlite_store: Store) -> None:
    with sqlite_store.read() as tx:
        assert lease.holder(tx) is None
