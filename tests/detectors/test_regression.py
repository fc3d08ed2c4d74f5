import math

import numpy as np
import pytest
from sklearn import metrics

from detectors import bounded_mean, regression
from tests.detectors.histograms import most_errors


def test_errors_of_a_regression_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(74)
    y = rng.uniform(0, 10, 5_000)
    predicted = np.clip(y + rng.normal(0, 1, 5_000), 0, 10)
    absolute = bounded_mean.add_up(np.abs(y - predicted), largest=10.0)
    squared = bounded_mean.add_up((y - predicted) ** 2, largest=100.0)
    labels = bounded_mean.add_up(y, largest=10.0)
    found = [regression.mae(absolute, 0.01), regression.rmse(squared, 0.01), regression.r2(squared, labels, 0.01)]
    theirs = [metrics.mean_absolute_error, metrics.root_mean_squared_error, metrics.r2_score]
    for one, their in zip(found, theirs, strict=True):
        assert one.value == pytest.approx(their(y, predicted))
        assert one.lower < one.value < one.upper
    assert [one.higher_is_better for one in found] == [False, False, True]
    assert found[2].lower > 0.4 and found[2].upper < 1


def test_the_bounds_of_r2_hold() -> None:
    rng = np.random.default_rng(75)
    wrong = 0
    for _ in range(300):
        y = rng.uniform(0, 1, 3_000)
        squared = bounded_mean.add_up(rng.uniform(0, 0.1, 3_000), largest=0.2)
        found = regression.r2(squared, bounded_mean.add_up(y, largest=1.0), 0.1)
        wrong += not found.lower <= 1 - 0.05 * 12 <= found.upper
    assert wrong <= most_errors(300, 0.2)


def test_r2_is_bounded_by_errors_and_variance_each_at_half_the_risk() -> None:
    rng = np.random.default_rng(78)
    squared = bounded_mean.add_up(rng.uniform(0, 1, 9_000), largest=1.0)
    labels = bounded_mean.add_up(rng.uniform(0, 10, 9_000), largest=10.0)
    low, high = bounded_mean.deviation_bounds(labels, 0.005)
    found = regression.r2(squared, labels, 0.01)
    assert found.lower == pytest.approx(1 - bounded_mean.upper_bound(squared, 0.005) / low**2)
    assert found.upper == pytest.approx(1 - bounded_mean.lower_bound(squared, 0.005) / high**2)


def test_labels_that_never_vary_explain_nothing() -> None:
    found = regression.r2(
        bounded_mean.add_up([1.0] * 50, largest=4.0), bounded_mean.add_up([2.0] * 50, largest=4.0), 0.1
    )
    assert (found.value, found.lower) == (0.0, -math.inf)


def test_errors_and_labels_of_different_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="same rows"):
        regression.r2(bounded_mean.add_up([1.0], largest=1.0), bounded_mean.add_up([1.0, 2.0], largest=2.0), 0.1)
