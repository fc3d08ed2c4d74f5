"""Which windows are due and which rows of them are read."""

import itertools
from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.endpoint import Watch
from daemon.domain.sample import HealthCount
from daemon.domain.window import EPOCH
from daemon.watch.sample import MOST_WINDOWS, changed, due, parts
from detectors import latency
from tests.watch.stories import START, window

RULE = Watch(
    interval=timedelta(minutes=5), window=timedelta(minutes=15), settle=timedelta(minutes=5), overlap=timedelta(hours=1)
)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOTHING = np.zeros(latency.BUCKETS, np.int64)


def count(entity_id: str, n: int, requests: int = 100) -> HealthCount:
    return HealthCount(window(n), entity_id, requests, 0, 0, NOTHING)


def test_a_window_is_due_once_it_has_settled() -> None:
    assert due(None, NOON + timedelta(minutes=19), RULE)[-1].end == NOON
    assert due(None, NOON + timedelta(minutes=20), RULE)[-1].end == NOON + timedelta(minutes=15)


def test_a_look_goes_back_over_the_overlap_so_that_late_rows_are_found() -> None:
    windows = due(NOON, NOON + timedelta(minutes=5), RULE)
    assert [w.start for w in windows] == [NOON - timedelta(minutes=15) * n for n in (4, 3, 2, 1)]


def test_a_pause_of_days_is_caught_up_with_from_the_watermark() -> None:
    windows = due(NOON, NOON + timedelta(days=2), RULE)
    assert windows[0].start == NOON - timedelta(hours=1)
    assert len(windows) == 4 + 2 * 24 * 4 - 1


def test_a_clock_that_jumps_back_finds_nothing_new() -> None:
    assert all(w.end <= NOON - timedelta(days=1) for w in due(NOON, NOON - timedelta(days=1), RULE))


def test_a_look_after_years_is_bounded() -> None:
    assert len(due(EPOCH, NOON, RULE)) <= MOST_WINDOWS


@given(st.integers(0, 10**6), st.integers(1, 5000))
def test_windows_lie_on_one_grid_and_touch_without_a_gap(seconds: int, length: int) -> None:
    rule = Watch(window=timedelta(seconds=length), overlap=timedelta(seconds=20 * length))
    windows = due(None, EPOCH + timedelta(days=400, seconds=seconds), rule)
    assert all((w.start - EPOCH) % w.length == timedelta() for w in windows)
    assert all(a.end == b.start for a, b in itertools.pairwise(windows))


def test_only_windows_whose_requests_changed_are_read_again() -> None:
    stored = {(window(0).start, 1): 100, (window(1).start, 1): 90}
    counts = [count("a", 0), count("a", 1), count("a", 2)]
    assert changed(counts, stored, {"a": 1}) == {(window(1).start, 1), (window(2).start, 1)}


def test_two_entities_of_one_version_count_together_and_unknown_ones_not_at_all() -> None:
    counts = [count("a", 0, 60), count("b", 0, 40), count("x", 0, 5)]
    assert changed(counts, {(window(0).start, 1): 100}, {"a": 1, "b": 1}) == set()


def test_the_rate_asks_for_as_many_rows_as_are_wanted_and_never_more_than_all() -> None:
    rule = Watch(rows=200)
    chosen = parts([count("a", 0, 1000), count("b", 0, 100)], {(START, 1), (START, 2)}, {"a": 1, "b": 2}, rule)
    assert [p.rate for p in chosen[1]] == [0.2]
    assert [p.rate for p in chosen[2]] == [1.0]


def test_after_a_pause_the_oldest_windows_come_first_and_the_rest_waits() -> None:
    counts = [count("a", n) for n in (3, 1, 2, 0)]
    wanted = {(window(n).start, 1) for n in range(4)}
    chosen = parts(counts, wanted, {"a": 1}, Watch(catch_up=2))
    assert [p.window for p in chosen[1]] == [window(0), window(1)]
