"""Delta tables behind the ports: by path, by URI, or by a name whose credentials Unity Catalog lends."""

from collections.abc import Mapping

from daemon.adapters.delta.table import DeltaTable
from daemon.adapters.tables.labels import TableLabels
from daemon.adapters.tables.log import TableLog
from daemon.config.labels import Labels


class DeltaLog(TableLog):
    """The inference table of one endpoint, by its path or URI."""

    def __init__(
        self,
        table: str,
        *,
        served_entities_table: str | None,
        endpoint: str,
        storage_options: Mapping[str, str] | None = None,
    ) -> None:
        served = DeltaTable(served_entities_table, storage_options) if served_entities_table else None
        super().__init__(DeltaTable(table, storage_options), served=served, endpoint=endpoint)


class DeltaLabels(TableLabels):
    """The label table of one endpoint, by its path or URI."""

    def __init__(self, rules: Labels, storage_options: Mapping[str, str] | None = None) -> None:
        super().__init__(rules, DeltaTable(rules.table or "", storage_options))


class DeltaTables:
    """Reads any other Delta table whole, for those who stream it."""

    def __init__(self, storage_options: Mapping[str, str] | None = None) -> None:
        self._options = storage_options

    def rows(self, table: str) -> object:
        return DeltaTable(table, self._options).stream()
