"""DuckDB, over Arrow that is here already or is still on its way."""

from functools import cache
from typing import Any

import duckdb
from arro3.core import Table
from duckdb import DuckDBPyConnection


def asked(arrow: Any, name: str, sql: str) -> Any:
    """Return the answer as an Arrow table. SQL calls what is asked by the name. Other threads run meanwhile."""
    cursor = _database().cursor()
    try:
        cursor.register(name, arrow)
        return Table.from_arrow(cursor.sql(sql))
    except duckdb.FatalException:
        # it answers nothing any more, and the next question needs one that does
        _database.cache_clear()
        raise
    finally:
        cursor.close()


@cache
def _database() -> DuckDBPyConnection:
    # a database costs 20 ms to make, a cursor of it one; each reading runs in the thread that asks
    return duckdb.connect(":memory:", config={"threads": 1})
