"""A batch in, profiles out: one for each window of one served version, as counts in its baseline's bins. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from daemon.domain.baseline import Baseline, Segment
from daemon.domain.profile import Counts, Coverage, Health, Profile
from daemon.domain.sample import Batch, HealthCount, NumericColumn, Part
from daemon.domain.window import Window
from daemon.watch.columns import TypedColumn, taken
from daemon.watch.segments import rows_of
from detectors.bins import Bins, NumericBins


def profile(
    endpoint: str,
    version: int,
    parts: Sequence[Part],
    counts: Iterable[HealthCount],
    batch: Batch | None,
    baseline: Baseline | None,
    *,
    margin: float = 0.0,
) -> list[Profile]:
    """Sum up one served version, window by window, oldest first.

    `counts` are those of the version's own entities, `parts` what was sampled of them. A version without a baseline has
    no batch: its windows still have health. Numbers are out of range beyond the baseline's extremes by more than
    `margin`, a share of their span.
    """
    counts = list(counts)
    health, copies = _health(counts), Counter[Window]()
    for one in counts:
        copies[one.window] += one.copies
    profiles = []
    for window in sorted(health.keys() | {part.window for part in parts}):
        mine = np.array([part.window == window for part in parts], dtype=np.bool_)
        known = health.get(window, Health())
        coverage, columns = Coverage(known.requests), dict[str, Counts]()
        if batch is not None:
            where = None if mine.all() else mine[batch.part]
            records = len(batch.part) if where is None else int(np.count_nonzero(where))
            coverage = _coverage(batch, np.flatnonzero(mine).tolist(), known.requests, records)
            if baseline is not None:
                columns, outside = _columns(batch, where, baseline, margin)
                coverage = replace(coverage, out_of_range=outside)
        coverage = replace(coverage, copies=copies[window])
        baseline_id = baseline.id if baseline else None
        profiles.append(Profile(endpoint, version, window, known, coverage, baseline_id, columns))
    return profiles


def _health(counts: Iterable[HealthCount]) -> dict[Window, Health]:
    health: dict[Window, Health] = {}
    for count in counts:
        one = Health(count.requests, count.errors_4xx, count.errors_5xx, count.latency)
        health[count.window] = health[count.window] + one if count.window in health else one
    return health


def _coverage(batch: Batch, parts: Sequence[int], requests: int, records: int) -> Coverage:
    faults: Counter[str] = Counter()
    for part in parts:
        faults.update(batch.faults[part])
    sampled = sum(batch.sampled[part] for part in parts)
    decoded = sum(batch.requests[part] for part in parts)
    return Coverage(requests, sampled, decoded, records, dict(faults))


def _columns(
    batch: Batch, where: NDArray[np.bool_] | None, baseline: Baseline, margin: float
) -> tuple[dict[str, Counts], dict[str, int]]:
    """Return the counts of each column of the baseline, and how many of its numbers are out of range."""
    rows: dict[Segment | None, NDArray[np.bool_] | None] = {None: where}
    for segment in baseline.segments:
        if (within := rows_of(segment, batch.columns)) is not None:
            rows[segment] = within if where is None else within & where
    counted, outside = {}, {}
    for name, known in baseline.columns.items():
        column, bins = batch.columns.get(known.column.name), known.bins
        if column is None or known.within not in rows:
            continue
        if isinstance(column, NumericColumn) != isinstance(bins, NumericBins):
            continue
        if known.extremes is None or known.within or not isinstance(bins, NumericBins):
            counted[name] = count(bins, column, rows[known.within])
            continue
        # one count in finer bins tells both
        finer, beyond = _ranged(bins, known.extremes, margin)
        counts = count(finer, column, where)
        counted[name] = bins.from_finer(finer, counts)
        outside[name] = int(counts[beyond].sum())
    return counted, {name: n for name, n in outside.items() if n}


@lru_cache(maxsize=1024)
def _ranged(bins: NumericBins, extremes: tuple[float, float], margin: float) -> tuple[NumericBins, NDArray[np.intp]]:
    """Return the bins cut where the range begins and ends as well, and which of them lie beyond it."""
    low, high = extremes
    # half of each, because the span of two finite numbers need not be one
    reach = 2 * margin * (high / 2 - low / 2)
    below, above = np.nextafter(low - reach, -np.inf), high + reach
    finer = bins.finer((float(below), above))
    upper_edges = np.asarray((*finer.edges, np.inf))
    return finer, np.flatnonzero((upper_edges <= below) | (upper_edges > above))


def count(bins: Bins, column: TypedColumn, where: NDArray[np.bool_] | None = None) -> Counts:
    """Count the rows that have a value or a null; those that have neither are left out."""
    if column.present is not None:
        where = column.present if where is None else where & column.present
    if where is not None and not where.all():
        column = taken(column, where)
    if isinstance(column, NumericColumn):
        if not isinstance(bins, NumericBins):
            raise ValueError("numbers cannot be counted in the bins of categories")
        return bins.count(column.values, column.null)
    if isinstance(bins, NumericBins):
        raise ValueError("labels cannot be counted in the bins of numbers")
    return bins.count_codes(column.codes, column.dictionary)


def merge(profiles: Sequence[Profile]) -> Profile:
    """Add profiles of one served version, counted in the bins of one baseline, to that of the whole stretch.

    Raise ValueError where there are none, or of several.
    """
    if len({(p.endpoint, p.version, p.baseline_id) for p in profiles}) != 1:
        raise ValueError("only profiles of one served version and one baseline add up")
    first, *others = profiles
    health, coverage, columns = first.health, first.coverage, dict(first.columns)
    for other in others:
        health, coverage = health + other.health, coverage + other.coverage
        columns = _summed(columns, other.columns)
    window = Window(min(p.window.start for p in profiles), max(p.window.end for p in profiles))
    return Profile(first.endpoint, first.version, window, health, coverage, first.baseline_id, columns)


def _summed(a: Mapping[str, Counts], b: Mapping[str, Counts]) -> dict[str, Counts]:
    both = {name: a[name] + b[name] for name in a.keys() & b.keys()}
    return {**a, **b, **both}
