"""Profiles that have grown old are merged, an hour to one: what is asked of them by then needs no single windows."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import reduce
from itertools import groupby
from operator import add
from typing import Any, NamedTuple

from sqlalchemy import BigInteger, Row, delete, select, tuple_, type_coerce

from daemon.domain.finding import Verdict
from daemon.domain.profile import Coverage
from daemon.domain.window import EPOCH
from daemon.store.blob import pack, unpack
from daemon.store.engine import Tx
from daemon.store.tables import profile as table
from daemon.store.types import MICROSECOND
from daemon.store.upsert import insert

HOUR = timedelta(hours=1)
LOUDEST = (Verdict.BREACH, Verdict.HEALTHY, Verdict.INCONCLUSIVE, Verdict.NO_DATA)
"""What was said of any window of a block is said of the block: the first of these."""


class Block(NamedTuple):
    """As many whole windows of one served version as go into an hour."""

    endpoint: str
    version: int
    start: datetime
    end: datetime


def thin(tx: Tx, *, before: datetime, portion: int = 2_000) -> int:
    """Merge windows of blocks that ended by `before`, and return how many. More may be left: thin again until none is.

    Counts add up, so nothing that is asked of longer stretches changes.
    """
    length = type_coerce(table.c.window_end, BigInteger) - type_coerce(table.c.window_start, BigInteger)
    old = (table.c.window_end <= before, length <= HOUR // 2 // MICROSECOND)
    order = (table.c.window_start, table.c.window_end, table.c.endpoint, table.c.version)
    rows = tx.execute(select(table).where(*old).order_by(*order).limit(portion)).all()
    # of a block that reaches beyond the last row there may be more
    until = min(before, rows[-1].window_start) if len(rows) == portion else before
    merged = 0
    for block, windows in groupby(sorted(rows, key=_block), key=_block):
        if block.end <= until:
            merged += _merge(tx, block, list(windows))
    return merged


def _block(row: Row[Any]) -> Block:
    window = row.window_end - row.window_start
    length = (HOUR // window) * window
    start = EPOCH + (row.window_start - EPOCH) // length * length
    return Block(row.endpoint, row.version, start, start + length)


def _merge(tx: Tx, block: Block, windows: Sequence[Row[Any]]) -> int:
    key = tuple_(*table.primary_key)
    tx.execute(
        delete(table).where(key.in_([tuple(row._mapping[c.name] for c in table.primary_key) for row in windows]))
    )
    apart = list(_apart(windows))
    counted = max((row.baseline_id for row in apart if row.counts is not None), default=None)
    row = {
        "endpoint": block.endpoint,
        "version": block.version,
        "window_start": block.start,
        "window_end": block.end,
        **{name: sum(row._mapping[name] for row in apart) for name in ("requests", "errors_4xx", "errors_5xx")},
        "latency": _summed([row.latency for row in apart]),
        "coverage": asdict(reduce(add, (Coverage(**row.coverage) for row in apart))),
        "baseline_id": counted,
        "counts": _summed([row.counts for row in apart if counted is not None and row.baseline_id == counted]),
        **{name: _loudest({row._mapping[name] for row in apart}) for name in ("healthy", "steady")},
    }
    # one that came after its block was merged came a week too late
    tx.execute(insert(tx, table).on_conflict_do_nothing(), row)
    return len(windows)


def _apart(windows: Sequence[Row[Any]]) -> Iterator[Row[Any]]:
    """Leave out windows that were read again under another length."""
    end = EPOCH
    for row in windows:
        if row.window_start >= end:
            end = row.window_end
            yield row


def _summed(packed: Sequence[bytes | None]) -> bytes | None:
    counts = [unpack(one) for one in packed if one is not None]
    return pack(reduce(add, counts)) if counts else None


def _loudest(verdicts: set[str]) -> Verdict:
    return next(one for one in LOUDEST if one in verdicts)
