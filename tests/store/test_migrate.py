"""The tables: made, compared, refused."""

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, text

from daemon.config import settings
from daemon.store.engine import Store, StoreError
from daemon.store.migrate import FOLDER, LOCK, VERSION_TABLE, revisions
from daemon.store.tables import metadata
from tests.postgres import Postgres

CATALOG = {
    "sqlite": f"SELECT name, sql FROM sqlite_master WHERE tbl_name <> '{VERSION_TABLE}' ORDER BY 1",
    "postgresql": f"""
        SELECT indexname, indexdef FROM pg_indexes
        WHERE schemaname = 'public' AND tablename <> '{VERSION_TABLE}'
        UNION ALL
        SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND conrelid::regclass::text <> '{VERSION_TABLE}'
        ORDER BY 1, 2""",
}
"""What a database says of its keys and indexes in its own words; SQLite of its tables, too."""
OPEN = """
import sys
from daemon.config import settings
from daemon.store.engine import Store
Store.open(settings.Store(url=sys.argv[1])).close()
print(sorted(name for name in sys.modules if name.partition(".")[0] in ("alembic", "mako")))
"""


def opened(url: str, *, migrate: bool = True) -> Store:
    return Store.open(settings.Store(url=url), migrate=migrate)


def test_the_revisions_bring_forth_the_tables_that_the_code_works_with(empty_url: str) -> None:
    opened(empty_url).close()
    with connected(empty_url) as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, metadata) == []


def test_the_revisions_bring_forth_the_same_indexes_and_keys_conditions_included(
    empty_url: str, fresh_url: str
) -> None:
    opened(empty_url).close()
    with connected(fresh_url) as connection:
        metadata.create_all(connection)
        connection.commit()
    assert catalog(empty_url) == catalog(fresh_url)


def test_the_revisions_are_those_that_alembic_finds() -> None:
    config = Config()
    config.set_main_option("script_location", "daemon.store:migrations")
    scripts = ScriptDirectory.from_config(config)
    assert [found.revision for found in scripts.walk_revisions()] == list(revisions()[::-1])
    assert scripts.get_heads() == [revisions()[-1]]
    assert len(list((FOLDER / "versions").glob("*.py"))) == len(revisions()) + len(["__init__.py"])


def test_daemons_that_open_an_empty_database_at_once_take_turns(postgres_url: str) -> None:
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    with ThreadPoolExecutor() as pool:
        with connected(postgres_url) as other:
            other.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": LOCK})
            both = [pool.submit(opened, postgres_url) for _ in range(2)]
            deadline = monotonic() + 30
            while other.execute(waiting).scalar_one() < len(both):
                assert monotonic() < deadline
        for one in both:
            one.result(timeout=30).close()


def test_alembic_is_not_loaded_where_there_is_nothing_to_do(sqlite_url: str) -> None:
    first, second = (
        subprocess.run([sys.executable, "-c", OPEN, sqlite_url], check=True, capture_output=True, text=True).stdout
        for _ in range(2)
    )
    assert "alembic" in first
    assert second == "[]\n"


def test_a_migration_that_fails_leaves_nothing_behind(empty_url: str) -> None:
    touch(empty_url, "CREATE TABLE event (dear_to_somebody INTEGER)")
    with pytest.raises(StoreError, match=r"event.* already exists") as caught:
        opened(empty_url)
    assert not caught.value.transient
    with connected(empty_url) as connection:
        assert inspect(connection).get_table_names() == ["event"]
    touch(empty_url, "DROP TABLE event")
    opened(empty_url).close()


def test_somebody_elses_alembic_in_the_same_database_is_left_alone(empty_url: str) -> None:
    touch(empty_url, "CREATE TABLE alembic_version (version_num VARCHAR(32))")
    touch(empty_url, "INSERT INTO alembic_version VALUES ('mlflow')")
    opened(empty_url).close()
    with connected(empty_url) as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == ["mlflow"]


def test_tables_of_a_newer_version_are_refused(empty_url: str) -> None:
    opened(empty_url).close()
    touch(empty_url, f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    for migrate in (True, False):
        with pytest.raises(StoreError, match=r"newer mlsteward \(tables 9999, this one knows") as caught:
            opened(empty_url, migrate=migrate)
        assert not caught.value.transient


def test_without_leave_to_migrate_missing_tables_are_refused_and_not_made(empty_url: str) -> None:
    touch(empty_url, "CREATE TABLE other (x INTEGER)")
    with pytest.raises(StoreError, match="has no tables yet") as caught:
        opened(empty_url, migrate=False)
    assert not caught.value.transient
    with connected(empty_url) as connection:
        assert inspect(connection).get_table_names() == ["other"]


def test_without_leave_to_migrate_a_missing_file_is_not_made(sqlite_url: str) -> None:
    with pytest.raises(StoreError, match=r"mlsteward\.db is not there yet"):
        opened(sqlite_url, migrate=False)
    with pytest.raises(StoreError, match=r"mlsteward\.db is not there yet"):
        opened(sqlite_url, migrate=False)


@pytest.fixture
def fresh_url(empty_url: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A second database of the same kind."""
    if "sqlite" in empty_url:
        yield empty_url.replace(".db", "-2.db")
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    url = postgres.create()
    yield url
    postgres.drop(url)


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    """Connect past the store."""
    if url.startswith("sqlite:///"):
        Path(url.removeprefix("sqlite:///")).parent.mkdir(exist_ok=True)
    engine = create_engine(url)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def touch(url: str, statement: str) -> None:
    with connected(url) as connection:
        connection.execute(text(statement))
        connection.commit()


def catalog(url: str) -> list[tuple[str, str]]:
    with connected(url) as connection:
        rows = connection.execute(text(CATALOG[connection.dialect.name]))
        return [(name, " ".join((sql or "").split())) for name, sql in rows]
