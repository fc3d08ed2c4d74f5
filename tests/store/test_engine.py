"""Opening a database, its transactions, and what becomes of them when it fails."""

import socket
import sqlite3
import stat
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import psycopg
import pytest
from sqlalchemy import text

from daemon.config import settings
from daemon.config.fields import Secret
from daemon.domain.remediation import State
from daemon.store import endpoints, events, remediations
from daemon.store.engine import Store, StoreError, Tx, sqlite_file
from tests.postgres import Postgres, psycopg_url
from tests.store.nouns import T0, event, remediation
from tests.store.together import together


def opened(url: str, *, migrate: bool = True) -> Store:
    return Store.open(settings.Store(url=url), migrate=migrate)


def test_what_a_block_wrote_is_there_when_it_ends(store: Store) -> None:
    with store.begin() as tx:
        endpoints.save_watermark(tx, "flights", T0)
    with store.read() as tx:
        assert endpoints.watermark(tx, "flights") == T0


def test_nothing_is_left_of_a_block_that_raises(store: Store) -> None:
    with pytest.raises(KeyError, match="mine"), store.begin() as tx:
        endpoints.save_watermark(tx, "flights", T0)
        raise KeyError("mine")
    with store.read() as tx:
        assert endpoints.watermark(tx, "flights") is None


def test_what_was_written_is_there_after_closing_and_opening(empty_url: str) -> None:
    store = opened(empty_url)
    with store.begin() as tx:
        endpoints.save_watermark(tx, "flights", T0)
    store.close()
    again = opened(empty_url, migrate=False)
    with again.read() as tx:
        assert endpoints.watermark(tx, "flights") == T0
    again.close()


def test_a_reader_sees_one_moment_and_neither_waits_nor_holds_up(store: Store) -> None:
    with store.read() as reading:
        assert endpoints.watermark(reading, "flights") is None
        with store.begin() as writing:
            endpoints.save_watermark(writing, "flights", T0)
        assert endpoints.watermark(reading, "flights") is None
    with store.read() as reading:
        assert endpoints.watermark(reading, "flights") == T0


def test_many_threads_that_read_and_then_write_all_get_their_turn(store: Store) -> None:
    with store.begin() as tx:
        counted = events.append(tx, event("count"))
    assert counted is not None

    def count() -> None:
        for _ in range(10):
            with store.begin() as tx:
                # the lock that PostgreSQL needs here; on SQLite writers are alone from the start
                lock = " FOR UPDATE" if tx.dialect.name == "postgresql" else ""
                n = tx.execute(text(f"SELECT attempts FROM event{lock}")).scalar_one()
                tx.execute(text("UPDATE event SET attempts = :n"), {"n": n + 1})

    together(*[count] * 8)
    with store.read() as tx:
        assert [found.attempts for found in events.due(tx, 9)] == [80]


def test_twenty_threads_can_hold_a_transaction_at_once(store: Store) -> None:
    with nested(store, 20) as transactions:
        assert [endpoints.watermark(tx, "flights") for tx in transactions] == [None] * 20


def test_an_answering_database_can_be_pinged(store: Store) -> None:
    store.ping()


def test_a_failed_statement_leaves_its_parameters_behind(store: Store) -> None:
    with pytest.raises(StoreError) as caught, store.begin() as tx:
        remediations.propose(tx, remediation(outcome="hunter2", state=State.FAILED))
        remediations.propose(tx, remediation(outcome="hunter2", state=State.FAILED))
    assert "hunter2" not in f"{caught.value} {caught.value.__cause__}"
    assert "\n" not in str(caught.value)


def test_a_statement_that_is_wrong_is_not_tried_again(store: Store) -> None:
    with pytest.raises(StoreError) as caught, store.begin() as tx:
        tx.execute(text("SELECT * FROM nowhere"))
    assert not caught.value.transient


def test_a_database_that_somebody_else_holds_is_worth_another_try(sqlite_store: Store, tmp_path: Path) -> None:
    with sqlite_store.read() as tx:
        tx.exec_driver_sql("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(tmp_path / "mlsteward.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match=r"mlsteward\.db: database is locked") as caught, sqlite_store.begin():
        pass
    assert caught.value.transient
    other.execute("ROLLBACK")
    other.close()
    with sqlite_store.begin() as tx:
        endpoints.save_watermark(tx, "flights", T0)


def test_a_writer_that_began_as_a_reader_and_was_overtaken_is_told_to_try_again(sqlite_store: Store) -> None:
    with pytest.raises(StoreError, match="locked") as caught, sqlite_store.read() as reading:
        assert endpoints.watermark(reading, "flights") is None
        with sqlite_store.begin() as writing:
            endpoints.save_watermark(writing, "flights", T0)
        endpoints.save_watermark(reading, "flights", T0)
    assert caught.value.transient


def test_a_full_disk_is_worth_another_try(sqlite_store: Store) -> None:
    with sqlite_store.read() as tx:
        tx.exec_driver_sql("PRAGMA max_page_count = 1")
    with pytest.raises(StoreError, match="full") as caught, sqlite_store.begin() as tx:
        events.append(tx, event(sentence="x" * 100_000))
    assert caught.value.transient
    with sqlite_store.read() as tx:
        assert events.history(tx, limit=9) == []


def test_a_commit_is_on_the_disk_before_the_call_that_it_announces(sqlite_store: Store) -> None:
    with sqlite_store.begin() as tx:
        asked = ("journal_mode", "synchronous", "foreign_keys")
        found = [tx.exec_driver_sql(f"PRAGMA {name}").scalar() for name in asked]
    full, on = 2, 1
    assert found == ["wal", full, on]


def test_only_the_owner_can_read_the_database(sqlite_url: str) -> None:
    store = opened(sqlite_url)
    file = sqlite_file(settings.Store(url=sqlite_url))
    assert file is not None
    with store.begin() as tx:
        endpoints.save_watermark(tx, "flights", T0)
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in [file.parent, *file.parent.iterdir()]}
    store.close()
    assert modes.pop(file.parent.name) == 0o700
    assert modes == {"mlsteward.db": 0o600, "mlsteward.db-wal": 0o600, "mlsteward.db-shm": 0o600}


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"file/x\.db cannot be opened for writing: ") as caught:
        opened(f"sqlite:///{tmp_path}/file/x.db")
    assert not caught.value.transient


def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a database, and dear to somebody\n" * 50)
    with pytest.raises(StoreError, match="file is not a database") as caught:
        opened(f"sqlite:///{tmp_path}/notes.txt")
    assert not caught.value.transient
    assert (tmp_path / "notes.txt").read_text().startswith("not a database")


@pytest.mark.parametrize("url", ["sqlite:///", "sqlite:///:memory:", "sqlite:///file:x?mode=memory&uri=true"])
def test_a_database_that_forgets_is_refused(url: str) -> None:
    with pytest.raises(StoreError, match="names no file"):
        opened(url)


def test_a_store_on_postgresql_has_no_file() -> None:
    assert sqlite_file(settings.Store(url="postgresql+psycopg://me@db.example/x")) is None


def test_a_password_that_is_not_where_it_should_be_is_one_sentence(tmp_path: Path) -> None:
    missing = settings.Store(url="postgresql+psycopg://me@127.0.0.1/x", password=Secret(file=tmp_path / "no"))
    with pytest.raises(StoreError, match=r"store\.password: .*no cannot be read") as caught:
        Store.open(missing)
    assert not caught.value.transient


def test_the_password_goes_to_the_server_and_into_no_error(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hunt/er@2:%\n")
    with server_that_wants_a_password() as (port, heard):
        url = f"postgresql+psycopg://me@127.0.0.1:{port}/state?sslmode=disable&gssencmode=disable"
        with pytest.raises(StoreError, match=r"PostgreSQL database state at 127\.0\.0\.1: ") as caught:
            Store.open(settings.Store(url=url, password=Secret(file=tmp_path / "password")))
    assert heard == [b"hunt/er@2:%\0"]
    assert "hunt" not in f"{caught.value} {caught.value.__cause__}"


def test_a_server_that_is_not_there_is_worth_another_try() -> None:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        with pytest.raises(StoreError, match="refused") as caught:
            opened(f"postgresql+psycopg://me@127.0.0.1:{unheard.getsockname()[1]}/state")
    assert caught.value.transient


def test_a_server_that_restarts_costs_one_transaction_at_most(postgres: Postgres, postgresql_store: Store) -> None:
    store = postgresql_store
    with nested(store, 3):
        pass
    with pytest.raises(StoreError) as cut, store.begin() as tx, postgres.away():
        with pytest.raises(StoreError) as refused:
            store.ping()
        endpoints.save_watermark(tx, "flights", T0)
    assert cut.value.transient
    assert refused.value.transient
    with store.begin() as tx:
        endpoints.save_watermark(tx, "flights", T0)
    with nested(store, 3) as transactions:
        assert [endpoints.watermark(tx, "flights") for tx in transactions] == [T0] * 3


def test_connections_that_the_server_cut_while_idle_are_not_noticed(
    postgresql_store: Store, postgres_with_tables: str
) -> None:
    with nested(postgresql_store, 3):
        pass
    with psycopg.connect(psycopg_url(postgres_with_tables), autocommit=True) as other:
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'mlsteward'"
        assert len(other.execute(cut).fetchall()) >= 3
    with nested(postgresql_store, 3) as transactions:
        assert [endpoints.watermark(tx, "flights") for tx in transactions] == [None] * 3


def test_two_transactions_that_wait_for_each_other_cost_one_of_them_another_try(postgresql_store: Store) -> None:
    moments = {"one": T0, "other": T0}
    with postgresql_store.begin() as tx:
        for name, moment in moments.items():
            remediations.propose(tx, remediation(name, endpoint=name, created_at=moment))

    def touch(first: str, second: str, met: list[object]) -> bool:
        try:
            with postgresql_store.begin() as tx:
                tx.execute(text("UPDATE remediation SET outcome = 'x' WHERE id = :id"), {"id": first})
                met.append(first)
                while len(met) < 2:
                    tx.execute(text("SELECT pg_sleep(0.005)"))
                tx.execute(text("UPDATE remediation SET outcome = 'x' WHERE id = :id"), {"id": second})
        except StoreError as error:
            return error.transient
        return False

    met: list[object] = []
    answers = together(lambda: touch("one", "other", met), lambda: touch("other", "one", met))
    assert sorted(answers) == [False, True]


def test_a_reader_on_postgresql_cannot_write(postgresql_store: Store) -> None:
    with pytest.raises(StoreError, match="read-only"), postgresql_store.read() as tx:
        endpoints.save_watermark(tx, "flights", T0)
    with postgresql_store.begin() as tx:
        endpoints.save_watermark(tx, "flights", T0)


@contextmanager
def nested(store: Store, n: int) -> Iterator[list[Tx]]:
    """Hold n transactions at once; the first may write."""
    with store.read() if n > 1 else store.begin() as tx:
        if n == 1:
            yield [tx]
            return
        with nested(store, n - 1) as inner:
            yield [*inner, tx]


@contextmanager
def server_that_wants_a_password() -> Iterator[tuple[int, list[bytes]]]:
    """Speak as much of PostgreSQL's protocol as it takes to be told a password in clear text, and hang up."""
    heard: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection, connection.makefile("rb") as sent:
                (length,) = struct.unpack("!i", sent.read(4))
                sent.read(length - 4)
                ask_for_clear_text = b"R" + struct.pack("!ii", 8, 3)
                connection.sendall(ask_for_clear_text)
                _, length = struct.unpack("!ci", sent.read(5))
                heard.append(sent.read(length - 4))

        thread = Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1], heard
        thread.join(timeout=10)
