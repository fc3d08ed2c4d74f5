"""A Delta table by its name in Unity Catalog, with credentials that it lends.

delta-rs could look up `uc://` by itself, but takes its token from the environment, once, and never asks for other
credentials when those it was lent end, an hour later. So it is asked here, over the connection that all else goes over.
"""

import os
import time

from daemon.adapters.databricks.catalog import Lent, UnityCatalog
from daemon.adapters.delta.table import DeltaTable
from daemon.domain.table_name import TableName
from daemon.ports import PlatformError

AHEAD_SECONDS = 300.0
"""Credentials are renewed so long before they end: one reading may take minutes."""


class UnityTable(DeltaTable):
    def __init__(self, table: TableName, catalog: UnityCatalog) -> None:
        super().__init__(str(table))
        self._table, self._catalog = table, catalog
        self._lent: Lent | None = None

    def refresh(self) -> int:
        if self._lent is not None and time.time() > self._lent.expires - AHEAD_SECONDS:
            self._open = None
        return super().refresh()

    def _place(self) -> tuple[str, dict[str, str] | None]:
        known = self._catalog.table(self._table)
        if not known.location:
            sentence = f'{self._table} has no files of its own (a view?): set reader = "warehouse"'
            raise PlatformError(sentence, permanent=True)
        self._lent = self._catalog.lend(known.id, name=self._table)
        options = dict(self._lent.options)
        if known.location.startswith("s3") and not {"AWS_REGION", "AWS_DEFAULT_REGION"} & os.environ.keys():
            options |= self._catalog.region()
        return known.location, options
