"""One iteration made safe: it beats, it counts, it postpones what fails and tells people once."""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from daemon.iteration import Clock, Iteration, Told
from daemon.ports import PlatformError
from daemon.store import events
from daemon.store.engine import Store
from daemon.telemetry.heartbeat import Heartbeats
from daemon.telemetry.metrics import Metrics

START = datetime(2026, 3, 1, tzinfo=UTC)


class Turned:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.at = START

    def clock(self) -> Clock:
        return Clock(now=lambda: self.at, monotonic=lambda: (self.at - START).total_seconds())

    def turn(self, **by: float) -> None:
        self.at += timedelta(**by)


class Scripted:
    """Work that does what the script says: None is well, an exception is raised. The last entry stays."""

    def __init__(self, *script: Exception | None) -> None:
        self.script, self.calls = list(script), 0

    def __call__(self, now: datetime) -> Told | None:
        self.calls += 1
        step = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if step is not None:
            raise step
        return Told("all well", {})


@pytest.fixture
def turned() -> Turned:
    return Turned()


@pytest.fixture
def beats() -> Iterator[Heartbeats]:
    yield Heartbeats()


def iteration(work: Scripted, turned: Turned, beats: Heartbeats, store: Store, minutes: float = 5) -> Iteration:
    every = timedelta(minutes=minutes)
    return Iteration(
        "watch", "flights", work, every=every, clock=turned.clock(), metrics=Metrics(), heartbeats=beats, store=store
    )


def told(store: Store) -> list[tuple[str, str]]:
    with store.read() as tx:
        return [(e.kind, e.sentence) for e in reversed(events.history(tx, limit=50))]


TRANSIENT = PlatformError("the workspace is away", permanent=False)
PERMANENT = PlatformError("no such table", permanent=True)


def test_a_failure_is_not_raised_and_the_loop_goes_on(turned: Turned, beats: Heartbeats, sqlite_store: Store) -> None:
    work = Scripted(RuntimeError("a bug"), None)
    one = iteration(work, turned, beats, sqlite_store)
    one()
    turned.turn(minutes=5)
    one()
    assert work.calls == 2
    assert one.ran


def test_what_fails_again_and_again_is_tried_less_and_less_often_but_never_given_up(
    turned: Turned, beats: Heartbeats, sqlite_store: Store
) -> None:
    work = Scripted(TRANSIENT)
    one = iteration(work, turned, beats, sqlite_store, minutes=60)
    tried = []
    for second in range(3600):
        before = work.calls
        one()
        if work.calls > before:
            tried.append(second)
        turned.turn(seconds=1)
    waits = [b - a for a, b in itertools.pairwise(tried)]
    assert waits[:6] == [5, 10, 20, 40, 80, 160]
    assert set(waits[7:]) == {600}


def test_people_are_told_once_of_a_permanent_failure_and_at_the_third_of_a_passing_one(
    turned: Turned, beats: Heartbeats, sqlite_store: Store
) -> None:
    one = iteration(Scripted(PERMANENT), turned, beats, sqlite_store)
    for _ in range(5):
        one()
        turned.turn(minutes=11)
    assert told(sqlite_store) == [("loop.failing", "watch:flights cannot do its work: no such table")]

    other = iteration(Scripted(TRANSIENT, TRANSIENT, None), turned, beats, sqlite_store)
    for _ in range(3):
        other()
        turned.turn(minutes=11)
    assert len(told(sqlite_store)) == 1


def test_people_are_told_when_it_works_again(turned: Turned, beats: Heartbeats, sqlite_store: Store) -> None:
    one = iteration(Scripted(TRANSIENT, TRANSIENT, TRANSIENT, None), turned, beats, sqlite_store)
    for _ in range(5):
        one()
        turned.turn(minutes=11)
    assert [kind for kind, _ in told(sqlite_store)] == ["loop.failing", "loop.recovered"]


def test_a_loop_that_fails_still_beats_and_one_that_hangs_does_not(
    turned: Turned, beats: Heartbeats, sqlite_store: Store
) -> None:
    one = iteration(Scripted(TRANSIENT), turned, beats, sqlite_store)
    for _ in range(20):
        turned.turn(minutes=5)
        one()
    assert beats.stalled(turned.clock().monotonic()) == []
    turned.turn(minutes=30)
    assert beats.stalled(turned.clock().monotonic()) == ["watch:flights"]


def test_a_clock_that_jumps_back_does_not_postpone_for_a_day(
    turned: Turned, beats: Heartbeats, sqlite_store: Store
) -> None:
    work = Scripted(TRANSIENT)
    one = iteration(work, turned, beats, sqlite_store)
    one()
    turned.turn(days=-1)
    one()
    assert work.calls == 2


def test_a_lost_store_is_a_failure_like_any_other(turned: Turned, beats: Heartbeats, sqlite_store: Store) -> None:
    sqlite_store.close()
    one = iteration(Scripted(PERMANENT), turned, beats, sqlite_store)
    one()
    assert one.ran


def test_a_failure_that_lasts_for_days_is_still_tried_every_ten_minutes(
    turned: Turned, beats: Heartbeats, sqlite_store: Store
) -> None:
    work = Scripted(TRANSIENT)
    one = iteration(work, turned, beats, sqlite_store, minutes=60)
    for _ in range(3 * 24 * 6):
        one()
        turned.turn(minutes=10)
    assert work.calls == 3 * 24 * 6
    assert beats.stalled(turned.clock().monotonic()) == []


def test_people_are_told_when_a_passing_failure_turns_out_to_be_a_lasting_one(
    turned: Turned, beats: Heartbeats, sqlite_store: Store
) -> None:
    one = iteration(Scripted(TRANSIENT, PERMANENT), turned, beats, sqlite_store)
    for _ in range(4):
        one()
        turned.turn(minutes=11)
    assert told(sqlite_store) == [("loop.failing", "watch:flights cannot do its work: no such table")]


def test_people_are_told_that_what_needed_a_hand_works_again(
    turned: Turned, beats: Heartbeats, sqlite_store: Store
) -> None:
    one = iteration(Scripted(PERMANENT, None), turned, beats, sqlite_store)
    for _ in range(3):
        one()
        turned.turn(minutes=11)
    assert [kind for kind, _ in told(sqlite_store)] == ["loop.failing", "loop.recovered"]
