"""Is it by chance that no request comes? What an endpoint's own windows say about it. Pure.

Hours in which it is usually silent do not count, be it for the night or the weekend. Of the others a silence is counted
window by window, and told where it is longer than any on record and too long to be chance (`detectors.dead_man`).
"""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon.domain.window import floor
from detectors import share
from detectors.dead_man import failures_in_a_row

RECORD = timedelta(days=28)
"""How far back its own record goes."""
LEAST = timedelta(days=7)
"""Without a week on record nobody can tell a silence from a Sunday."""
Phase = tuple[bool, int]
"""Whether at the weekend, and the hour of the day, in UTC."""


@dataclass(frozen=True, slots=True)
class Silence:
    """A silence that is hardly chance."""

    since: datetime
    windows: int
    """Windows without a request, in hours in which there usually is one."""
    usual: float
    """How often such a window is empty, at most, by the record."""

    @property
    def magnitude(self) -> float:
        """So many in a row are chance once in ten to the power of this, at most."""
        return -self.windows * math.log10(self.usual)


def silence(
    busy: Collection[datetime],
    *,
    since: datetime,
    until: datetime,
    window: timedelta,
    looks_per_year: float,
    alpha: float,
) -> Silence | None:
    """Return the silence from `since` to `until`, None where it may be chance.

    Parameters
    ----------
    busy
        Starts of the windows that had a request.
    since, until
        End of the last of them, and of the newest window that has settled.
    alpha
        How often a look may tell of one by chance.
    """
    silent = _starts(since, until, window)
    if not busy:
        return None
    record = _starts(max(min(busy), since - RECORD), since, window)
    if len(record) * window < LEAST:
        return None
    usual = _usual(record, busy)
    counted = _counted(silent, usual)
    longest = max((len(_counted(run, usual)) for run in _runs(record, busy)), default=0)
    if len(counted) <= longest:
        return None
    often = max(usual[_phase(start)] for start in counted)
    needed = failures_in_a_row(often, looks_per_year=looks_per_year, false_alarms_per_year=alpha * looks_per_year)
    return Silence(since, len(counted), often) if len(counted) >= needed else None


def _starts(since: datetime, until: datetime, window: timedelta) -> list[datetime]:
    first = floor(since, window)
    return [first + n * window for n in range(max(0, (until - first) // window))]


def _phase(start: datetime) -> Phase:
    return start.weekday() >= 5, start.hour


def _usual(record: Sequence[datetime], busy: Collection[datetime]) -> Mapping[Phase, float]:
    """Return how often a window of each phase is empty, at most. One that never was has one rate for all phases."""
    all_of = Counter(_phase(start) for start in record)
    empty = Counter(_phase(start) for start in record if start not in busy)
    if not empty:
        return dict.fromkeys(all_of, share.upper_bound(0, len(record), 1e-3))
    return {phase: share.upper_bound(empty[phase], n, 1e-3) for phase, n in all_of.items()}


def _counted(silent: Sequence[datetime], usual: Mapping[Phase, float]) -> list[datetime]:
    """Leave out the hours that are as likely silent as not, and those that are not on record."""
    return [start for start in silent if usual.get(_phase(start), 1.0) < 0.5]


def _runs(record: Sequence[datetime], busy: Collection[datetime]) -> list[list[datetime]]:
    runs: list[list[datetime]] = [[]]
    for start in record:
        if start in busy:
            runs.append([])
        else:
            runs[-1].append(start)
    return runs
