"""INSERT where the row may be there already: both databases can, but SQLAlchemy spells it per dialect."""

from collections.abc import Callable, Collection
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, Table
from sqlalchemy.dialects import postgresql, sqlite

from daemon.store.engine import Tx

Insert = postgresql.Insert | sqlite.Insert


def insert(tx: Tx, table: Table) -> Insert:
    """Return an INSERT that has an `on_conflict` clause, and whose `rowcount` tells whether there was none."""
    statement = postgresql.insert(table) if tx.dialect.name == "postgresql" else sqlite.insert(table)
    return statement.execution_options(preserve_rowcount=True)


def upsert(
    tx: Tx,
    table: Table,
    *,
    columns: Collection[str] | None = None,
    where: Callable[[Any], ColumnElement[bool]] | None = None,
) -> Insert:
    """Return an INSERT that overwrites the row with the same key: `columns` of it (all), where `where(new)` holds."""
    statement = insert(tx, table)
    new = statement.excluded
    names = columns or [column.name for column in table.c if not column.primary_key]
    return statement.on_conflict_do_update(
        index_elements=list(table.primary_key),
        set_={name: new[name] for name in names},
        where=where(new) if where else None,
    )


def new_id(result: CursorResult[Any]) -> int:
    """Return the id that the database gave to the one row inserted."""
    key = result.inserted_primary_key
    if key is None:
        raise ValueError("not the result of inserting one row")
    return int(key[0])
