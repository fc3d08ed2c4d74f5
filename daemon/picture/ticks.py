"""Where a scale is labelled: round numbers, and round moments."""

import math
from datetime import datetime, timedelta

from daemon.domain.window import EPOCH

STEPS = tuple(
    timedelta(minutes=m)
    for m in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 7 * 1440, 14 * 1440, 28 * 1440)
)


def numbers(highest: float, about: int) -> list[float]:
    """Return round numbers from 0 on, of which the last lies at or above `highest`."""
    if not highest > 0:
        return [0.0, 1.0]
    least = highest / about
    size = 10.0 ** math.floor(math.log10(least))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= least * (1 - 1e-9))
    return [float(f"{n * step:.9g}") for n in range(math.ceil(highest / step - 1e-9) + 1)]


def moments(first: datetime, last: datetime, most: int) -> list[tuple[datetime, str]]:
    """Return at most so many round moments between two, in UTC, each with what to call it."""
    step = next(
        (s for s in STEPS if (last - first) / s <= most - 1), STEPS[-1] * math.ceil((last - first) / STEPS[-1] / most)
    )
    start = first + (EPOCH - first) % step
    found = [start + n * step for n in range(most + 1) if start + n * step <= last] or [first]
    days = step >= timedelta(days=1)
    return [
        (when, _called(when, days=days, new_day=n == 0 or when.hour == when.minute == 0))
        for n, when in enumerate(found)
    ]


def _called(when: datetime, *, days: bool, new_day: bool) -> str:
    return f"{when:%b %d}" if days else f"{when:%b %d %H:%M}" if new_day else f"{when:%H:%M}"
