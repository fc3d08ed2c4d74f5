"""Counts in bins, now and before, in; bars that a person can read, out."""

import math
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from daemon.domain.finding import Statistic
from daemon.domain.profile import Counts
from daemon.picture.scene import Bar, Bars, Gap
from detectors import latency
from detectors.bins import Bins, CategoricalBins, NumericBins

STRETCHES = 24
"""The most bars over a line."""
NAMES = 12
"""The most names. What is left of them is one bar."""
ENDS = 0.005
"""The share of either distribution that is left to the open bar at each end: one absurd value stretches no scale."""
Shares = NDArray[np.float64]


def of_column(name: str, bins: Bins, before: Counts, now: Counts) -> Bars:
    """Return the bars of a column's values, those without a value left out."""
    values_before, values_now = shares(bins.without_missing(before)), shares(bins.without_missing(now))
    if isinstance(bins, CategoricalBins):
        return Bars(name, _names(bins, values_before, values_now), line=False)
    if np.count_nonzero(values_before + values_now) <= STRETCHES:
        return Bars(name, _values(bins, values_before, values_now), line=True)
    return _line(name, bins, values_before, values_now)


MISSING = {
    Statistic.NULLS: "null",
    Statistic.UNSEEN: "never seen before",
    Statistic.NON_FINITE: "not finite",
}

BROKEN = {
    Statistic.OUT_OF_RANGE: "out of range",
    Statistic.WRONG_TYPE: "of another type",
    Statistic.MISSING_COLUMN: "without the column",
    Statistic.NEW_COLUMN: "with a new column",
    Statistic.DUPLICATES: "repeated",
    Statistic.UNREADABLE: "not to be read",
}


def missing_bin(bins: Bins, statistic: Statistic) -> int:
    """Return where the rows are counted that have no value of this kind."""
    if statistic is Statistic.NULLS:
        return bins.null_bin
    return bins.unseen_bin if isinstance(bins, CategoricalBins) else bins.non_finite_bin


def of_share(what: str, other: str, before: tuple[int, int], now: tuple[int, int]) -> Bars:
    """Return two bars: so many of so many that are something, and the others."""
    p, q = (k / n if n else 0.0 for k, n in (before, now))
    rest = [1 - share if n else 0.0 for share, n in ((p, before[1]), (q, now[1]))]
    return Bars("", (Bar(what, p, q), Bar(other, rest[0], rest[1])), line=False)


def of_latency(before: Counts, now: Counts) -> Bars:
    """Return the bars of a latency histogram: each a half longer or twice as long as the one before."""
    p, q = shares(before), shares(now)
    held = np.flatnonzero(np.maximum(_within(p), _within(q)))
    first, last = (int(held[0]), int(held[-1])) if held.size else (0, 0)
    each = next(size for size in (1, 2, 4, 8, 16) if (last - first) // size + 1 <= STRETCHES - 2 or size == 16)
    cuts = [0, *range(first, last + 1, each), min(last + each, latency.BUCKETS), latency.BUCKETS]
    bars = []
    for start, end in pairwise(sorted(set(cuts))):
        begins = "" if start == 0 else f"{latency.upper_ms(start - 1):.3g}"
        ends = "" if end == latency.BUCKETS else f"{latency.upper_ms(end - 1):.3g}"
        bars.append(Bar(_stretch(begins, ends), float(p[start:end].sum()), float(q[start:end].sum()), begins))
    return Bars("latency in ms", tuple(bars), line=True)


def shares(counts: Counts) -> Shares:
    return np.asarray(counts / max(int(counts.sum()), 1), dtype=np.float64)


def _names(bins: CategoricalBins, before: Shares, now: Shares) -> tuple[Bar, ...]:
    """Return the categories with the largest share, and in one bar what is neither of them nor new."""
    order = sorted(range(len(bins.categories)), key=lambda i: -max(before[i], now[i]))
    shown = order[:NAMES]
    bars = [Bar(bins.categories[i] or "(empty)", float(before[i]), float(now[i])) for i in shown]
    rest = [*order[NAMES:], bins.other_bin]
    others = Bar("all others", float(before[rest].sum()), float(now[rest].sum()))
    new = Bar("never seen before", float(before[bins.unseen_bin]), float(now[bins.unseen_bin]))
    return (*bars, *(bar for bar in (others, new) if bar.before or bar.now))


def _values(bins: NumericBins, before: Shares, now: Shares) -> tuple[Bar, ...]:
    """Return one bar a bin where few hold anything: a value that has a bin of its own is named by itself."""
    bounds = ["", *map(_number, bins.edges), ""]
    alone = {i for i, (a, b) in enumerate(pairwise(bins.edges), start=1) if math.nextafter(b, -math.inf) == a}
    labels = [bounds[i + 1] if i in alone else _stretch(bounds[i], bounds[i + 1]) for i in range(bins.finite)]
    bars = zip(labels, before.tolist(), now.tolist(), strict=True)
    return tuple(Bar(label, p, q) for label, p, q in bars if p or q) or (Bar("any", 0.0, 0.0),)


def _line(name: str, bins: NumericBins, before: Shares, now: Shares) -> Bars:
    """Return equal stretches of the line. Within a bin, rows are taken to lie evenly."""
    edges = np.asarray(bins.edges)
    below = np.cumsum(before)[:-1], np.cumsum(now)[:-1]
    cuts = _cuts(edges, *below)
    p, q = (_between(cuts, edges, known, total.sum()) for known, total in zip(below, (before, now), strict=True))
    bounds = ["", *map(_number, cuts), ""]
    bars = [Bar(_stretch(a, b), float(x), float(y), a) for (a, b), x, y in zip(pairwise(bounds), p, q, strict=True)]
    return Bars(name, tuple(bars), line=True, gap=_gap(cuts, edges, *below) if before.any() and now.any() else None)


def _cuts(edges: Shares, *below: Shares) -> list[float]:
    """Return round numbers at equal distances, over all but the ends of both distributions.

    They lie within the edges: where the rows of an open bin lie is not known.
    """
    held = np.concatenate([edges[(share >= ENDS) & (share <= 1 - ENDS)] for share in below])
    low, high = (float(held.min()), float(held.max())) if held.size else (float(edges[0]), float(edges[-1]))
    step = _round_step((high - low) / (STRETCHES - 2) or abs(high) or 1.0)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [float(f"{i * step:.12g}") for i in range(first, last + 1)] or [low]


def _round_step(least: float) -> float:
    size = 10.0 ** math.floor(math.log10(least))
    return next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= least * (1 - 1e-9))


def _between(cuts: Sequence[float], edges: Shares, below: Shares, total: float) -> Shares:
    return np.diff(np.concatenate(([0.0], np.interp(cuts, edges, below), [total])))


def _gap(cuts: Sequence[float], edges: Shares, before: Shares, now: Shares) -> Gap:
    widest = int(np.argmax(np.abs(before - now)))
    at = float(np.interp(edges[widest], cuts, np.arange(1, len(cuts) + 1)))
    shown = f"{_percent(before[widest])} lay at or below it before, {_percent(now[widest])} do now"
    return Gap(at, f"furthest apart at {_number(float(edges[widest]))}: {shown}")


def _within(share: Shares) -> Shares:
    """Blank out the ends."""
    below = np.cumsum(share)
    return np.where((below >= ENDS) & (below - share <= 1 - ENDS), share, 0.0)


def _stretch(begins: str, ends: str) -> str:
    if not begins:
        return f"up to {ends}" if ends else "any"
    return f"{begins} .. {ends}" if ends else f"above {begins}"


def _number(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 1e5 or abs(value) >= 1e9 else f"{value:,.0f}"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
