"""The worlds hold what the cells say of them: distances, clusters, cycles, nulls; and they are the same each time."""

import numpy as np
import pytest
from scipy import stats

from tests.benchmarks.detection import worlds
from tests.benchmarks.detection.drifts import DRIFTS, HORIZON, Drift, planted
from tests.benchmarks.detection.rows import Rows, joined
from tests.benchmarks.detection.worlds import LABELS, NUMBERS, USUAL

FIRST = worlds.BASELINE_WEEKS
"""The first week after the baseline."""


def distance(a: Rows, b: Rows, name: str) -> float:
    one, other = a.columns[name], b.columns[name]
    if name in NUMBERS:
        return float(stats.ks_2samp(one[~np.isnan(one)], other[~np.isnan(other)]).statistic)
    shares = (np.bincount(column, minlength=20) / len(column) for column in (one, other))
    return float(np.abs(np.subtract(*shares)).max())


def test_a_week_is_the_same_whenever_it_is_asked_for_and_however_long_the_world() -> None:
    short, long = worlds.simulated("wander", 50, 1, seed=3), worlds.simulated("wander", 50, 9, seed=3)
    for name in (*NUMBERS, *LABELS):
        assert np.array_equal(short.week(2).columns[name], long.week(2).columns[name], equal_nan=name in NUMBERS)


@pytest.mark.parametrize(("name", "expected"), [("iid", 0.0), ("harmless", worlds.HARMLESS)])
def test_what_is_harmless_is_as_far_from_the_baseline_as_it_says(name: str, expected: float) -> None:
    world = worlds.simulated(name, 1_000, 1, seed=5)
    for column in (NUMBERS[0], LABELS[1]):
        found = distance(world.week(0), world.week(FIRST), column)
        # 168,000 rows on either side: four standard deviations of the largest are 0.007
        assert found == pytest.approx(expected, abs=0.007)


def test_a_cycle_repeats_each_day_and_is_flatter_on_weekends() -> None:
    means = worlds.simulated("daily", 50, 0, seed=1).means[:, 0]
    assert means[:24] == pytest.approx(means[24:48])
    assert means[:24].max() == pytest.approx(worlds.CYCLE)
    assert means[5 * 24 : 6 * 24].max() == pytest.approx(worlds.CYCLE_ON_WEEKENDS)


def test_rows_of_a_client_are_alike_and_those_of_two_are_not() -> None:
    """The design effect of a mean is 1 + (rows of a client - 1) * the share that is alike: Kish (1965)."""
    values = worlds.simulated("clients", 1_000, 0, seed=2).week(0).columns["number_2"].reshape(worlds.WEEK, 1_000)
    effect = values.mean(axis=1).var() * 1_000
    assert effect == pytest.approx(1 + 49 * worlds.ALIKE, rel=0.45)
    assert values.var() == pytest.approx(1.0, abs=0.05)


def test_what_wanders_has_the_spread_and_the_memory_that_it_says() -> None:
    path = worlds.simulated("wander", 50, 200, seed=4).means
    assert path.std() == pytest.approx(worlds.WANDER, rel=0.15)
    lagged = np.mean(path[worlds.MEMORY :] * path[: -worlds.MEMORY]) / np.mean(path**2)
    assert lagged == pytest.approx(np.exp(-1), abs=0.12)


@pytest.mark.parametrize("drift", DRIFTS, ids=[drift.name for drift in DRIFTS])
def test_a_planted_drift_is_as_far_as_it_says_at_the_end_of_the_horizon(drift: Drift, rng: np.random.Generator) -> None:
    rows = 2_000
    still = joined([worlds.simulated("iid", rows, 0, seed=6).week(0)])
    values = planted(drift, rng, still.columns[drift.column], rows)
    end = slice((HORIZON - 3) * rows, None)
    now, before = values[end], still.columns[drift.column]
    if "nulls" in drift.name:
        found = np.isnan(now).mean() - np.isnan(before).mean()
    elif drift.column in LABELS:
        shares = np.bincount(now, minlength=20) / len(now)
        found = np.abs(shares - np.append(USUAL, np.zeros(8))).max()
    else:
        found = stats.ks_2samp(now, before).statistic
    assert found == pytest.approx(drift.distance, abs=0.03)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)
