"""The door to the database: settings in, transactions out."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Self

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from daemon.config import settings as config
from daemon.config.fields import SecretError
from daemon.store import migrate as schema
from daemon.store.errors import StoreError, store_error

__all__ = ["Store", "StoreError", "Tx", "sqlite_file"]

Tx = Connection
"""A transaction: what every function of this room takes first. Other rooms only hand it on."""

BUSY_SECONDS = 5
IDLE_MS = 60_000
POSTGRES_OPTIONS = {
    "application_name": "mlsteward",
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    # a server that hangs, or a transaction left open by a crash, must hold up nobody for good
    "options": f"-c statement_timeout=60s -c lock_timeout=10s -c idle_in_transaction_session_timeout={IDLE_MS}",
}
SHORTEST_CONNECT_S = 2
"""The driver waits no shorter than this for a connection, whatever it is told."""


class Store:
    """An open database whose tables are those of this version. Threads share it, each in transactions of its own."""

    def __init__(self, engine: Engine, *, place: str) -> None:
        self._engine = engine
        self._reader = engine.execution_options(
            **{"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
            if engine.dialect.name == "postgresql"
            else {"sqlite_begin": "DEFERRED"}
        )
        self._place = place
        self._fence: Callable[[Tx], None] | None = None

    @classmethod
    def open(cls, settings: config.Store, *, migrate: bool = True) -> Self:
        """Open the database and bring its tables up to date.

        With `migrate=False` nothing is created or changed: tables that are missing or of another version are refused.
        Raise StoreError, with a sentence that says what to do about it, where that cannot be done.
        """
        file = sqlite_file(settings)
        if file is not None:
            _make_file(file, create=migrate)
        store = cls.connect(settings)
        try:
            store.agree_on_tables(migrate=migrate)
        except StoreError:
            store.close()
            raise
        return store

    @classmethod
    def connect(cls, settings: config.Store, *, patience: timedelta | None = None) -> Self:
        """Take the database as it is, and ask nothing of it yet.

        With a patience, PostgreSQL has so long for each answer, and for a connection, before it is given up.
        """
        url = _url(settings)
        options = POSTGRES_OPTIONS if patience is None else _impatient(patience, idle=settings.lease)
        return cls(_engine(url, options), place=_place(url))

    def fence(self, check: Callable[[Tx], None]) -> None:
        """Have this asked in every transaction that may write, before anything else: it raises where none may."""
        self._fence = check

    @contextmanager
    def begin(self) -> Iterator[Tx]:
        """Give a transaction that commits at the end of the block, or rolls back where the block raises."""
        with self._transaction(self._engine) as tx:
            if self._fence is not None:
                self._fence(tx)
            yield tx

    @contextmanager
    def read(self) -> Iterator[Tx]:
        """Give a transaction that sees one moment, waits for no writer and holds up none. It must not write."""
        with self._transaction(self._reader) as tx:
            yield tx

    def ping(self) -> None:
        """Raise StoreError where the database does not answer."""
        with self.read() as tx:
            tx.execute(text("SELECT 1"))

    def close(self) -> None:
        self._engine.dispose()

    @contextmanager
    def _transaction(self, engine: Engine) -> Iterator[Tx]:
        try:
            with engine.begin() as tx:
                yield tx
        except SQLAlchemyError as error:
            raise store_error(error, place=self._place) from error

    def agree_on_tables(self, *, migrate: bool) -> None:
        """Bring the tables up to date. Raise StoreError where they are newer, or are to stay as they are."""
        with self.read() as tx:
            problem = schema.behind(tx, place=self._place)
        if problem and not migrate:
            raise StoreError(problem, transient=False)
        if problem:
            self._upgrade()

    def agree_on_lease(self) -> None:
        """Make the tables where there is none for the lease yet. Any other change to them is for the one who leads."""
        with self.read() as tx:
            schema.behind(tx, place=self._place)
            known = schema.has_lease(tx)
        if not known:
            self._upgrade()

    def _upgrade(self) -> None:
        with self.begin() as tx:
            schema.upgrade(tx, place=self._place)


def sqlite_file(settings: config.Store) -> Path | None:
    """Return the file that the store works on, None for PostgreSQL."""
    url = _parsed(settings)
    if url.get_backend_name() != "sqlite":
        return None
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise StoreError(f"store.url {settings.url} names no file: write sqlite:////absolute/path.db", transient=False)
    return Path(url.database)


def _parsed(settings: config.Store) -> URL:
    try:
        return make_url(settings.url)
    except (SQLAlchemyError, ValueError) as error:
        raise StoreError(f"store.url cannot be read: {error}", transient=False) from error


def _url(settings: config.Store) -> URL:
    url = _parsed(settings)
    if settings.password is None:
        return url
    try:
        return url.set(password=settings.password.read())
    except SecretError as error:
        raise StoreError(f"store.password: {error}", transient=False) from error


def _place(url: URL) -> str:
    """Name the database for people, without its password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return f"PostgreSQL database {url.database} at {url.host or url.query.get('host', 'localhost')}"


def _make_file(file: Path, *, create: bool) -> None:
    """Make an empty file that only we can read: SQLite gives its journals the mode of the database."""
    if not create:
        if not file.exists():
            raise StoreError(f"{file} is not there yet: the daemon makes it when it first runs", transient=False)
        return
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise StoreError(f"{file} cannot be opened for writing: {error.strerror}", transient=False) from error


def _engine(url: URL, postgres: Mapping[str, Any]) -> Engine:
    # a pool that never makes a thread wait: beyond the first few, connections are closed when handed back
    pool: dict[str, Any] = {"pool_size": 4, "max_overflow": 64, "hide_parameters": True}
    if url.get_backend_name() == "postgresql":
        # whatever the database's own default is: what waited for a lock must see what was committed meanwhile
        level = "READ COMMITTED"
        return create_engine(url, **pool, pool_pre_ping=True, isolation_level=level, connect_args=postgres)
    engine = create_engine(url, **pool, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _impatient(patience: timedelta, *, idle: timedelta) -> dict[str, Any]:
    ms = round(patience.total_seconds() * 1000)
    idle_ms = min(IDLE_MS, round(idle.total_seconds() * 1000))
    times = {"statement_timeout": ms, "lock_timeout": ms, "idle_in_transaction_session_timeout": idle_ms}
    return POSTGRES_OPTIONS | {
        "connect_timeout": max(SHORTEST_CONNECT_S, round(patience.total_seconds())),
        "tcp_user_timeout": ms,
        "options": " ".join(f"-c {name}={value}" for name, value in times.items()),
    }


def _prepare_sqlite(connection: Any, _record: object) -> None:
    # the driver's own BEGIN comes too late and takes no write lock; with None it leaves BEGIN to us
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA foreign_keys = ON")
    # NORMAL may lose the last commits when the power fails: an intent must outlive the call that it announces
    connection.execute("PRAGMA synchronous = FULL")


def _begin_sqlite(tx: Tx) -> None:
    # two readers that both turn writers would deadlock, and SQLite fails one of them without waiting
    mode = tx.get_execution_options().get("sqlite_begin", "IMMEDIATE")
    tx.exec_driver_sql(f"BEGIN {mode}")
