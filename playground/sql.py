"""Databricks SQL over the workspace's Delta tables, run by DuckDB: quick enough for a demo.

What the daemon asks is answered as Spark SQL answers it: `tests/spark` compares the two, statement by statement.
"""

from collections.abc import Mapping
from typing import Any

import duckdb
import pyarrow as pa
import sqlglot
from deltalake import DeltaTable
from sqlglot import exp


class RefusedError(Exception):
    """A statement that fails, as Databricks says it."""

    def __init__(self, message: str, sql_state: str) -> None:
        super().__init__(message, sql_state)
        self.message, self.sql_state = message, sql_state

    def __str__(self) -> str:
        return self.message


def run(sql: str, parameters: Mapping[str, str], locations: Mapping[str, str]) -> pa.Table:
    """Return the answer to a SELECT, or raise RefusedError. `locations` tells where the tables with full names are."""
    try:
        tree = sqlglot.parse_one(sql, read="databricks")
    except sqlglot.errors.SqlglotError as error:
        raise RefusedError(f"[PARSE_SYNTAX_ERROR] {str(error).splitlines()[0]}", "42601") from error
    # one thread: what a warehouse computes is not to keep the models from their answers
    with duckdb.connect(config={"threads": "1"}) as duck:
        duck.execute("SET TimeZone = 'UTC'")
        for place, table in enumerate(_tables(tree)):
            alias = f"table_{place}"
            duck.register(alias, _rows(table, locations))
            table.replace(exp.to_table(alias, alias=table.alias or None))
        translated = tree.transform(_translated).sql(dialect="duckdb")
        given = {name: value for name, value in parameters.items() if f"${name}" in translated}
        try:
            return _plain(duck.sql(translated, params=given).to_arrow_table())
        except duckdb.Error as error:
            raise RefusedError(f"[{type(error).__name__}] {str(error).splitlines()[0]}", "42000") from error


def _rows(table: exp.Table, locations: Mapping[str, str]) -> Any:
    name = ".".join(part.name for part in table.parts)
    if name not in locations or not DeltaTable.is_deltatable(locations[name]):
        raise RefusedError(f"[TABLE_OR_VIEW_NOT_FOUND] The table or view `{name}` cannot be found.", "42P01")
    return DeltaTable(locations[name]).to_pyarrow_dataset()


def _tables(tree: exp.Expr) -> list[exp.Table]:
    """Return the tables that a statement reads, without what it names itself."""
    return [table for table in tree.find_all(exp.Table) if table.db]


def _translated(node: exp.Expression) -> exp.Expression:
    """Put what DuckDB has under another name."""
    if isinstance(node, exp.FromJson):
        # the only kind that is asked for: an array of text
        return exp.cast(exp.cast(node.this, "JSON"), "TEXT[]")
    if isinstance(node, exp.Anonymous) and node.name.lower() == "octet_length":
        return exp.Anonymous(this="strlen", expressions=node.expressions)
    return node


def _plain(found: pa.Table) -> pa.Table:
    """Return the table without the larger and odder types that a warehouse does not send."""
    fields = [pa.field(f.name, _plain_type(f.type)) for f in found.schema]
    return found.cast(pa.schema(fields))


def _plain_type(kind: Any) -> Any:
    if pa.types.is_large_string(kind) or str(kind) == "string_view":
        return pa.string()
    return pa.int64() if pa.types.is_decimal(kind) and kind.scale == 0 else kind
