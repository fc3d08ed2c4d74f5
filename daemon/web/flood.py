"""Strangers, written down one by one while they are few, and counted when they are many: a flood fills no database."""

import asyncio
from collections.abc import Callable
from math import inf

from starlette.concurrency import run_in_threadpool

from daemon.telemetry import log
from daemon.web.desk import Desk, Stranger

MOST = 10
"""Written down one by one in a span; the rest of the span is one entry."""
SPAN_S = 60.0


class Flood:
    """Lives on the listener's own event loop; writes in threads, because a database can make one wait."""

    def __init__(self, desk: Desk, *, most: int, span_s: float) -> None:
        self._desk, self._most, self._span_s = desk, most, span_s
        self._began, self._seen, self._last = -inf, 0, Stranger("", "", "", "")
        self._log = log.get(__name__)

    async def note(self, stranger: Stranger) -> None:
        loop = asyncio.get_running_loop()
        over = loop.time() - self._began >= self._span_s
        rest, last = self._begin_anew(loop.time()) if over else (0, stranger)
        self._seen, self._last = self._seen + 1, stranger
        # nothing of the state is touched after the first wait: others come in meanwhile
        if self._seen == self._most + 1:
            loop.call_at(self._began + self._span_s, self._sum_up, self._began)
        alone = self._seen <= self._most
        await self._write_many(rest, last)
        if alone:
            await self._write(lambda: self._desk.turned_away(stranger))

    def close(self) -> None:
        """Write down what is still only counted. Call it when the event loop has ended."""
        rest, last = self._begin_anew(-inf)
        if rest:
            self._desk.turned_away_many(rest, last)

    def _sum_up(self, began: float) -> None:
        """End a span for which nobody came to end it."""
        if began == self._began:
            self._ending = asyncio.ensure_future(self._write_many(*self._begin_anew(-inf)))

    def _begin_anew(self, now: float) -> tuple[int, Stranger]:
        """Return how many were only counted, and the last of them."""
        rest, last = max(self._seen - self._most, 0), self._last
        self._began, self._seen = now, 0
        return rest, last

    async def _write_many(self, strangers: int, last: Stranger) -> None:
        if strangers:
            await self._write(lambda: self._desk.turned_away_many(strangers, last))

    async def _write(self, work: Callable[[], None]) -> None:
        """Write, and go on where that fails: whoever is turned away stays so."""
        try:
            await run_in_threadpool(work)
        except Exception as error:
            self._log.error(f"a stranger could not be recorded: {error}")
