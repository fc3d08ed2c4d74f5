import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from detectors import share
from tests.detectors.histograms import alphas

Share = tuple[int, int]
shares = st.integers(1, 100_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(shares, st.floats(1e-9, 0.4))
def test_the_bounds_are_those_of_scipys_exact_interval(found: Share, alpha: float) -> None:
    interval = stats.binomtest(*found).proportion_ci(confidence_level=1 - 2 * alpha, method="exact")
    assert share.lower_bound(*found, alpha) == pytest.approx(interval.low, rel=1e-6, abs=1e-12)
    assert share.upper_bound(*found, alpha) == pytest.approx(interval.high, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("n", [1, 7, 60])
@pytest.mark.parametrize("alpha", [0.3, 0.05, 0.001])
def test_summed_over_all_outcomes_a_bound_errs_no_more_often_than_alpha(n: int, alpha: float) -> None:
    outcomes = np.arange(n + 1)
    lower = np.array([share.lower_bound(k, n, alpha) for k in range(n + 1)])
    upper = np.array([share.upper_bound(k, n, alpha) for k in range(n + 1)])
    for truth in np.linspace(0.005, 0.995, 100):
        chances = stats.binom.pmf(outcomes, n, truth)
        assert chances[lower > truth].sum() <= alpha * (1 + 1e-9)
        assert chances[upper < truth].sum() <= alpha * (1 + 1e-9)


@given(shares, alphas, st.integers(2, 50))
def test_bounds_enclose_the_share_and_close_in_with_rows_and_risk(found: Share, alpha: float, times: int) -> None:
    k, n = found
    low, high = share.lower_bound(k, n, alpha), share.upper_bound(k, n, alpha)
    assert 0 <= low <= k / n <= high <= 1
    assert share.lower_bound(k * times, n * times, alpha) >= low * (1 - 1e-9)
    assert share.upper_bound(k * times, n * times, alpha) <= high * (1 + 1e-9)
    assert share.lower_bound(k, n, min(0.5, alpha * times)) >= low * (1 - 1e-9)
    assert share.upper_bound(n - k, n, alpha) == pytest.approx(1 - low, abs=1e-9)


def test_a_share_of_nothing_and_a_share_of_all_have_a_known_bound() -> None:
    """By hand: with k = 0 the upper bound is 1 - alpha**(1/n)."""
    assert share.upper_bound(0, 100, 1e-6) == pytest.approx(1 - 1e-6**0.01)
    assert share.lower_bound(100, 100, 1e-6) == pytest.approx(1e-6**0.01)
    assert (share.lower_bound(0, 100, 0.1), share.upper_bound(100, 100, 0.1)) == (0.0, 1.0)


@given(shares, shares, alphas)
def test_a_shift_is_never_larger_than_observed_and_the_same_for_the_complement(
    found: Share, found0: Share, alpha: float
) -> None:
    (k, n), (k0, n0) = found, found0
    bound = share.shift_lower_bound(k, n, k0, n0, alpha)
    assert 0 <= bound <= abs(k / n - k0 / n0)
    assert share.shift_lower_bound(n - k, n, n0 - k0, n0, alpha) == pytest.approx(bound, abs=1e-9)


@pytest.mark.parametrize(("truth", "truth0"), [(0.1, 0.1), (0.2, 0.1), (0.05, 0.2), (0.0, 0.05), (1.0, 0.9)])
def test_summed_over_all_outcomes_a_shift_is_overstated_no_more_often_than_both_errors(
    truth: float, truth0: float
) -> None:
    n, n0, alpha, alpha0 = 40, 60, 0.1, 0.02
    error = 0.0
    for k, chance in enumerate(stats.binom.pmf(np.arange(n + 1), n, truth)):
        for k0, chance0 in enumerate(stats.binom.pmf(np.arange(n0 + 1), n0, truth0)):
            if share.shift_lower_bound(k, n, k0, n0, alpha, alpha0) > abs(truth - truth0) + 1e-12:
                error += chance * chance0
    assert error <= alpha + alpha0


def test_nulls_that_tripled_are_certain_within_a_day_of_windows() -> None:
    """2.4 % to 7.3 % of nulls in windows of 500 rows: certain past 2 points after 8 of them, past 1 point after 4."""
    bound = share.shift_lower_bound(round(0.073 * 4_000), 4_000, round(0.024 * 100_000), 100_000, 1.3e-7)
    assert bound > 0.02
    bound = share.shift_lower_bound(round(0.073 * 2_000), 2_000, round(0.024 * 100_000), 100_000, 1.3e-7)
    assert bound > 0.01


def test_a_baseline_that_is_all_null_is_a_share_like_any_other() -> None:
    assert share.shift_lower_bound(1_000, 1_000, 5_000, 5_000, 1e-6) == 0.0
    assert share.shift_lower_bound(0, 1_000, 5_000, 5_000, 1e-6) > 0.9


@pytest.mark.parametrize(("k", "n"), [(0, 0), (-1, 5), (6, 5)])
def test_what_is_no_share_is_refused(k: int, n: int) -> None:
    for bound in (share.lower_bound, share.upper_bound):
        with pytest.raises(ValueError):
            bound(k, n, 0.1)
    with pytest.raises(ValueError):
        share.shift_lower_bound(1, 2, k, n, 0.1)
