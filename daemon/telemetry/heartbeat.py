"""Heartbeats: what the loops begin and end comes in, the names of those that stand still go out."""

from datetime import timedelta
from threading import Lock

GRACE = timedelta(seconds=60)
LONGEST = timedelta(minutes=10)
MISSED = 3


class Heartbeats:
    """Two ways to stand still: to run for ever, or never to be run.

    A loop that runs stands still when it has run longer than `longest`: every remote call has an end, so this one has
    not. A loop that waits stands still when it has not ended for three intervals and a grace, unless all `workers` are
    taken: then those that run are to blame, or merely wait for a workspace that is away.

    The times are a monotonic clock's seconds: a jump of the wall clock is no sign of life or death.
    """

    def __init__(self, grace: timedelta = GRACE, *, longest: timedelta = LONGEST, workers: int = 1_000) -> None:
        self._grace, self._longest, self._workers = grace.total_seconds(), longest.total_seconds(), workers
        self._allowed: dict[str, float] = {}
        self._last: dict[str, float] = {}
        self._began: dict[str, float] = {}
        self._lock = Lock()

    def expect(self, loop: str, every: timedelta, now_monotonic: float) -> None:
        """Count on an end `every` so often, the first from now: a loop that never starts stands still too."""
        with self._lock:
            self._allowed[loop] = MISSED * every.total_seconds() + self._grace
            self._last.setdefault(loop, now_monotonic)

    def begin(self, loop: str, now_monotonic: float) -> None:
        with self._lock:
            self._began[loop] = now_monotonic

    def beat(self, loop: str, now_monotonic: float) -> None:
        """Note that the loop has come to the end of a round."""
        with self._lock:
            self._began.pop(loop, None)
            if loop in self._allowed:
                self._last[loop] = max(self._last[loop], now_monotonic)

    def clear(self, loop: str) -> None:
        """Count on the loop no more."""
        with self._lock:
            self._allowed.pop(loop, None)
            self._last.pop(loop, None)

    def stalled(self, now_monotonic: float) -> list[str]:
        with self._lock:
            endless = {loop for loop, began in self._began.items() if now_monotonic - began > self._longest}
            if len(self._began) >= self._workers:
                return sorted(endless)
            waiting = self._allowed.keys() - self._began.keys()
            missed = {loop for loop in waiting if now_monotonic - self._last[loop] > self._allowed[loop]}
            return sorted(endless | missed)
