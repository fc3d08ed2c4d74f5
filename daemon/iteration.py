"""One iteration of a loop, made safe: timed, counted, logged, and postponed where it fails."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon.domain.event import Event, Severity
from daemon.ports import PlatformError
from daemon.store import events
from daemon.store.engine import Store, StoreError
from daemon.telemetry import log
from daemon.telemetry.heartbeat import Heartbeats
from daemon.telemetry.metrics import Metrics

FIRST_WAIT = timedelta(seconds=5)
LONGEST_WAIT = timedelta(minutes=10)
TOLD_AFTER = 3
"""Failures in a row after which people are told. A permanent one is told at once: no retry will cure it."""


@dataclass(frozen=True, slots=True)
class Clock:
    """The time, read in `app` and nowhere else."""

    now: Callable[[], datetime]
    monotonic: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Told:
    """What an iteration has to say: a sentence and its numbers. A quiet one is for the debug log only."""

    sentence: str
    numbers: dict[str, object]
    quiet: bool = False


Work = Callable[[datetime], Told | None]


class Iteration:
    """A loop's unit of work on one subject. One that fails is postponed; the others go on."""

    def __init__(
        self,
        loop: str,
        endpoint: str,
        work: Work,
        *,
        every: timedelta,
        aside: bool = False,
        clock: Clock,
        metrics: Metrics,
        heartbeats: Heartbeats,
        store: Store,
    ) -> None:
        self.name = f"{loop}:{endpoint}" if endpoint else loop
        self.ran = False
        """Whether it has come to an end once, well or not."""
        self.every, self.aside = every, aside
        self._loop, self._endpoint, self._work = loop, endpoint, work
        self._clock, self._metrics, self._heartbeats, self._store = clock, metrics, heartbeats, store
        self._log = log.get(f"daemon.{loop}")
        self._failures, self._told = 0, False
        self._first_failure: datetime | None = None
        self._not_before: datetime | None = None
        heartbeats.expect(self.name, every, clock.monotonic())

    def __call__(self) -> None:
        now, started = self._clock.now(), self._clock.monotonic()
        if self._not_before and self._not_before - LONGEST_WAIT <= now < self._not_before:
            self._heartbeats.beat(self.name, started)
            return
        self._heartbeats.begin(self.name, started)
        try:
            told = self._work(now)
        except Exception as error:
            self._failed(error, now)
        else:
            self._went_well(told, now)
        ended = self._clock.monotonic()
        self._metrics.cycle_ended(
            self._loop,
            result="failed" if self._failures else "ok",
            seconds=ended - started,
            now=now,
            endpoint=self._endpoint,
        )
        self._heartbeats.beat(self.name, ended)
        self.ran = True

    def _went_well(self, told: Told | None, now: datetime) -> None:
        if self._told or self._failures >= TOLD_AFTER:
            self._tell("recovered", Severity.INFO, "works again", now)
        self._failures, self._told, self._first_failure, self._not_before = 0, False, None, None
        if told is not None:
            (self._log.debug if told.quiet else self._log.info)(told.sentence, **told.numbers)

    def _failed(self, error: Exception, now: datetime) -> None:
        self._failures += 1
        self._first_failure = self._first_failure or now
        doubled = FIRST_WAIT * 2 ** min(self._failures - 1, 10)
        wait = min(doubled, max(self.every, FIRST_WAIT), LONGEST_WAIT)
        self._not_before = now + wait
        expected = isinstance(error, PlatformError | StoreError)
        self._log.error(
            f"{self.name} failed: {error}",
            failures=self._failures,
            next_try_s=round(wait.total_seconds(), 1),
            exc_info=None if expected else error,
        )
        permanent = isinstance(error, PlatformError) and error.permanent
        if not self._told and (permanent or self._failures >= TOLD_AFTER):
            self._told = self._tell("failing", Severity.WARNING, f"cannot do its work: {error}", now)

    def _tell(self, what: str, severity: Severity, words: str, now: datetime) -> bool:
        key = f"{self.name}:{what}:{(self._first_failure or now).isoformat()}"
        event = Event(f"loop.{what}", severity, f"{self.name} {words}", now, self._endpoint, dedup_key=key)
        try:
            with self._store.begin() as tx:
                events.append(tx, event)
        except StoreError as error:
            self._log.error(f"the event could not be stored: {error}", event_kind=event.kind)
            return False
        return True
