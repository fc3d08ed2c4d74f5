"""Databases for any test: an open store on SQLite or PostgreSQL, and a PostgreSQL database without tables."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from daemon.config import settings
from daemon.store.engine import Store
from daemon.store.tables import metadata
from tests.postgres import Postgres, psycopg_url


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """An empty database, without tables."""
    url = postgres.create()
    yield url
    postgres.drop(url)


@pytest.fixture
def sqlite_store(sqlite_template: Path, tmp_path: Path) -> Iterator[Store]:
    file = shutil.copy(sqlite_template, tmp_path / "mlsteward.db")
    opened = Store.open(settings.Store(url=f"sqlite:///{file}"))
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with all tables and no rows, to be copied: that is quicker than to make them again."""
    file = tmp_path_factory.mktemp("template") / "mlsteward.db"
    Store.open(settings.Store(url=f"sqlite:///{file}")).close()
    return file


@pytest.fixture
def postgresql_store(postgres_with_tables: str) -> Iterator[Store]:
    with psycopg.connect(psycopg_url(postgres_with_tables)) as connection:
        connection.execute(f"TRUNCATE {', '.join(metadata.tables)} RESTART IDENTITY".encode())
    opened = Store.open(settings.Store(url=postgres_with_tables))
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def postgres_with_tables(postgres: Postgres) -> str:
    url = postgres.create()
    Store.open(settings.Store(url=url)).close()
    return url
