"""APScheduler as we use it: nothing lost, nothing twice at once, and a stop that waits."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.window import EPOCH, floor
from daemon.schedule import LEAST_APART, Grid, Job, Schedule

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


def test_a_schedule_that_was_not_started_yet_heeds_the_clock_as_well() -> None:
    """A daemon that stands by has none that runs."""
    made = Schedule(workers=2, jitter=0)
    for at in (now(), now() - timedelta(days=1)):
        made.heed(now=at)
    ran = threading.Event()
    made.start([job("a", ran.set)], now=now())
    assert ran.wait(SOON)
    made.stop()


NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(
    ("at", "next_one"),
    [
        ("11:59:59", "12:02:00"),
        ("12:01:59", "12:02:00"),
        ("12:02:00", "12:07:00"),
        ("12:06:59", "12:07:00"),
        ("23:58:00", "00:02:00"),
    ],
)
def test_what_is_on_a_grid_fires_so_long_after_each_of_its_edges_however_late_it_ran(at: str, next_one: str) -> None:
    now = datetime.combine(NOON, time.fromisoformat(at), UTC)
    found = Grid(5 * MINUTE, 2 * MINUTE, timedelta()).get_next_fire_time(None, now)
    assert found.time() == time.fromisoformat(next_one)
    assert found > now
    assert found == Grid(5 * MINUTE, 2 * MINUTE, timedelta()).get_next_fire_time(now - 3 * MINUTE, now)


@given(
    st.datetimes(timezones=st.just(UTC)),
    *(st.timedeltas(timedelta(milliseconds=10), timedelta(days=2)) for _ in range(2)),
)
def test_a_grid_scatters_after_its_edge_and_never_before_nor_into_the_next(
    now: datetime, every: timedelta, after: timedelta
) -> None:
    found = Grid(every, after, 0.5 * every).get_next_fire_time(None, now)
    assert now < found <= now + 1.5 * every
    assert (found - after - EPOCH) % every <= 0.5 * every


def test_a_job_on_a_grid_runs_at_once_and_then_at_the_next_edge() -> None:
    ran, hour = threading.Semaphore(0), timedelta(hours=1)
    edge = now() - floor(now(), hour) + timedelta(milliseconds=300)
    made = schedule(Job("a", hour, ran.release, after=edge))
    assert all(ran.acquire(timeout=SOON) for _ in range(2)), "an hour from its first run would be an hour too late"
    assert not ran.acquire(timeout=0.2)
    made.stop()


def test_a_clock_that_was_set_back_does_not_let_jobs_wait_for_the_time_it_had() -> None:
    ran = threading.Semaphore(0)
    made = Schedule(workers=2, jitter=0)
    tomorrow = now() + timedelta(days=1)
    made.start(
        [job("a", ran.release, 3_600_000), Job("b", timedelta(hours=1), ran.release, after=MINUTE)], now=tomorrow
    )
    made.heed(now=tomorrow + timedelta(seconds=1))
    assert not ran.acquire(timeout=0.3)
    made.heed(now=now())
    assert all(ran.acquire(timeout=SOON) for _ in range(2))
    made.heed(now=now())
    assert not ran.acquire(timeout=0.3), "a clock that goes on hurries nobody"
    made.stop()


HOUR_MS = 3_600_000


def test_a_job_that_is_hastened_runs_now_and_the_others_when_they_were_going_to() -> None:
    ran, other = threading.Semaphore(0), threading.Semaphore(0)
    made = schedule(job("a", ran.release, HOUR_MS), job("b", other.release, HOUR_MS))
    assert ran.acquire(timeout=SOON) and other.acquire(timeout=SOON)
    made.hasten(["a", "nobody"], now=now())
    assert ran.acquire(timeout=SOON)
    assert not other.acquire(blocking=False)
    made.stop()


def test_a_job_that_is_hastened_often_runs_with_some_time_between() -> None:
    made = schedule(job("a", lambda: None, HOUR_MS))
    began = now() + timedelta(minutes=1)
    for n in range(100):
        made.hasten(["a"], now=began + timedelta(milliseconds=n))
    first = made._scheduler.get_job("a").next_run_time
    assert first == began
    made._scheduler.modify_job("a", next_run_time=began + timedelta(hours=1))
    made.hasten(["a"], now=began + timedelta(seconds=1))
    assert made._scheduler.get_job("a").next_run_time == began + LEAST_APART
    made.stop()


def test_nothing_is_made_later_by_being_hastened() -> None:
    made = schedule(job("a", lambda: None, 60_000))
    before = made._scheduler.get_job("a").next_run_time
    made.hasten(["a"], now=before + timedelta(minutes=5))
    assert made._scheduler.get_job("a").next_run_time <= before + timedelta(minutes=1)
    made.stop()
