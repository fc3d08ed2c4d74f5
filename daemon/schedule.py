"""APScheduler's only door: jobs at intervals, on a bounded pool, none of them twice at once, none of them lost."""

import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Lock

from apscheduler.executors.pool import ThreadPoolExecutor as PoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.interval import IntervalTrigger

from daemon.domain.window import floor

ASIDE_WORKERS = 2
APART = timedelta(milliseconds=50)
"""Between the first runs of two jobs: not all ask at once."""
LEAST_APART = timedelta(seconds=5)
"""Between two runs of a job that were hastened: a hundred tags set in a second are one reason to look."""


@dataclass(frozen=True, slots=True)
class Job:
    name: str
    every: timedelta
    work: Callable[[], object]
    aside: bool = False
    """Runs on threads of its own: what tells people must not queue behind what waits for a workspace."""
    after: timedelta | None = None
    """Runs so long after every multiple of `every` since the epoch. None: counted from whenever it ran last."""


class Grid(BaseTrigger):  # type: ignore[misc]
    """Fires at fixed moments, and up to `jitter` later: neither that nor a late start makes the next one later."""

    __slots__ = ("_after", "_every", "_jitter")

    def __init__(self, every: timedelta, after: timedelta, jitter: timedelta) -> None:
        self._every, self._after, self._jitter = every, after, jitter

    def get_next_fire_time(self, _previous: datetime | None, now: datetime) -> datetime:
        edge = floor(now - self._after, self._every) + self._every + self._after
        return edge + random.random() * self._jitter


class Schedule:
    """Run jobs until stopped. A job that is late runs once, late; one that overruns delays itself, never overlaps."""

    def __init__(self, *, workers: int, jitter: float) -> None:
        self._jitter = jitter
        self._workers = workers
        self._scheduler = self._made()
        self._latest: datetime | None = None
        self._hastening, self._hastened = Lock(), dict[str, datetime]()
        # A job that overruns is skipped until it ends: that is what was asked for, and nothing to warn of.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)

    def start(self, jobs: Sequence[Job], *, now: datetime) -> None:
        self._latest = now
        self._fill(jobs, now)
        self._scheduler.start()

    def replace(self, jobs: Sequence[Job], *, now: datetime) -> None:
        """Swap all jobs. Those that run at this moment end by themselves."""
        self._scheduler.remove_all_jobs()
        self._fill(jobs, now)

    def heed(self, *, now: datetime) -> None:
        """Run every job now where the clock was set back: they would all wait for a moment that may be a day ahead."""
        if self._latest and now < self._latest:
            for n, job in enumerate(self._scheduler.get_jobs()):
                job.modify(next_run_time=now + n * APART)
        self._latest = now

    def hasten(self, names: Sequence[str], *, now: datetime) -> None:
        """Run these jobs now instead of later; those that were hastened a moment ago, a moment from then.

        One that runs at this moment runs again when it was going to: what it has not seen yet it will see then.
        """
        with self._hastening:
            for name in names:
                job = self._scheduler.get_job(name)
                soon = max(now, self._hastened.get(name, now - LEAST_APART) + LEAST_APART)
                if job is None or job.next_run_time is None or job.next_run_time <= soon:
                    continue
                self._hastened[name] = soon
                job.modify(next_run_time=soon)

    def stop(self) -> None:
        """Take no new job, and wait for those that run."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=True)

    def _made(self) -> BackgroundScheduler:
        # misfire_grace_time=None: APScheduler's own default drops a job that is a second late.
        # daemon=True: a worker that hangs in a remote call must not keep the process from ending.
        return BackgroundScheduler(
            executors={"default": PoolExecutor(self._workers), "aside": PoolExecutor(ASIDE_WORKERS)},
            job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1},
            timezone=UTC,
            daemon=True,
        )

    def _fill(self, jobs: Sequence[Job], now: datetime) -> None:
        for n, job in enumerate(jobs):
            self._scheduler.add_job(
                job.work,
                self._trigger(job),
                id=job.name,
                name=job.name,
                executor="aside" if job.aside else "default",
                next_run_time=now + n * APART,
            )

    def _trigger(self, job: Job) -> BaseTrigger:
        if job.after is not None:
            return Grid(job.every, job.after, self._jitter * job.every)
        seconds = job.every.total_seconds()
        return IntervalTrigger(seconds=seconds, jitter=self._jitter * seconds or None, timezone=UTC)
