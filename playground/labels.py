"""Labels as they arrive: what was asked and what turned out to be true, appended as Parquet."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

_FLUSH_SECONDS = 1.0


class Labels:
    """Appends to one folder, a file at a time; a file appears whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._tables: list[pa.Table] = []
        self._files = 0
        self._flushed = time.monotonic()

    def append(self, rows: pa.Table) -> None:
        """Add rows as they were sent, with their target; they are written within a second or so."""
        at = pa.array([datetime.now(UTC)] * rows.num_rows, pa.timestamp("us", tz="UTC"))
        self._tables.append(rows.append_column("at", at))
        if time.monotonic() - self._flushed >= _FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        self._flushed = time.monotonic()
        if not self._tables:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        self._files += 1
        path = self._folder / f"{os.getpid()}-{id(self)}-{self._files:06}.parquet"
        unfinished = path.with_name(f".{path.name}")
        pq.write_table(pa.concat_tables(self._tables), unfinished)
        unfinished.replace(path)
        self._tables = []
