"""Histories: for every baseline, what the windows counted in its bins did by themselves."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import numpy as np
from sqlalchemy import Row, select

from daemon.domain.baseline import Baseline
from daemon.domain.finding import Statistic
from daemon.domain.history import History, Of, Phases
from daemon.store.blob import pack, unpack
from daemon.store.engine import Tx
from daemon.store.tables import history as table
from daemon.store.types import MICROSECOND
from daemon.store.upsert import upsert
from detectors.design_effect import DesignEffect

PARTS = tuple(field.name for field in fields(DesignEffect))


def of(tx: Tx, baseline: Baseline) -> History | None:
    """Return what was learnt from the windows of the baseline's version, if enough is known."""
    row = tx.execute(select(table).where(table.c.baseline_id == baseline.id)).first()
    return None if row is None else _history(row, baseline)


def save(tx: Tx, history: History) -> None:
    """Write the history over the one of the same baseline."""
    phases = history.phases
    row = {
        "baseline_id": history.baseline_id,
        "windows": history.windows,
        "until": history.until,
        "scales": history.scales,
        "length_us": history.length // MICROSECOND,
        "effects": [[name, statistic, _written(effect)] for (name, statistic), effect in history.effects.items()],
        "weekly": phases.weekly if phases else None,
        "phases": pack(np.concatenate([c.ravel() for c in phases.columns.values()])) if phases else None,
    }
    tx.execute(upsert(tx, table), [row])


def _written(effect: DesignEffect) -> dict[str, list[float]]:
    return {part: getattr(effect, part).tolist() for part in PARTS}


def _history(row: Row[Any], baseline: Baseline) -> History:
    effects: dict[Of, DesignEffect] = {
        (name, None if statistic is None else Statistic(statistic)): DesignEffect(**_read(effect))
        for name, statistic, effect in row.effects
    }
    phases = None if row.phases is None else Phases(row.weekly, _split(unpack(row.phases), baseline))
    # of what an older daemon learnt nobody knows the length: it is learnt anew
    length = (row.length_us or 0) * MICROSECOND
    return History(row.baseline_id, row.windows, row.until, tuple(row.scales), effects, length, phases)


def _read(effect: Mapping[str, list[float]]) -> dict[str, Any]:
    kinds = {"phi": np.float64, "blocks": np.int64, "rows": np.float64, "extrapolated": np.bool_}
    return {part: np.array(effect[part], dtype=kinds[part]) for part in PARTS}


def _split(counts: np.ndarray[Any, np.dtype[np.int64]], baseline: Baseline) -> dict[str, Any]:
    bins = {name: column.bins.size for name, column in baseline.columns.items()}
    cells = counts.size // sum(bins.values())
    columns, start = {}, 0
    for name, size in bins.items():
        columns[name] = counts[start : start + cells * size].reshape(cells, size)
        start += cells * size
    return columns
