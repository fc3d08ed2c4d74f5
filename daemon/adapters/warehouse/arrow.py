"""Arrow as a warehouse sends it: streams of record batches, each chunk one of its own."""

import io
from collections.abc import Iterator, Sequence
from typing import Any

from arro3.core import Array, DataType, RecordBatchReader, Table
from arro3.io import read_ipc_stream

from daemon.adapters.databricks.client import Json

TYPES = {
    "BOOLEAN": DataType.bool(),
    "INT": DataType.int32(),
    "LONG": DataType.int64(),
    "DOUBLE": DataType.float64(),
}


def batches_of(content: bytes) -> list[Any]:
    """Read one chunk. Raise ValueError where it is no Arrow stream."""
    try:
        return list(read_ipc_stream(io.BytesIO(content)))
    except Exception as error:
        raise ValueError(f"no Arrow: {error}") from error


def table(batches: Sequence[Any]) -> Any:
    return Table.from_batches(batches, schema=batches[0].schema)


def stream(schema: Any, batches: Iterator[Any]) -> Any:
    return RecordBatchReader.from_batches(schema, batches)


def empty(manifest: Json) -> Any:
    """Return the answer without a row, which has no chunk, and so no schema but the manifest's."""
    columns = (manifest.get("schema") or {}).get("columns") or []
    kinds = {c["name"]: TYPES.get(str(c.get("type_name")), DataType.string()) for c in columns}
    return Table.from_pydict({name: Array([], type=kind) for name, kind in kinds.items()}).to_reader()
