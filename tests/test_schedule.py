"""APScheduler as we use it: nothing lost, nothing twice at once, and a stop that waits."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from daemon.schedule import Job, Schedule

SOON = 10.0


def now() -> datetime:
    return datetime.now(UTC)


def schedule(*jobs: Job, workers: int = 4) -> Schedule:
    made = Schedule(workers=workers, jitter=0)
    made.start(jobs, now=now())
    return made


def job(name: str, work: Callable[[], object], milliseconds: int = 20) -> Job:
    return Job(name, timedelta(milliseconds=milliseconds), work)


def test_a_job_runs_at_once_and_again_and_again() -> None:
    thrice = threading.Semaphore(0)
    made = schedule(job("a", thrice.release))
    assert all(thrice.acquire(timeout=SOON) for _ in range(3))
    made.stop()


def test_a_job_that_overruns_never_runs_twice_at_once() -> None:
    inside, worst, rounds, again = 0, 0, 0, threading.Event()
    release = threading.Event()

    def slow() -> None:
        nonlocal inside, worst, rounds
        inside += 1
        worst = max(worst, inside)
        rounds += 1
        if rounds == 1:
            release.wait(SOON)
        else:
            again.set()
        inside -= 1

    ticks = threading.Semaphore(0)
    made = schedule(job("slow", slow), job("other", ticks.release))
    assert all(ticks.acquire(timeout=SOON) for _ in range(5))
    assert (rounds, worst) == (1, 1)
    release.set()
    assert again.wait(SOON)
    made.stop()
    assert worst == 1


def test_a_job_that_found_no_free_worker_in_time_runs_late_and_is_not_lost() -> None:
    release, ran = threading.Event(), threading.Event()
    blockers = [job(f"blocker {n}", lambda: release.wait(SOON), 60_000) for n in range(2)]
    made = schedule(*blockers, job("late", ran.set, 60_000), workers=2)
    assert not ran.wait(1.5), "it ran although every worker was taken"
    release.set()
    assert ran.wait(SOON)
    made.stop()


def test_a_stop_waits_for_the_job_that_runs() -> None:
    entered, ended = threading.Event(), threading.Event()
    release = threading.Event()

    def work() -> None:
        entered.set()
        release.wait(SOON)
        ended.set()

    made = schedule(job("a", work, 60_000))
    assert entered.wait(SOON)
    stopping = threading.Thread(target=made.stop)
    stopping.start()
    assert not ended.is_set()
    release.set()
    stopping.join(SOON)
    assert ended.is_set()


def test_after_a_reload_only_the_new_jobs_run() -> None:
    old, new = threading.Semaphore(0), threading.Semaphore(0)
    made = schedule(job("old", old.release))
    assert old.acquire(timeout=SOON)
    made.replace([job("new", new.release)], now=now())
    while old.acquire(timeout=0.2):
        pass
    assert all(new.acquire(timeout=SOON) for _ in range(3))
    assert not old.acquire(blocking=False)
    made.stop()
