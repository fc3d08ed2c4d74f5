"""Findings: for every endpoint, version and check, the trail of its answers."""

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, select

from daemon.domain.finding import CAUSES, Against, Cause, Check, Finding, Reason, Statistic, Verdict
from daemon.domain.trail import Phase, Trail
from daemon.domain.window import Window
from daemon.store.engine import Tx
from daemon.store.tables import finding as table
from daemon.store.upsert import upsert

ILL = tuple(phase for phase in Phase if phase.trouble)


def trails(tx: Tx, endpoint: str, version: int) -> dict[Check, Trail]:
    mine = (table.c.endpoint == endpoint) & (table.c.version == version)
    found = (_trail(row) for row in tx.execute(select(table).where(mine)))
    return {trail.last.check: trail for trail in found}


def save(tx: Tx, trails: Iterable[Trail]) -> None:
    """Write the trails over those of the same endpoint, version and check."""
    rows = [_row(trail) for trail in trails]
    if rows:
        tx.execute(upsert(tx, table), rows)


def close_others(tx: Tx, endpoint: str, versions: Collection[int]) -> None:
    """Forget the trails of all versions but these: a trail ends with its subject."""
    tx.execute(delete(table).where(table.c.endpoint == endpoint, table.c.version.not_in(versions)))


def ill(tx: Tx, cause: Cause, since: datetime) -> dict[str, list[Trail]]:
    """Return the whole fleet's trails in trouble of this cause whose newest window ended at `since` or later."""
    statistics = [statistic for statistic, why in CAUSES.items() if why is cause]
    wanted = (table.c.phase.in_(ILL), table.c.statistic.in_(statistics), table.c.newest >= since)
    by_endpoint: dict[str, list[Trail]] = {}
    for row in tx.execute(select(table).where(*wanted).order_by(*table.primary_key)):
        by_endpoint.setdefault(row.endpoint, []).append(_trail(row))
    return by_endpoint


def recent(tx: Tx, endpoint: str) -> list[Trail]:
    """Return every trail of the endpoint, by version and check."""
    rows = tx.execute(select(table).where(table.c.endpoint == endpoint).order_by(*table.primary_key))
    return [_trail(row) for row in rows]


def _row(trail: Trail) -> dict[str, Any]:
    last = trail.last
    return {
        "endpoint": last.endpoint,
        "version": last.version,
        "column_name": last.check.column,
        "statistic": last.check.statistic,
        "window_start": last.window.start,
        "window_end": last.window.end,
        "verdict": last.verdict,
        "reason": last.reason,
        "n": last.n,
        "value": last.statistic,
        "bound": last.bound,
        "threshold": last.threshold,
        "against": last.against,
        "against_version": last.against_version,
        "reported": last.reported,
        "phase": trail.phase,
        "since": trail.since,
        "recent": trail.recent,
        "newest": trail.newest,
        "seen": trail.seen,
        "cleared": trail.cleared,
        "flaps": trail.flaps,
        "flapping": trail.flapping,
        "subject": trail.subject,
        "warned": trail.warned,
    }


def _trail(row: Row[Any]) -> Trail:
    return Trail(
        last=_finding(row),
        phase=Phase(row.phase),
        since=row.since,
        recent=tuple(Verdict(word) for word in row.recent),
        newest=row.newest,
        seen=row.seen,
        cleared=row.cleared,
        flaps=row.flaps,
        flapping=row.flapping,
        subject=row.subject,
        warned=row.warned,
    )


def _finding(row: Row[Any]) -> Finding:
    return Finding(
        endpoint=row.endpoint,
        version=row.version,
        check=Check(Statistic(row.statistic), row.column_name),
        window=Window(row.window_start, row.window_end),
        verdict=Verdict(row.verdict),
        reason=Reason(row.reason),
        n=row.n,
        statistic=row.value,
        bound=row.bound,
        threshold=row.threshold,
        against=Against(row.against),
        against_version=row.against_version,
        warns=row.warned is not None,
        # a non-finite number is kept as a word
        reported=tuple((name, float(number)) for name, number in row.reported),
    )
