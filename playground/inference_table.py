"""Inference tables: one row a request, in the schema of AI-Gateway-enabled endpoints, as real Delta tables.

Delivery is like the real one: in batches, with a delay, at least once. Bodies above 1 MiB are left out and named.
"""

import asyncio
import sys
import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

MAXIMUM_BODY_BYTES = 1_048_576
REPEATED_SHARE = 0.01
SCHEMA = pa.schema(
    [
        ("databricks_request_id", pa.string()),
        ("request_date", pa.date32()),
        ("client_request_id", pa.string()),
        ("request_time", pa.timestamp("us", tz="UTC")),
        ("status_code", pa.int32()),
        ("sampling_fraction", pa.float64()),
        ("execution_duration_ms", pa.int64()),
        ("request", pa.string()),
        ("response", pa.string()),
        ("logging_error_codes", pa.list_(pa.string())),
        ("served_entity_id", pa.string()),
        ("requester", pa.string()),
    ]
)


@dataclass(frozen=True)
class Entry:
    """One request with its answer."""

    at: datetime
    status: int
    ms: int
    request: str
    response: str
    served_entity_id: str
    requester: str
    client_request_id: str | None = None

    def as_row(self) -> dict[str, Any]:
        """Return the row of the table, with an id of its own."""
        bodies = {"request": self.request, "response": self.response}
        oversized = {name for name, body in bodies.items() if len(body.encode()) > MAXIMUM_BODY_BYTES}
        return {
            "databricks_request_id": str(uuid.uuid4()),
            "request_date": self.at.date(),
            "client_request_id": self.client_request_id,
            "request_time": self.at,
            "status_code": self.status,
            "sampling_fraction": 1.0,
            "execution_duration_ms": self.ms,
            **{name: None if name in oversized else body for name, body in bodies.items()},
            "logging_error_codes": [f"MAX_{name.upper()}_SIZE_EXCEEDED" for name in bodies if name in oversized],
            "served_entity_id": self.served_entity_id,
            "requester": self.requester,
        }


class InferenceTable:
    """The table of one endpoint. Belongs to the event loop; only writing happens in a thread."""

    def __init__(self, path: Path, *, flush_seconds: float, rng: Random) -> None:
        self.path = path
        self._flush_seconds = flush_seconds
        self._rng = rng
        self._rows: list[dict[str, Any]] = []
        self._repeated: list[dict[str, Any]] = []
        self._waiting = asyncio.Event()
        self._writing = asyncio.Lock()
        self._table = DeltaTable.create(path, schema=SCHEMA, partition_by=["request_date"])

    def append(self, entry: Entry) -> None:
        """Take one row for the next batch."""
        self._rows.append(entry.as_row())
        self._waiting.set()

    async def run(self) -> None:
        """Write a batch whenever rows have waited for a while; sleep while there are none."""
        while True:
            await self._waiting.wait()
            await asyncio.sleep(self._flush_seconds)
            await self.flush(repeat=True)

    async def flush(self, *, repeat: bool = False) -> None:
        """Write what waits, and with `repeat` also some rows of the batch before for a second time."""
        async with self._writing:
            fresh, self._rows = self._rows, []
            again: list[dict[str, Any]] = []
            if repeat:
                again, self._repeated = self._repeated, []
            self._repeated += [row for row in fresh if self._rng.random() < REPEATED_SHARE]
            if not self._repeated:
                self._waiting.clear()
            if fresh or again:
                await asyncio.to_thread(self._write, fresh + again)

    def _write(self, rows: list[dict[str, Any]]) -> None:
        try:
            write_deltalake(self._table, pa.Table.from_pylist(rows, schema=SCHEMA), mode="append")
        except Exception as error:
            # Delivery is best effort there as well: requests are answered whether or not they can be logged.
            print(f"inference table: a batch is lost: {error}", file=sys.stderr)
