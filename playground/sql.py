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

from playground.catalog import Catalog
from playground.errors import ApiError


class RefusedError(Exception):
    """A statement that fails, as Databricks says it."""

    def __init__(self, message: str, sql_state: str) -> None:
        super().__init__(message)
        self.message, self.sql_state = message, sql_state


class Sql:
    """Runs one SELECT at a time in a session of its own."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def run(self, sql: str, parameters: Mapping[str, str]) -> pa.Table:
        """Return the answer, or raise RefusedError."""
        try:
            tree = sqlglot.parse_one(sql, read="databricks")
        except sqlglot.errors.SqlglotError as error:
            raise RefusedError(f"[PARSE_SYNTAX_ERROR] {str(error).splitlines()[0]}", "42601") from error
        with duckdb.connect() as duck:
            duck.execute("SET TimeZone = 'UTC'")
            for place, table in enumerate(_tables(tree)):
                alias = f"table_{place}"
                duck.register(alias, self._rows(table))
                table.replace(exp.to_table(alias, alias=table.alias or None))
            translated = tree.transform(_translated).sql(dialect="duckdb")
            given = {name: value for name, value in parameters.items() if f"${name}" in translated}
            try:
                return _plain(duck.sql(translated, params=given).to_arrow_table())
            except duckdb.Error as error:
                raise RefusedError(f"[{type(error).__name__}] {str(error).splitlines()[0]}", "42000") from error

    def _rows(self, table: exp.Table) -> Any:
        name = ".".join(part.name for part in table.parts)
        try:
            known = self._catalog.table(name)
        except ApiError as error:
            words = f"[TABLE_OR_VIEW_NOT_FOUND] The table or view `{name}` cannot be found."
            raise RefusedError(words, "42P01") from error
        return DeltaTable(known.location).to_pyarrow_dataset()


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
