"""A SQL warehouse: it sleeps until somebody asks, takes a while to wake, and every statement is counted."""

import asyncio
import multiprocessing
import os
import uuid
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from playground import sql
from playground.catalog import Catalog
from playground.environment import die_with_parent
from playground.errors import missing
from playground.sql import RefusedError

WAREHOUSE_ID = "f00d000000000001"
CHUNK_ROWS = 20_000
LINK_SECONDS = 900.0


@dataclass
class Statement:
    """One statement, from the asking to the end."""

    sql: str
    parameters: dict[str, str]
    disposition: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    state: str = "PENDING"
    error: RefusedError | None = None
    schema: pa.Schema | None = None
    chunks: Sequence[pa.Table] = ()


class Warehouse:
    """Runs statements on the workspace's tables. Belongs to the event loop; the engine is a process of its own.

    A real warehouse is another machine than the one that serves models: in one process these answered half as fast.
    """

    def __init__(self, catalog: Catalog, *, start_seconds: float) -> None:
        self.state = "STOPPED"
        self.start_seconds = start_seconds
        self.chunk_rows, self.link_seconds = CHUNK_ROWS, LINK_SECONDS
        self.statements: dict[str, Statement] = {}
        self._catalog = catalog
        self._engine = ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), _stand_back, (os.getpid(),))
        self._running = asyncio.Event()
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._starting: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to wake up, unless that is under way or done."""
        if self.state == "STOPPED":
            self.state = "STARTING"
            self._starting = asyncio.ensure_future(self._start())

    def stop(self) -> None:
        """Go to sleep at once."""
        self.state = "STOPPED"
        self._running.clear()
        if self._starting is not None:
            self._starting.cancel()

    def close(self) -> None:
        """End the engine."""
        self._engine.shutdown(cancel_futures=True)

    def statement(self, statement_id: str) -> Statement:
        """Return a statement, or refuse."""
        if statement_id not in self.statements:
            raise missing(f"The statement {statement_id} was not found.")
        return self.statements[statement_id]

    async def execute(self, statement: Statement, *, wait_seconds: float) -> None:
        """Begin a statement, and come back when it has ended or has been waited for long enough."""
        self.statements[statement.id] = statement
        self.start()
        task = self._tasks[statement.id] = asyncio.ensure_future(self._run(statement))
        await asyncio.wait([task], timeout=wait_seconds)

    def cancel(self, statement_id: str) -> None:
        """End a statement that has not ended."""
        statement = self.statement(statement_id)
        if statement.state in ("PENDING", "RUNNING"):
            statement.state = "CANCELED"
            self._tasks[statement_id].cancel()

    async def _start(self) -> None:
        await asyncio.sleep(self.start_seconds)
        self.state = "RUNNING"
        self._running.set()

    async def _run(self, statement: Statement) -> None:
        await self._running.wait()
        statement.state = "RUNNING"
        try:
            asked = (statement.sql, statement.parameters, self._catalog.locations())
            found = await asyncio.get_running_loop().run_in_executor(self._engine, sql.run, *asked)
        except RefusedError as error:
            statement.state, statement.error = "FAILED", error
            return
        statement.schema = found.schema
        statement.chunks = [found.slice(start, self.chunk_rows) for start in range(0, found.num_rows, self.chunk_rows)]
        statement.state = "SUCCEEDED"


def _stand_back(parent: int) -> None:
    """Let the engine's process go with its parent, and be served after all others."""
    die_with_parent(parent)
    os.nice(10)


def ipc(chunk: pa.Table, *, compression: str | None = None) -> bytes:
    """Return a chunk as an Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, chunk.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(chunk)
    written: bytes = sink.getvalue().to_pybytes()
    return written


def type_name(kind: Any) -> str:
    """Return Databricks' name of an Arrow type."""
    names = (
        (pa.types.is_boolean, "BOOLEAN"),
        (pa.types.is_int32, "INT"),
        (pa.types.is_integer, "LONG"),
        (pa.types.is_floating, "DOUBLE"),
        (pa.types.is_date, "DATE"),
        (pa.types.is_timestamp, "TIMESTAMP"),
        (pa.types.is_map, "MAP"),
        (pa.types.is_list, "ARRAY"),
    )
    return next((name for test, name in names if test(kind)), "STRING")
