"""The arithmetic of the benchmark, by hand and by the tables of others: what it prints can be believed."""

import numpy as np
import pytest

from tests.benchmarks.detection import tally
from tests.benchmarks.detection.drifts import HORIZON


@pytest.mark.parametrize(
    # the exact limits of a Poisson mean: Garwood (1936), as tabled in Ulm (1990)
    ("count", "low", "high"),
    [(1, 0.025, 5.572), (5, 1.623, 11.668), (10, 4.795, 18.390), (100, 81.364, 121.627)],
)
def test_a_rate_has_the_interval_of_a_poisson_number(count: int, low: float, high: float) -> None:
    found = tally.rate(count, years=2.0)
    assert found.a_year == count / 2
    assert [2 * found.low, 2 * found.high] == pytest.approx([low, high], abs=1e-3)


def test_of_no_alarm_in_some_years_the_rate_is_at_most_three_over_them() -> None:
    found = tally.rate(0, years=4.0)
    assert (found.a_year, found.low) == (0, 0)
    assert found.high == pytest.approx(3 / 4, rel=2e-3)


def test_alarming_windows_in_a_row_are_one_episode_whichever_column_they_are_of() -> None:
    alarms = np.zeros((8_766, 2), dtype=bool)
    alarms[[10, 11, 50], 0] = alarms[[12, 8_765], 1] = True
    found = tally.false_alarms(alarms, hours_of_window=1.0)
    assert (found.hours.a_year, found.episodes.a_year, found.alarming) == (5, 3, 5)
    assert tally.false_alarms(alarms[:100], hours_of_window=3.0).hours.count == 4


def test_the_window_that_begins_with_the_onset_is_the_first() -> None:
    alarms = np.zeros((10, HORIZON), dtype=bool)
    for start, at in enumerate([0, 0, 1, 1, 2, 2, 3, 3, 9]):
        alarms[start, at:] = True
    found = tally.delay(alarms, rows=100)
    assert (found.median, found.most, found.missed, found.rows) == (3, 10, 1, 300)


def test_what_is_missed_more_often_than_found_has_no_median() -> None:
    alarms = np.zeros((4, HORIZON), dtype=bool)
    alarms[0, 5] = True
    found = tally.delay(alarms, rows=100)
    assert (found.median, found.most, found.missed) == (None, None, 3)


def test_no_calm_score_exceeds_the_threshold_that_makes_peers_equal() -> None:
    calm = np.array([0.2, np.nan, 0.7, 0.1])
    threshold = tally.threshold_without(calm)
    assert not (calm > threshold).any()
    assert (calm >= threshold).any()
    assert tally.threshold_without(np.array([np.nan])) == np.inf
