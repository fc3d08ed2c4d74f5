"""One table by its name in Unity Catalog, asked through a warehouse."""

from typing import Any

from daemon.adapters.databricks.catalog import UnityCatalog
from daemon.adapters.tables.dialect import DATABRICKS, Dialect, Question
from daemon.adapters.warehouse.statements import Statements
from daemon.domain.table_name import TableName


class WarehouseTable:
    """Columns are looked up where no warehouse has to be awake."""

    dialect: Dialect = DATABRICKS

    def __init__(self, table: TableName, statements: Statements, catalog: UnityCatalog) -> None:
        self.uri = str(table)
        self.name = ".".join(map(DATABRICKS.identifier, table.parts))
        self._table, self._statements, self._catalog = table, statements, catalog
        self._fields: dict[str, str] = {}
        self._readings = 0

    def refresh(self) -> int:
        self._fields = dict(self._catalog.table(self._table).fields)
        # Whether there are new rows is not known without asking.
        self._readings += 1
        return self._readings

    def fields(self) -> dict[str, str]:
        return self._fields

    def query(self, question: Question) -> Any:
        return self._statements.table(question, what=f"read {self.uri}")

    def stream(self) -> Any:
        question = Question(f"SELECT * FROM {self.name}")
        return self._statements.rows(question, what=f"read {self.uri}")
