"""Profiles: one row for each endpoint, version and window, whose counts are replaced whole and never added to."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import reduce
from operator import add
from typing import Any

import numpy as np
from sqlalchemy import BigInteger, ColumnElement, Row, func, select, type_coerce

from daemon.domain.baseline import Baseline
from daemon.domain.finding import Verdict
from daemon.domain.profile import Counts, Coverage, Health, Profile
from daemon.domain.window import Window
from daemon.store.blob import pack, unpack
from daemon.store.engine import Tx
from daemon.store.tables import baseline as baselines
from daemon.store.tables import profile as table
from daemon.store.types import MICROSECOND, UtcTime
from daemon.store.upsert import upsert


def save(tx: Tx, profiles: Sequence[Profile]) -> None:
    """Write the profiles. One of the same endpoint, version and window gives way: a window read again counts once."""
    names = _column_names(tx, {profile.baseline_id for profile in profiles if profile.baseline_id is not None})
    rows = [_row(profile, names) for profile in profiles]
    if rows:
        tx.execute(upsert(tx, table), rows)


def requests(
    tx: Tx, endpoint: str, since: datetime, *, length: timedelta | None = None
) -> dict[tuple[datetime, int], int]:
    """Return (start of the window, version) -> requests, to compare with what the inference table has by now.

    With a length, windows of another are left out: they were profiled under other settings.
    """
    columns = select(table.c.window_start, table.c.window_end, table.c.version, table.c.requests)
    rows = tx.execute(columns.where(table.c.endpoint == endpoint, table.c.window_start >= since))
    return {
        (row.window_start, row.version): row.requests
        for row in rows
        if length is None or row.window_end - row.window_start == length
    }


def answered(
    tx: Tx, endpoint: str, since: datetime, *, length: timedelta
) -> dict[tuple[datetime, int], tuple[int, int]]:
    """Return (start of the window, version) -> requests and errors, of the windows of this length since then."""
    failed = table.c.errors_4xx + table.c.errors_5xx
    columns = select(table.c.window_start, table.c.window_end, table.c.version, table.c.requests, failed)
    rows = tx.execute(columns.where(table.c.endpoint == endpoint, table.c.window_start >= since))
    return {(start, v): (requests, errors) for start, end, v, requests, errors in rows if end - start == length}


def records(tx: Tx, endpoint: str, *, since: datetime) -> dict[int, tuple[int, datetime]]:
    """Return version -> the records that were counted of it in windows since then, and when the first of them began."""
    columns = select(table.c.version, table.c.window_start, table.c.coverage)
    found: dict[int, tuple[int, datetime]] = {}
    for version, start, coverage in tx.execute(
        columns.where(table.c.endpoint == endpoint, table.c.window_start >= since).order_by(table.c.window_start)
    ):
        counted, first = found.get(version, (0, start))
        found[version] = (counted + coverage["records"], first)
    return found


def load(
    tx: Tx,
    endpoint: str,
    version: int,
    *,
    since: datetime,
    until: datetime,
    baseline: Baseline | None,
) -> list[Profile]:
    """Return the profiles of the windows that lie within `[since, until)`, oldest first.

    Counts in the bins of another baseline mean nothing in those of this one: such profiles come without columns.
    """
    mine = (table.c.endpoint == endpoint) & (table.c.version == version)
    within = (table.c.window_start >= since) & (table.c.window_end <= until)
    rows = tx.execute(select(table).where(mine, within).order_by(table.c.window_start, table.c.window_end))
    layout = Layout.of(baseline)
    return [_profile(row, layout) for row in rows]


def between(
    tx: Tx, endpoint: str, since: datetime, until: datetime, *, length: timedelta, known: Mapping[int, Baseline]
) -> list[Profile]:
    """Return the profiles of every version, of windows of this length within `[since, until)`, oldest first.

    `known`: baselines by their id. Counts in the bins of one that is not among them are left out.
    """
    within = (table.c.endpoint == endpoint, table.c.window_start >= since, table.c.window_end <= until)
    rows = tx.execute(select(table).where(*within).order_by(table.c.window_start, table.c.version))
    layouts = {baseline_id: Layout.of(baseline) for baseline_id, baseline in known.items()}
    return [_profile(r, layouts.get(r.baseline_id)) for r in rows if r.window_end - r.window_start == length]


def calm(tx: Tx, baseline: Baseline, *, until: datetime, newest: int, length: timedelta) -> list[Profile]:
    """Return the newest windows of this length in the baseline's bins that ended by `until` and were not in breach.

    The oldest comes first.
    """
    asked = select(table).where(*_calm(baseline, until, length)).order_by(table.c.window_end.desc())
    layout = Layout.of(baseline)
    return [_profile(row, layout) for row in tx.execute(asked.limit(newest))][::-1]


def count_calm(tx: Tx, baseline: Baseline, *, until: datetime, length: timedelta) -> tuple[int, datetime]:
    """Return how many windows `calm` could, and when the oldest of them began; `until` where there is none."""
    asked = select(func.count(), func.min(table.c.window_start, type_=UtcTime)).where(*_calm(baseline, until, length))
    count, oldest = tx.execute(asked).one()
    return count, oldest or until


def _calm(baseline: Baseline, until: datetime, length: timedelta) -> tuple[ColumnElement[bool], ...]:
    mine, ended = table.c.baseline_id == baseline.id, type_coerce(table.c.window_end, BigInteger)
    alike = ended - type_coerce(table.c.window_start, BigInteger) == length // MICROSECOND
    return mine, alike, table.c.window_end <= until, table.c.counts.is_not(None), table.c.steady != Verdict.BREACH


def health_before(tx: Tx, endpoint: str, version: int, *, until: datetime, windows: int) -> Health | None:
    """Return the health of the newest windows that ended by `until`, summed; None where there is none.

    Windows without requests say nothing, and those in breach are not what a version shall be remembered by.
    """
    mine = (table.c.endpoint == endpoint) & (table.c.version == version)
    told = (table.c.window_end <= until) & (table.c.requests > 0) & (table.c.healthy != Verdict.BREACH)
    columns = select(table.c.requests, table.c.errors_4xx, table.c.errors_5xx, table.c.latency)
    rows = tx.execute(columns.where(mine, told).order_by(table.c.window_start.desc()).limit(windows))
    parts = [_health(row) for row in rows]
    return reduce(add, parts) if parts else None


def judged(tx: Tx, endpoint: str, version: int, since: datetime) -> list[tuple[Window, Verdict, int]]:
    """Return the version's windows that began at `since` or later: how healthy, on how many requests, oldest first."""
    mine = (table.c.endpoint == endpoint) & (table.c.version == version)
    columns = select(table.c.window_start, table.c.window_end, table.c.healthy, table.c.requests)
    rows = tx.execute(columns.where(mine, table.c.window_start >= since).order_by(table.c.window_start))
    return [(Window(row.window_start, row.window_end), Verdict(row.healthy), row.requests) for row in rows]


def _column_names(tx: Tx, ids: Collection[int]) -> dict[int, list[str]]:
    """Return, for each baseline, its columns in their order: that in which a profile's counts are joined."""
    rows = tx.execute(select(baselines.c.id, baselines.c.columns).where(baselines.c.id.in_(ids))) if ids else ()
    return {row.id: list(row.columns) for row in rows}


def _row(profile: Profile, names: Mapping[int, list[str]]) -> dict[str, Any]:
    return {
        "endpoint": profile.endpoint,
        "version": profile.version,
        "window_start": profile.window.start,
        "window_end": profile.window.end,
        "requests": profile.health.requests,
        "errors_4xx": profile.health.errors_4xx,
        "errors_5xx": profile.health.errors_5xx,
        "latency": pack(profile.health.latency),
        "coverage": asdict(profile.coverage),
        "baseline_id": profile.baseline_id,
        "healthy": profile.healthy,
        "steady": profile.steady,
        "counts": _joined(profile, names) if profile.columns else None,
    }


def _joined(profile: Profile, names: Mapping[int, list[str]]) -> bytes:
    order = [] if profile.baseline_id is None else names.get(profile.baseline_id, [])
    if profile.columns.keys() != set(order):
        raise ValueError(f"the columns of a profile are not those of its baseline {profile.baseline_id}")
    return pack(np.concatenate([profile.columns[name] for name in order]))


def _profile(row: Row[Any], layout: "Layout | None") -> Profile:
    ours = layout is not None and row.baseline_id == layout.baseline_id and row.counts is not None
    return Profile(
        endpoint=row.endpoint,
        version=row.version,
        window=Window(row.window_start, row.window_end),
        health=_health(row),
        coverage=Coverage(**row.coverage),
        baseline_id=row.baseline_id,
        columns=layout.split(unpack(row.counts)) if ours and layout else {},
        healthy=Verdict(row.healthy),
        steady=Verdict(row.steady),
    )


def _health(row: Row[*tuple[Any, ...]]) -> Health:
    return Health(row.requests, row.errors_4xx, row.errors_5xx, unpack(row.latency))


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each column of a baseline has its counts in what is stored, for many profiles at once."""

    baseline_id: int | None
    places: Mapping[str, slice]
    size: int

    @classmethod
    def of(cls, baseline: Baseline | None) -> "Layout | None":
        if baseline is None:
            return None
        places, start = {}, 0
        for name, column in baseline.columns.items():
            places[name] = slice(start, start + column.bins.size)
            start = places[name].stop
        return cls(baseline.id, places, start)

    def split(self, counts: Counts) -> dict[str, Counts]:
        if counts.size != self.size:
            raise ValueError(f"{counts.size} counts do not fit the {self.size} bins of baseline {self.baseline_id}")
        return {name: counts[place] for name, place in self.places.items()}
