"""Which reader stands behind which table: the daemon itself, over its files, or a SQL warehouse."""

from collections.abc import Callable

from daemon.adapters.databricks import DatabricksClient
from daemon.adapters.databricks.catalog import UnityCatalog
from daemon.adapters.delta import DeltaTable, UnityTable
from daemon.adapters.tables import Engine, TableLabels, TableLog
from daemon.adapters.warehouse import Statements, WarehouseLog, WarehouseTable
from daemon.config.endpoint import EndpointSettings
from daemon.config.settings import Workspace
from daemon.domain.table_name import table_name
from daemon.ports import InferenceLog, Labels, Tables

Reading = tuple[InferenceLog, Labels | None, Tables]


class Readers:
    """Makes what reads the tables of an endpoint. Nothing is opened before something is asked."""

    def __init__(self, workspace: Workspace | None = None, client: DatabricksClient | None = None) -> None:
        self._workspace = workspace or Workspace()
        client = client or DatabricksClient(self._workspace)
        self._catalog = UnityCatalog(client)
        self._statements = Statements(client, self._workspace)

    def of(self, endpoint: EndpointSettings) -> Reading:
        history = self._workspace.served_entities_table
        served = self._table(history, endpoint) if history else None
        table = self._table(endpoint.table, endpoint)
        tables, rules = _Tables(lambda text: self._table(text, endpoint)), endpoint.labels
        labels = TableLabels(rules, self._table(rules.table, endpoint)) if rules.table is not None else None
        if isinstance(table, WarehouseTable):
            rows, windows = endpoint.watch.rows, endpoint.watch.catch_up
            log = WarehouseLog(table, served=served, endpoint=endpoint.name, rows=rows, windows_at_once=windows)
            return log, labels, tables
        return TableLog(table, served=served, endpoint=endpoint.name), labels, tables

    def _table(self, text: str, endpoint: EndpointSettings) -> Engine:
        """A folder or a URI is nobody's but the Delta reader's."""
        name = table_name(text)
        if name is None:
            return DeltaTable(text)
        if endpoint.reader == "warehouse":
            return WarehouseTable(name, self._statements, self._catalog)
        return UnityTable(name, self._catalog)


class _Tables:
    """Any other table: a name is read as the endpoint's own table is."""

    def __init__(self, open_table: Callable[[str], Engine]) -> None:
        self._open = open_table

    def rows(self, table: str) -> object:
        return self._open(table).stream()
