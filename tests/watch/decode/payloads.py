"""Requests and responses as clients and servers write them, from records that are known, and what must come out."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from arro3.core import Array, DataType, Table

from daemon.domain.sample import Batch, NumericColumn, Part, Sample
from daemon.domain.schema import Column, Kind, Role, Signature
from daemon.domain.window import Window

Record = Mapping[str, Any]

WINDOW = Window(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC) + timedelta(minutes=15))
FLIGHT = Signature(
    inputs=(Column("distance", Kind.NUMERIC), Column("carrier", Kind.CATEGORICAL)),
    outputs=(Column("prediction", Kind.NUMERIC, Role.PREDICTION),),
)


@dataclass(frozen=True)
class Row:
    """One row of an inference table."""

    request: str | None
    response: str | None = None
    status: int | None = 200


def sample_of(rows: Sequence[Row], *, parts: Sequence[int] | None = None) -> Sample:
    """Make a sample in which each row is a part of its own, unless told otherwise."""
    part = list(range(len(rows))) if parts is None else list(parts)
    table = Table.from_pydict(
        {
            "part": Array(np.array(part, np.int32)),
            "id": Array([f"request-{place}" for place in range(len(rows))], DataType.string()),
            "status_code": Array([row.status for row in rows], DataType.int32()),
            "request": Array([row.request for row in rows], DataType.string()),
            "response": Array([row.response for row in rows], DataType.string()),
            "oversized": Array([row.request is None for row in rows], DataType.bool()),
        }
    )
    return Sample([Part(WINDOW, "entity", 1.0)] * (max(part, default=-1) + 1), table, len(rows))


def request(form: str, records: Sequence[Record], names: Sequence[str], **extra: object) -> str:
    """Write records in one of the formats that MLflow's scoring server takes."""
    rows = [[record[name] for name in names] for record in records]
    payloads: dict[str, tuple[str, object]] = {
        "dataframe_records": ("dataframe_records", list(records)),
        "dataframe_split": ("dataframe_split", {"columns": list(names), "data": rows}),
        "split_with_index": (
            "dataframe_split",
            {"index": list(range(len(rows))), "columns": list(names)[::-1], "data": [row[::-1] for row in rows]},
        ),
        "instances": ("instances", list(records)),
        "instances_rows": ("instances", rows),
        "inputs": ("inputs", {name: [record[name] for record in records] for name in names}),
        "inputs_records": ("inputs", list(records)),
        "inputs_rows": ("inputs", rows),
    }
    key, payload = payloads[form]
    return json.dumps({**extra, key: payload})


FORMS = (
    "dataframe_records",
    "dataframe_split",
    "split_with_index",
    "instances",
    "instances_rows",
    "inputs",
    "inputs_records",
    "inputs_rows",
)


def response(form: str, values: Sequence[Any], name: str = "prediction") -> str:
    """Write predictions in one of the shapes that models answer with."""
    shapes = {
        "scalars": list(values),
        "rows": [[value] for value in values],
        "records": [{name: value} for value in values],
        "columns": {name: list(values)},
    }
    return json.dumps({"predictions": shapes[form]})


ANSWERS = ("scalars", "rows", "records", "columns")


def column(batch: Batch, name: str, part: int | None = None) -> list[Any]:
    """Return a column as Python values: None for null, and nothing for what is absent."""
    found = batch.columns[name]
    mine = np.ones(batch.records, np.bool_) if part is None else batch.part == part
    if found.present is not None:
        mine = mine & found.present
    if isinstance(found, NumericColumn):
        pairs = zip(found.values[mine].tolist(), found.null[mine].tolist(), strict=True)
        return [None if null else value for value, null in pairs]
    return [None if code < 0 else found.dictionary[code] for code in found.codes[mine].tolist()]


def same(left: Sequence[Any], right: Sequence[Any]) -> bool:
    """Compare values, NaN equal to itself, an integer equal to the float that it is read as."""
    return len(left) == len(right) and all(_same(a, b) for a, b in zip(left, right, strict=True))


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, float) and isinstance(b, float | int) and not isinstance(b, bool):
        return (math.isnan(a) and math.isnan(b)) or a == float(b)
    return bool(a == b)
