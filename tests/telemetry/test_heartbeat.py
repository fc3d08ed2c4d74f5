"""Heartbeats, by hand arithmetic: three intervals and a grace."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.telemetry.heartbeat import Heartbeats

EVERY = timedelta(seconds=10)


def test_a_loop_that_beats_in_time_is_not_stalled() -> None:
    beats = Heartbeats()
    beats.expect("watch", EVERY, 1000.0)
    beats.beat("watch", 1100.0)
    assert beats.stalled(1100.0 + 3 * 10 + 60) == []


def test_a_loop_is_stalled_after_three_intervals_and_a_minute() -> None:
    beats = Heartbeats()
    beats.expect("watch", EVERY, 1000.0)
    beats.beat("watch", 1100.0)
    assert beats.stalled(1100.0 + 3 * 10 + 60 + 0.001) == ["watch"]


def test_a_loop_that_never_beats_is_stalled_too() -> None:
    beats = Heartbeats(grace=timedelta(0))
    beats.expect("watch", EVERY, 0.0)
    assert beats.stalled(30.0) == []
    assert beats.stalled(30.1) == ["watch"]


def test_a_late_beat_brings_a_loop_back() -> None:
    beats = Heartbeats(grace=timedelta(0))
    beats.expect("watch", EVERY, 0.0)
    assert beats.stalled(1000.0) == ["watch"]
    beats.beat("watch", 1000.0)
    assert beats.stalled(1001.0) == []


def test_all_stalled_loops_are_named_in_order() -> None:
    beats = Heartbeats(grace=timedelta(0))
    for loop in ("watch/b", "notify", "watch/a"):
        beats.expect(loop, EVERY, 0.0)
    beats.beat("notify", 90.0)
    assert beats.stalled(100.0) == ["watch/a", "watch/b"]


def test_a_longer_interval_after_a_reload_counts_from_the_last_beat() -> None:
    beats = Heartbeats(grace=timedelta(0))
    beats.expect("watch", EVERY, 0.0)
    beats.beat("watch", 20.0)
    beats.expect("watch", 10 * EVERY, 45.0)
    assert beats.stalled(20.0 + 300) == []
    assert beats.stalled(20.0 + 300.1) == ["watch"]


def test_a_cleared_loop_is_not_missed_and_its_last_beat_is_ignored() -> None:
    beats = Heartbeats(grace=timedelta(0))
    beats.expect("watch", EVERY, 0.0)
    beats.clear("watch")
    beats.beat("watch", 1.0)
    beats.clear("never seen")
    assert beats.stalled(1e9) == []
    beats.expect("watch", EVERY, 1e9)
    assert beats.stalled(1e9 + 30) == []


def test_a_beat_that_arrives_out_of_order_does_not_age_the_loop() -> None:
    beats = Heartbeats(grace=timedelta(0))
    beats.expect("watch", EVERY, 0.0)
    beats.beat("watch", 50.0)
    beats.beat("watch", 10.0)
    assert beats.stalled(75.0) == []


@given(
    every=st.floats(0.001, 1e5),
    grace=st.floats(0, 1e4),
    start=st.floats(0, 1e9),
    waited=st.floats(0, 1e7),
)
def test_stalled_is_one_threshold_on_the_time_since_the_last_beat(
    every: float, grace: float, start: float, waited: float
) -> None:
    beats = Heartbeats(grace=timedelta(seconds=grace))
    beats.expect("watch", timedelta(seconds=every), start)
    allowed = 3 * every + grace
    if waited != pytest.approx(allowed, rel=1e-3, abs=1e-3):
        assert beats.stalled(start + waited) == (["watch"] if waited > allowed else [])


def test_a_loop_that_runs_is_given_its_time_and_no_more() -> None:
    beats = Heartbeats(grace=timedelta(0), longest=timedelta(minutes=10))
    beats.expect("watch", EVERY, 0.0)
    beats.begin("watch", 10.0)
    assert beats.stalled(10.0 + 600) == []
    assert beats.stalled(10.0 + 600.1) == ["watch"]
    beats.beat("watch", 700.0)
    assert beats.stalled(730.0) == []


def test_loops_that_wait_for_a_worker_are_excused_while_all_are_taken() -> None:
    beats = Heartbeats(grace=timedelta(0), longest=timedelta(minutes=10), workers=2)
    for loop in ("a", "b", "notify"):
        beats.expect(loop, EVERY, 0.0)
    beats.begin("a", 0.0)
    beats.begin("b", 0.0)
    assert beats.stalled(300.0) == []
    beats.beat("b", 300.0)
    assert beats.stalled(301.0) == ["notify"]


def test_workers_that_never_come_back_are_named() -> None:
    beats = Heartbeats(grace=timedelta(0), longest=timedelta(minutes=10), workers=2)
    for loop in ("a", "b", "notify"):
        beats.expect(loop, EVERY, 0.0)
    beats.begin("a", 0.0)
    beats.begin("b", 100.0)
    assert beats.stalled(650.0) == ["a"]
    assert beats.stalled(750.0) == ["a", "b"]
