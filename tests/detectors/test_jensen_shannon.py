import math

import numpy as np
import pytest
from hypothesis import given
from scipy.spatial import distance

from detectors import jensen_shannon
from tests.detectors.histograms import Pair, pairs, rows_of, shifted_normal


@given(pairs())
def test_the_distance_is_that_of_scipy(pair: Pair) -> None:
    current, baseline = pair
    truth = distance.jensenshannon(current.astype(float), baseline.astype(float), base=2)
    assert jensen_shannon.statistic(current, baseline) == pytest.approx(truth, abs=1e-7)


@given(pairs())
def test_it_is_a_distance_between_nothing_and_one(pair: Pair) -> None:
    current, baseline = pair
    found = jensen_shannon.statistic(current, baseline)
    assert 0 <= found <= 1
    assert jensen_shannon.statistic(baseline, current) == pytest.approx(found, abs=1e-12)


def test_windows_without_a_common_value_are_one_apart() -> None:
    assert jensen_shannon.statistic(np.array([5, 0, 3]), np.array([0, 9, 0])) == pytest.approx(1.0)


@pytest.mark.parametrize(("delta", "nats"), [(0.10, 0.035), (0.25, 0.088), (0.316, 0.112), (0.5, 0.177)])
def test_a_shift_of_delta_is_the_distance_of_the_unit_table(delta: float, nats: float) -> None:
    """About delta / sqrt(8) to base e, for normal values."""
    current, baseline = (rows_of(shares, 10**9) for shares in shifted_normal(delta, bins=256))
    assert jensen_shannon.statistic(current, baseline) * math.sqrt(math.log(2)) == pytest.approx(nats, rel=0.03)


def test_it_reports_and_has_neither_bound_nor_p_value() -> None:
    found = jensen_shannon.measure(np.array([40, 60]), np.array([500, 500]))
    assert (found.lower, found.p_value) == (None, None)
    assert (found.name, found.n, found.m) == ("jensen_shannon", 100, 1_000)
