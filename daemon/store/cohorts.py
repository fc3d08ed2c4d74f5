"""Cohorts: one row for each endpoint, version and stretch, replaced whole when labels have come and never added to."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select

from daemon.domain.cohort import SCORE_BINS, Cohort, Truth
from daemon.domain.window import Window
from daemon.store.blob import pack, unpack
from daemon.store.engine import Tx
from daemon.store.tables import cohort as table
from daemon.store.upsert import upsert
from detectors.bounded_mean import Sums
from detectors.classification import Confusion


def save(tx: Tx, cohorts: Sequence[Cohort]) -> None:
    """Write the cohorts. One of the same endpoint, version and stretch gives way: a label counts once."""
    rows = [_row(one) for one in cohorts]
    if rows:
        tx.execute(upsert(tx, table), rows)


def counted(tx: Tx, endpoint: str, version: int, subject: str) -> dict[Window, tuple[bool, datetime]]:
    """Return, for each cohort of this subject, whether it is final and when it was counted."""
    columns = select(table.c.window_start, table.c.window_end, table.c.final, table.c.counted_at)
    rows = tx.execute(columns.where(*_mine(endpoint, version, subject)))
    return {Window(row.window_start, row.window_end): (row.final, row.counted_at) for row in rows}


def load(tx: Tx, endpoint: str, version: int, subject: str, *, since: datetime) -> list[Cohort]:
    """Return the cohorts that begin at `since` or later and those compared with, oldest first.

    While nothing is chosen to be compared with, that is all of them.
    """
    mine = _mine(endpoint, version, subject)
    chosen = tx.execute(select(func.count()).select_from(table).where(*mine, table.c.reference)).scalar_one()
    wanted = [(table.c.window_start >= since) | table.c.reference] if chosen else []
    rows = tx.execute(select(table).where(*mine, *wanted).order_by(table.c.window_start))
    return [_cohort(row) for row in rows]


def until(tx: Tx, endpoint: str, subject: str, moment: datetime) -> list[Cohort]:
    """Return the cohorts of all versions that were counted last by then, the first counted first."""
    mine = select(table).where(table.c.endpoint == endpoint, table.c.subject == subject, table.c.counted_at <= moment)
    return [_cohort(row) for row in tx.execute(mine.order_by(table.c.counted_at, table.c.window_start))]


def newest(tx: Tx, endpoint: str, version: int, subject: str, *, coverage: float | None = None) -> Cohort | None:
    """Return the newest cohort of a version; with a coverage, the newest that has so many labels or awaits no more."""
    mine = select(table).where(*_mine(endpoint, version, subject))
    if coverage is not None:
        there = table.c.final | (table.c.labelled >= coverage * table.c.predicted)
        mine = mine.where(table.c.labelled > 0, there)
    row = tx.execute(mine.order_by(table.c.window_start.desc()).limit(1)).first()
    return None if row is None else _cohort(row)


def _mine(endpoint: str, version: int, subject: str) -> tuple[Any, ...]:
    return table.c.endpoint == endpoint, table.c.version == version, table.c.subject == subject


def _row(one: Cohort) -> dict[str, Any]:
    return {
        "endpoint": one.endpoint,
        "version": one.version,
        "window_start": one.window.start,
        "window_end": one.window.end,
        "requests": one.requests,
        "predicted": one.predicted,
        "labelled": one.truth.labelled,
        "well": one.well,
        "final": one.final,
        "reference": one.reference,
        "counted_at": one.counted_at,
        "subject": one.subject,
        "counts": {
            "right": one.truth.right,
            "confusion": astuple(one.truth.confusion),
            "sums": {name: astuple(sums) for name, sums in one.truth.sums.items()},
            "confidence": None if one.confidence is None else astuple(one.confidence),
        },
        "scores": pack(one.truth.scores.ravel()),
    }


def _cohort(row: Row[Any]) -> Cohort:
    counts = row.counts
    return Cohort(
        endpoint=row.endpoint,
        version=row.version,
        window=Window(row.window_start, row.window_end),
        requests=row.requests,
        predicted=row.predicted,
        truth=Truth(
            row.labelled,
            counts["right"],
            Confusion(*counts["confusion"]),
            _sums(counts["sums"]),
            unpack(row.scores).reshape(2, SCORE_BINS),
        ),
        confidence=None if counts["confidence"] is None else Sums(*counts["confidence"]),
        well=row.well,
        final=row.final,
        counted_at=row.counted_at,
        subject=row.subject,
        reference=row.reference,
    )


def _sums(written: Mapping[str, Sequence[float]]) -> dict[str, Sums]:
    return {name: Sums(int(n), total, squares, largest) for name, (n, total, squares, largest) in written.items()}
