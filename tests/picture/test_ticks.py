"""Scales are labelled at round places, and few of them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.picture.ticks import moments, numbers

START = datetime(2026, 3, 1, 0, 7, tzinfo=UTC)


@pytest.mark.parametrize(("highest", "ticks"), [(0.3, [0, 0.1, 0.2, 0.3]), (0.55, [0, 0.2, 0.4, 0.6]), (0, [0, 1])])
def test_numbers_are_round(highest: float, ticks: list[float]) -> None:
    assert numbers(highest, 3) == pytest.approx(ticks)


@given(st.floats(1e-9, 1e9))
def test_the_last_number_holds_everything_and_they_are_few(highest: float) -> None:
    found = numbers(highest, 3)
    assert found[-1] >= highest * (1 - 1e-6)
    assert len(found) <= 5


@given(st.timedeltas(timedelta(), timedelta(days=1000)))
def test_moments_lie_within_and_are_few(span: timedelta) -> None:
    found = moments(START, START + span, 6)
    assert 1 <= len(found) <= 7
    assert all(START <= when <= START + span for when, _ in found)


def test_a_new_day_is_named() -> None:
    words = [word for _, word in moments(START, START + timedelta(days=2), 6)]
    assert words == ["Mar 01 12:00", "Mar 02 00:00", "12:00", "Mar 03 00:00"]
