"""Rows as the body of a scoring request, in each of the four formats that MLflow takes."""

import json
from collections.abc import Callable
from typing import Any

import pyarrow as pa


def payload(rows: pa.Table, style: str, *, client_request_id: str | None = None) -> bytes:
    """Return the JSON body for some rows."""
    extra = {"client_request_id": client_request_id} if client_request_id else {}
    return json.dumps({**extra, style: _STYLES[style](rows)}).encode()


def _split(rows: pa.Table) -> dict[str, Any]:
    columns = [column.to_pylist() for column in rows.columns]
    return {"columns": rows.column_names, "data": [list(row) for row in zip(*columns, strict=True)]}


_STYLES: dict[str, Callable[[pa.Table], Any]] = {
    "dataframe_split": _split,
    "dataframe_records": lambda rows: rows.to_pylist(),
    "instances": lambda rows: rows.to_pylist(),
    "inputs": lambda rows: rows.to_pydict(),
}
