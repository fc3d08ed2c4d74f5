"""Which windows are due and which rows of them are read."""

import itertools
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.detection import Watch
from daemon.domain.sample import HealthCount
from daemon.domain.window import EPOCH
from daemon.watch.sample import MOST_WINDOWS, Plan, changed, due, parts, plan
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


def test_a_window_that_changed_for_one_version_is_read_again_for_all() -> None:
    stored = {(window(0).start, 1): 100, (window(0).start, 2): 99, (window(1).start, 1): 100}
    counts = [count("a", 0), count("b", 0), count("a", 1)]
    assert changed(counts, stored, {"a": 1, "b": 2}) == {(window(0).start, 1), (window(0).start, 2)}


def test_the_rate_asks_for_as_many_rows_as_are_wanted_and_never_more_than_all() -> None:
    rule = Watch(rows=200)
    slots = frozenset({(START, 1), (START, 2)})
    chosen = parts([count("a", 0, 1000), count("b", 0, 100)], slots, {"a": 1, "b": 2}, rule)
    assert [p.rate for p in chosen[1]] == [0.2]
    assert [p.rate for p in chosen[2]] == [1.0]


def test_the_entities_of_a_version_share_its_rows() -> None:
    chosen = parts([count("a", 0, 600), count("b", 0, 400)], frozenset({(START, 1)}), {"a": 1, "b": 1}, Watch(rows=200))
    assert [(p.entity_id, p.rate) for p in chosen[1]] == [("a", 0.2), ("b", 0.2)]


def planned(windows: Iterable[int], watermark: int | None, *, most: int = 24, rule: Watch = RULE) -> Plan:
    """Return the plan for windows with rows of which nothing is stored, given the last one that was read."""
    settings = rule.model_copy(update={"catch_up": most})
    counts = [count("a", n) for n in windows]
    return plan(counts, {}, {"a": 1}, None if watermark is None else window(watermark).end, settings)


def test_after_a_pause_the_oldest_windows_come_first_and_the_rest_waits() -> None:
    taken = planned((3, 1, 2, 0), None, most=2)
    assert taken.slots == {(window(0).start, 1), (window(1).start, 1)}


def test_the_watermark_never_moves_past_a_window_that_is_left_to_read() -> None:
    assert planned((5, 6, 7, 8), 4, most=2).read_until == window(6).end
    assert planned((5, 6), 4, most=2).read_until == window(6).end
    assert planned((), 4).read_until == window(4).end
    assert planned((), None).read_until is None


def test_the_watermark_never_moves_back() -> None:
    assert planned((1, 2), 9).read_until == window(9).end


def test_rows_of_unknown_entities_move_the_watermark_but_are_no_work() -> None:
    taken = plan([count("x", 5)], {}, {"a": 1}, window(4).end, RULE)
    assert (taken.slots, taken.read_until) == (frozenset(), window(5).end)


def test_a_look_that_finds_more_than_it_should_have_to_is_behind() -> None:
    # a window of 15 minutes, looked at every 5: one new window a look, two where one was late
    assert not planned((5,), 4).behind
    assert not planned((5, 6), 4).behind
    assert planned((5, 6, 7), 4).behind
    hourly = RULE.model_copy(update={"interval": timedelta(hours=1)})
    assert not planned((5, 6, 7, 8), 4, rule=hourly).behind


def test_requests_are_new_once_and_never_less_than_none() -> None:
    stored = {(window(4).start, 1): 100, (window(5).start, 1): 130, (window(6).start, 1): 60}
    counts = [count("a", n) for n in (4, 5, 6, 7)]
    taken = plan(counts, stored, {"a": 1}, window(4).end, RULE)
    # window 4 is as it was, of window 5 rows were deleted, of window 6 some came late, window 7 is new
    assert taken.counted == 0 + 40 + 100
    few = RULE.model_copy(update={"catch_up": 2})
    assert plan(counts, stored, {"a": 1}, window(4).end, few).counted == 40


def test_late_rows_are_nothing_to_be_behind_of_unless_some_are_left() -> None:
    assert not planned((1, 2, 3, 4), 4).behind
    assert planned((1, 2, 3, 4), 4, most=3).behind
