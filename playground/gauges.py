"""What an endpoint exports of itself: gauges of the last minute, in Prometheus' text format.

They know of every request, also of one that was turned away before a model was asked and is in no inference table.
"""

import os
import resource
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta

_MINUTE = timedelta(minutes=1)
_KIB = 1024
PROVISIONED = 4
"""Requests that a small endpoint can work on at once."""


@dataclass(frozen=True)
class Answered:
    """One request, as it looks from the door."""

    at: datetime
    status: int
    ms: float


class Gauges:
    """The newest requests of one endpoint."""

    def __init__(self) -> None:
        self._answered: deque[Answered] = deque()

    def add(self, one: Answered) -> None:
        """Count one request, and forget those that no gauge tells of any more."""
        self._answered.append(one)
        while self._answered[0].at < one.at - 2 * _MINUTE:
            self._answered.popleft()

    def text(self, endpoint: str, now: datetime) -> str:
        """Return the export, stamped with the end of the minute that it tells of."""
        newest = [one for one in self._answered if now - _MINUTE < one.at <= now]
        busy = sum(one.ms for one in newest) / (PROVISIONED * _MINUTE / timedelta(milliseconds=1))
        gauges = {
            "request_count_total": len(newest),
            "request_4xx_count_total": sum(400 <= one.status < 500 for one in newest),
            "request_5xx_count_total": sum(one.status >= 500 for one in newest),
            "cpu_usage_percentage": round(100 * min(1.0, busy), 3),
            "mem_usage_percentage": round(_memory_percent(), 3),
            "provisioned_concurrent_requests_total": PROVISIONED,
        }
        stamp = round(now.timestamp() * 1000)
        lines = []
        for name, value in gauges.items():
            lines += [f"# TYPE {name} gauge", f'{name}{{endpoint_name="{endpoint}"}} {value} {stamp}']
        return "\n".join(lines) + "\n"


def _memory_percent() -> float:
    """Return how much of the machine this process has taken at most: the models lie in its memory."""
    taken = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB
    return 100 * taken / (os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
