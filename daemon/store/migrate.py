"""The version of the tables: is it ours, and if it is older, make it ours."""

from functools import cache
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from daemon.store.errors import StoreError

FOLDER = Path(__file__).parent / "migrations"
VERSION_TABLE = "mlsteward_version"
"""Not Alembic's default name: the database may be MLflow's own, and that uses Alembic, too."""
LOCK = 0x6D6C7374
"""The number that PostgreSQL knows our lock by."""


@cache
def revisions() -> tuple[str, ...]:
    """Return the revisions that this version of the program knows, oldest first."""
    return tuple(sorted(file.name[1:5] for file in (FOLDER / "versions").glob("v[0-9]*.py")))


def behind(tx: Connection, *, place: str) -> str:
    """Say why the tables cannot be used as they are; empty where they can. Raise StoreError where they are newer."""
    found, ours = _revision(tx), revisions()[-1]
    if found == ours:
        return ""
    if found is None:
        return f"{place} has no tables yet: the daemon makes them when it first runs"
    if found not in revisions():
        raise StoreError(
            f"{place} was written by a newer mlsteward (tables {found}, this one knows {ours}): upgrade mlsteward",
            transient=False,
        )
    return f"{place} was written by an older mlsteward (tables {found}, not {ours}): restart the daemon"


def has_lease(tx: Connection) -> bool:
    """Tell whether the tables are such that daemons agree on a leader by them."""
    return inspect(tx).has_table("lease")


def upgrade(tx: Connection, *, place: str) -> None:
    """Bring the tables up to date in the caller's transaction: all of it happens, or nothing."""
    if tx.dialect.name == "postgresql":
        tx.execute(text("SET LOCAL statement_timeout = 0"))
        tx.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    # somebody else may have done it while we waited for the lock
    if not behind(tx, place=place):
        return
    # imported here because it takes 20 MB, and is needed once in the life of a version
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": tx})
    config.set_main_option("script_location", "daemon.store:migrations")
    command.upgrade(config, "head")


def _revision(tx: Connection) -> str | None:
    if not inspect(tx).has_table(VERSION_TABLE):
        return None
    return tx.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
