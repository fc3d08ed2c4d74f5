"""Baselines: the bins of every column and the counts in them, kept for good and replaced by newer ones."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sqlalchemy import Row, func, select

from daemon.domain.baseline import Baseline, BaselineColumn, BaselineKind, Segment
from daemon.domain.profile import Counts
from daemon.domain.schema import Column, Kind, Role, Signature
from daemon.store.blob import pack, unpack
from daemon.store.engine import Tx
from daemon.store.tables import baseline as baselines
from daemon.store.upsert import insert, new_id
from detectors.bins import from_json, to_json


def current(tx: Tx, endpoint: str, version: int) -> Baseline | None:
    """Return the newest baseline of the served version."""
    mine = (baselines.c.endpoint == endpoint) & (baselines.c.version == version)
    row = tx.execute(select(baselines).where(mine).order_by(baselines.c.id.desc()).limit(1)).first()
    return None if row is None else _baseline(row)


def newest_ids(tx: Tx, endpoint: str) -> dict[int, int]:
    """Return the id of each version's newest baseline."""
    mine = select(baselines.c.version, func.max(baselines.c.id)).where(baselines.c.endpoint == endpoint)
    return {row[0]: row[1] for row in tx.execute(mine.group_by(baselines.c.version))}


def save(tx: Tx, baseline: Baseline) -> Baseline:
    """Add the baseline and return it with its id."""
    return replace(baseline, id=new_id(tx.execute(insert(tx, baselines), _row(baseline))))


def all_of(tx: Tx, endpoint: str) -> list[Baseline]:
    """Return every baseline of the endpoint, oldest first."""
    rows = tx.execute(select(baselines).where(baselines.c.endpoint == endpoint).order_by(baselines.c.id))
    return [_baseline(row) for row in rows]


def _row(baseline: Baseline) -> dict[str, Any]:
    columns = baseline.columns.values()
    return {
        "endpoint": baseline.endpoint,
        "version": baseline.version,
        "kind": baseline.kind,
        "source": baseline.source,
        "rows": baseline.rows,
        "created_at": baseline.created_at,
        "columns": {name: _described(column) for name, column in baseline.columns.items()},
        "signature": [_written(column) for column in baseline.signature.columns],
        "segmented_by": list(baseline.segmented_by),
        "counts": pack(np.concatenate([np.empty(0, np.int64), *(column.counts for column in columns)])),
    }


def _described(column: BaselineColumn) -> dict[str, Any]:
    described = {**_written(column.column), "bins": to_json(column.bins)}
    if column.extremes is not None:
        described["extremes"] = column.extremes
    if column.within is not None:
        described["within"] = [column.within.column, column.within.value]
    return described


def _written(column: Column) -> dict[str, Any]:
    return {"name": column.name, "kind": column.kind, "role": column.role, "required": column.required}


def _read(written: Mapping[str, Any]) -> Column:
    return Column(written["name"], Kind(written["kind"]), Role(written["role"]), written["required"])


def _baseline(row: Row[Any]) -> Baseline:
    return Baseline(
        id=row.id,
        endpoint=row.endpoint,
        version=row.version,
        kind=BaselineKind(row.kind),
        source=row.source,
        rows=row.rows,
        created_at=row.created_at,
        columns=_columns(row.columns, unpack(row.counts)),
        signature=_signature([_read(column) for column in row.signature]),
        segmented_by=tuple(row.segmented_by or ()),
    )


def _signature(columns: Sequence[Column]) -> Signature:
    inputs = tuple(c for c in columns if c.role is Role.INPUT)
    return Signature(inputs, tuple(c for c in columns if c.role is Role.PREDICTION))


def _columns(described: Mapping[str, Mapping[str, Any]], counts: Counts) -> dict[str, BaselineColumn]:
    columns, start = {}, 0
    for name, known in described.items():
        bins = from_json(known["bins"])
        columns[name] = BaselineColumn(
            _read(known),
            bins,
            counts[start : start + bins.size],
            _extremes(known.get("extremes")),
            Segment(*known["within"]) if "within" in known else None,
        )
        start += bins.size
    return columns


def _extremes(stored: Sequence[float] | None) -> tuple[float, float] | None:
    return None if stored is None else (float(stored[0]), float(stored[1]))
