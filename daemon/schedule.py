"""APScheduler's only door: jobs at intervals, on a bounded pool, none of them twice at once, none of them lost."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor as PoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

ASIDE_WORKERS = 2


@dataclass(frozen=True, slots=True)
class Job:
    name: str
    every: timedelta
    work: Callable[[], object]
    aside: bool = False
    """Runs on threads of its own: what tells people must not queue behind what waits for a workspace."""


class Schedule:
    """Run jobs until stopped. A job that is late runs once, late; one that overruns delays itself, never overlaps."""

    def __init__(self, *, workers: int, jitter: float) -> None:
        self._jitter = jitter
        self._workers = workers
        self._scheduler = self._made()
        # A job that overruns is skipped until it ends: that is what was asked for, and nothing to warn of.
        logging.getLogger("apscheduler").setLevel(logging.ERROR)

    def start(self, jobs: Sequence[Job], *, now: datetime) -> None:
        self._fill(jobs, now)
        self._scheduler.start()

    def replace(self, jobs: Sequence[Job], *, now: datetime) -> None:
        """Swap all jobs. Those that run at this moment end by themselves."""
        self._scheduler.remove_all_jobs()
        self._fill(jobs, now)

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
            seconds = job.every.total_seconds()
            self._scheduler.add_job(
                job.work,
                "interval",
                id=job.name,
                name=job.name,
                executor="aside" if job.aside else "default",
                seconds=seconds,
                jitter=self._jitter * seconds or None,
                next_run_time=now + timedelta(milliseconds=50 * n),
            )
