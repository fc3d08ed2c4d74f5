import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from detectors import bounded_mean
from detectors.bounded_mean import Sums
from tests.detectors.histograms import alphas, most_errors

losses = st.lists(st.floats(0, 20), min_size=1, max_size=60)


@given(losses, alphas)
def test_the_radius_is_that_of_maurer_and_pontil(values: list[float], alpha: float) -> None:
    found = bounded_mean.add_up(values, largest=10.0)
    cut = np.minimum(values, 10.0)
    assert found.mean == pytest.approx(cut.mean())
    lower, upper = bounded_mean.lower_bound(found, alpha), bounded_mean.upper_bound(found, alpha)
    assert 0 <= lower <= found.mean <= upper <= 10
    n, t = len(values), math.log(2 / alpha)
    if n > 1:
        width = math.sqrt(2 * cut.var(ddof=1) * t / n) + 70 * t / (3 * (n - 1))
        assert bounded_mean.radius(found, alpha) == pytest.approx(min(10.0, width), rel=1e-6)


@given(losses, losses)
def test_sums_of_cohorts_are_the_sums_of_all_their_rows(one: list[float], other: list[float]) -> None:
    both = bounded_mean.add_up(one, largest=10.0) + bounded_mean.add_up(other, largest=10.0)
    at_once = bounded_mean.add_up(other + one, largest=10.0)
    assert both.n == at_once.n
    assert (both.total, both.squares) == pytest.approx((at_once.total, at_once.squares))


@pytest.mark.parametrize("largest", [1.0, 5.0])
def test_the_bounds_of_a_mean_and_a_deviation_err_no_more_often_than_alpha(largest: float) -> None:
    rng = np.random.default_rng(73)
    truth = stats.beta(0.5, 2.0, scale=largest)
    found = [bounded_mean.add_up(truth.rvs(400, random_state=rng), largest=largest) for _ in range(1_500)]
    for sums in found:
        assert bounded_mean.radius(sums, 0.1) < 0.4 * largest
    means = [(bounded_mean.lower_bound(s, 0.1), bounded_mean.upper_bound(s, 0.1)) for s in found]
    sds = [bounded_mean.deviation_bounds(s, 0.1) for s in found]
    for bounds, value in ((means, truth.mean()), (sds, truth.std())):
        assert sum(low > value for low, _ in bounds) <= most_errors(1_500, 0.1)
        assert sum(high < value for _, high in bounds) <= most_errors(1_500, 0.1)


def test_one_row_tells_nothing() -> None:
    one = bounded_mean.add_up([3.0], largest=10.0)
    assert (bounded_mean.lower_bound(one, 0.1), bounded_mean.upper_bound(one, 0.1)) == (0.0, 10.0)
    assert bounded_mean.deviation_bounds(one, 0.1) == (0.0, 5.0)


@pytest.mark.parametrize(("values", "largest"), [([-1.0], 1.0), ([math.nan], 1.0), ([1.0], 0.0), ([1.0], math.inf)])
def test_losses_that_are_none_are_refused(values: list[float], largest: float) -> None:
    with pytest.raises(ValueError):
        bounded_mean.add_up(values, largest=largest)


def test_sums_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(ValueError, match="add up"):
        bounded_mean.add_up([1.0], largest=1.0) + bounded_mean.add_up([1.0], largest=2.0)
    with pytest.raises(ValueError, match="row"):
        bounded_mean.lower_bound(Sums(0, 0.0, 0.0, 1.0), 0.1)
