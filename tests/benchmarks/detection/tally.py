"""Alarms in, what they cost out: false ones a year with their intervals, delays, thresholds that make peers equal."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Alarms = NDArray[np.bool_]
Floats = NDArray[np.float64]

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Rate:
    """A number a year, and the ends of its 95 % interval."""

    a_year: float
    low: float
    high: float
    count: int
    years: float


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """What a rule raised where nothing drifts."""

    hours: Rate
    """Hours of windows in which any column alarmed. The interval takes windows as independent, which those of one
    episode are not: believe that of the episodes."""
    episodes: Rate
    """Alarming windows in a row count once."""
    windows: int
    alarming: int


@dataclass(frozen=True, slots=True)
class Delay:
    """Windows from the onset to the alarm, the one that began with the onset being the first."""

    starts: int
    missed: int
    median: float | None
    """None where half or more of the starts were missed."""
    most: float | None
    """Nine of ten starts were found after so many; None where more than that were missed."""
    rows: float | None
    """The median in rows."""


def rate(count: int, years: float) -> Rate:
    """Return a yearly rate with the exact interval of a Poisson number; of none it is at most 3 / years."""
    tail = (1 - CONFIDENCE) / 2
    low = float(stats.chi2.ppf(tail, 2 * count)) / 2 if count else 0.0
    high = float(stats.chi2.ppf(1 - tail, 2 * count + 2)) / 2 if count else -float(np.log(1 - CONFIDENCE))
    return Rate(count / years, low / years, high / years, count, years)


def false_alarms(alarms: Alarms, hours_of_window: float) -> FalseAlarms:
    """Sum up alarms, shape (windows, columns), of an endpoint on which nothing drifted."""
    years = len(alarms) * hours_of_window / (365.25 * 24)
    alarming: Alarms = np.asarray(alarms.any(axis=1))
    count, begun = int(alarming.sum()), int(episodes(alarming))
    windows = rate(count, years)
    a_year, low, high = (hours_of_window * n for n in (windows.a_year, windows.low, windows.high))
    hours = Rate(a_year, low, high, count, years)
    return FalseAlarms(hours, rate(begun, years), len(alarms), count)


def episodes(alarming: Alarms) -> int:
    """Count the stretches of True."""
    return int(np.count_nonzero(alarming & ~np.concatenate(([False], alarming[:-1]))))


def delay(alarms: Alarms, rows: int) -> Delay:
    """Sum up alarms of the drifted column, shape (starts, windows since the onset)."""
    found = alarms.any(axis=1)
    at = np.where(found, alarms.argmax(axis=1) + 1.0, np.inf)
    median, most = (_finite(np.quantile(at, q, method="inverted_cdf")) for q in (0.5, 0.9))
    missed = int((~found).sum())
    return Delay(len(alarms), missed, median, most, None if median is None else median * rows)


def threshold_without(calm: Floats) -> float:
    """Return the lowest threshold, to be exceeded, at which no calm score would have alarmed."""
    return float(np.nanmax(calm)) if np.isfinite(calm).any() else np.inf


def thresholds(calm: Floats, steps: int) -> Floats:
    """Return thresholds to sweep: from one that a tenth of the calm scores exceed to one that none does."""
    held = calm[np.isfinite(calm)]
    return np.quantile(held, 1 - np.geomspace(0.1, 1 / max(10, held.size), steps)) if held.size else np.empty(0)


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
