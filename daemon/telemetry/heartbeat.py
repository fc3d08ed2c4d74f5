"""Heartbeats: the loops' beats come in, the names of those that stand still go out."""

from datetime import timedelta
from threading import Lock

GRACE = timedelta(seconds=60)
MISSED = 3


class Heartbeats:
    """A loop stands still when it has not beaten for three intervals and a grace.

    The times are a monotonic clock's seconds: a jump of the wall clock is no sign of life or death.
    """

    def __init__(self, grace: timedelta = GRACE) -> None:
        self._grace = grace.total_seconds()
        self._allowed: dict[str, float] = {}
        self._last: dict[str, float] = {}
        self._lock = Lock()

    def expect(self, loop: str, every: timedelta, now_monotonic: float) -> None:
        """Count on a beat `every` so often, the first from now: a loop that never starts stands still too."""
        with self._lock:
            self._allowed[loop] = MISSED * every.total_seconds() + self._grace
            self._last.setdefault(loop, now_monotonic)

    def beat(self, loop: str, now_monotonic: float) -> None:
        with self._lock:
            if loop in self._allowed:
                self._last[loop] = max(self._last[loop], now_monotonic)

    def clear(self, loop: str) -> None:
        """Count on the loop no more."""
        with self._lock:
            self._allowed.pop(loop, None)
            self._last.pop(loop, None)

    def stalled(self, now_monotonic: float) -> list[str]:
        with self._lock:
            return sorted(loop for loop, s in self._allowed.items() if now_monotonic - self._last[loop] > s)
