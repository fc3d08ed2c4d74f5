"""Typed columns out of DuckDB: a table of its goes in, numpy arrays come out, without pandas or pyarrow.

DuckDB is an engine here and not a store: it lives in memory, and nothing outlives a session.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import duckdb
import numpy as np
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from daemon.domain.sample import CategoricalColumn, NumericColumn
from daemon.domain.schema import Kind

TypedColumn = NumericColumn | CategoricalColumn
Plain = NDArray[np.generic]

SETTINGS = {
    # what needs more goes one by one instead, and nothing is spilled to a disk that may be read-only
    "memory_limit": "1GB",
    "temp_directory": "",
    # sessions run side by side: one in two threads is slower than two in one each
    "threads": "1",
    # nothing is fetched from anywhere
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
}


@dataclass(frozen=True, slots=True)
class Fetched:
    typed: Mapping[str, TypedColumn]
    plain: Mapping[str, Plain]


@contextmanager
def session() -> Iterator[DuckDBPyConnection]:
    """Open a connection whose temporary tables and types go when it closes."""
    connection = _database().cursor()
    try:
        yield connection
    except duckdb.FatalException:
        # it answers nothing any more, and the next session needs one that does
        _database.cache_clear()
        raise
    finally:
        connection.close()


@cache
def _database() -> DuckDBPyConnection:
    # a database costs 10 ms to make, a cursor of it some microseconds
    return duckdb.connect(":memory:", config=dict(SETTINGS))


def fetch(connection: DuckDBPyConnection, table: str, typed: Mapping[str, Kind], plain: Sequence[str] = ()) -> Fetched:
    """Read a table in one pass. The names go into SQL as they are: they must be the caller's own, not the data's."""
    if not typed and not plain:
        return Fetched({}, {})
    dictionaries = _dictionaries(connection, table, [n for n, kind in typed.items() if kind is Kind.CATEGORICAL])
    wanted = [f"enum_code({n}::{n}_values) AS {n}" if n in dictionaries else n for n in (*typed, *plain)]
    arrays = connection.execute(f"SELECT {', '.join(wanted)} FROM {table}").fetchnumpy()
    return Fetched(
        {n: _categorical(arrays[n], dictionaries[n]) if n in dictionaries else numeric(arrays[n]) for n in typed},
        {n: np.ma.getdata(arrays[n]) for n in plain},
    )


def _dictionaries(connection: DuckDBPyConnection, table: str, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Make an enumeration type `<name>_values` of each column."""
    for name in names:
        connection.execute(f"DROP TYPE IF EXISTS {name}_values")
        values = f"SELECT DISTINCT {name} FROM {table} WHERE {name} IS NOT NULL ORDER BY 1"
        connection.execute(f"CREATE TEMP TYPE {name}_values AS ENUM ({values})")
    ranges = ", ".join(f"enum_range(NULL::{name}_values)" for name in names)
    row = connection.execute(f"SELECT {ranges}").fetchone() if names else None
    return {name: tuple(values) for name, values in zip(names, row or (), strict=True)}


def numeric(array: Plain) -> NumericColumn:
    return NumericColumn(np.ma.getdata(array).astype(np.float64, copy=False), np.ma.getmaskarray(array))


def _categorical(array: Plain, dictionary: tuple[str, ...]) -> CategoricalColumn:
    codes = np.ma.getdata(array).astype(np.int32)
    codes[np.ma.getmaskarray(array)] = -1
    return CategoricalColumn(codes, dictionary)


def concatenated(columns: Sequence[TypedColumn], kind: Kind) -> TypedColumn:
    """Lay columns of one kind end to end, under one dictionary. Of none, the empty column."""
    present = _presence(columns)
    if kind is Kind.NUMERIC:
        numbers = [c for c in columns if isinstance(c, NumericColumn)]
        values = [np.empty(0, np.float64), *(c.values for c in numbers)]
        nulls = [np.empty(0, np.bool_), *(c.null for c in numbers)]
        return NumericColumn(np.concatenate(values), np.concatenate(nulls), present)
    places: dict[str, int] = {}
    codes = [np.empty(0, np.int32)]
    for column in columns:
        if isinstance(column, CategoricalColumn):
            # the last place is where -1 points to
            renamed = [places.setdefault(value, len(places)) for value in column.dictionary]
            codes.append(np.array([*renamed, -1], np.int32)[column.codes])
    return CategoricalColumn(np.concatenate(codes), tuple(places), present)


def _presence(columns: Sequence[TypedColumn]) -> NDArray[np.bool_] | None:
    if all(c.present is None for c in columns):
        return None
    return np.concatenate([np.ones(size(c), np.bool_) if c.present is None else c.present for c in columns])


def size(column: TypedColumn) -> int:
    return len(column.values if isinstance(column, NumericColumn) else column.codes)


def taken(column: TypedColumn, where: NDArray[np.intp] | NDArray[np.bool_] | slice) -> TypedColumn:
    """Return some rows of a column."""
    present = None if column.present is None else column.present[where]
    if isinstance(column, NumericColumn):
        return NumericColumn(column.values[where], column.null[where], present)
    return CategoricalColumn(column.codes[where], column.dictionary, present)
