import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import optimize, stats

from detectors.noncentral_chi2 import noncentrality_above, survival

DEGREES = [1, 2, 9, 63, 250]
NONCENTRALITIES = [0.0, 0.01, 1.0, 30.0, 1_000.0, 1e5, 5e5]
ALPHAS = [0.5, 0.1, 1e-3, 1e-6, 1e-9, 1e-15, 1e-60]


@pytest.mark.parametrize("df", DEGREES)
@pytest.mark.parametrize("noncentrality", NONCENTRALITIES)
def test_the_survival_function_is_that_of_scipy_stats_far_into_the_tail(df: int, noncentrality: float) -> None:
    for alpha in ALPHAS:
        x = stats.ncx2.isf(alpha, df, noncentrality)
        assert survival(x, df, noncentrality) == pytest.approx(alpha, rel=1e-8)


@pytest.mark.parametrize("df", DEGREES)
@pytest.mark.parametrize("noncentrality", NONCENTRALITIES[1:])
def test_the_bound_inverts_the_quantile_of_scipy_stats(df: int, noncentrality: float) -> None:
    for alpha in ALPHAS:
        x = stats.ncx2.isf(alpha, df, noncentrality)
        assert noncentrality_above(x, df, alpha) == pytest.approx(noncentrality, rel=1e-8, abs=1e-8)


@pytest.mark.parametrize("df", DEGREES)
@pytest.mark.parametrize("x", [1.001e6, 3e6])
@pytest.mark.parametrize(("alpha", "loss"), [(0.5, 0.003), (1e-3, 0.003), (1e-9, 0.001)])
def test_beyond_a_million_it_errs_low_and_by_little(df: int, x: float, alpha: float, loss: float) -> None:
    truth = optimize.brentq(lambda nc: stats.ncx2.isf(alpha, df, nc) - x, 0.9 * x, 1.1 * x)
    assert (1 - loss) * truth < noncentrality_above(x, df, alpha) < truth


@pytest.mark.parametrize("alpha", [0.5, 1e-9])
def test_beyond_a_million_it_inverts_birges_inequality(alpha: float) -> None:
    df, noncentrality, t = 9, 2e6, -math.log(alpha)
    x = df + noncentrality + 2 * math.sqrt((df + 2 * noncentrality) * t) + 2 * t
    assert noncentrality_above(x, df, alpha) == pytest.approx(noncentrality, rel=1e-12)


@pytest.mark.parametrize("x", [1e9, 1e15, 1e300])
def test_it_answers_however_large_the_value(x: float) -> None:
    assert 0.9 * x < noncentrality_above(x, 63, 1e-9) <= x


@given(st.floats(0, 2e6), st.integers(1, 300), st.floats(1e-300, 0.5))
def test_the_bound_lies_between_nothing_and_the_value(x: float, df: int, alpha: float) -> None:
    bound = noncentrality_above(x, df, alpha)
    assert 0 <= bound <= x
    if bound > 0 and x < 1e6:
        assert survival(x, df, bound) == pytest.approx(alpha, rel=1e-6)


@given(st.floats(0, 1e4), st.integers(1, 100), st.floats(1e-12, 0.5), st.floats(1, 3))
def test_a_larger_value_and_more_risk_only_raise_the_bound(x: float, df: int, alpha: float, times: float) -> None:
    bound = noncentrality_above(x, df, alpha) * (1 - 1e-9)
    assert noncentrality_above(x * times, df, alpha) >= bound
    assert noncentrality_above(x, df, min(0.5, alpha * times)) >= bound


def test_a_value_that_no_noncentrality_explains_bounds_nothing() -> None:
    assert noncentrality_above(stats.chi2.isf(1e-6, 9) * 0.999, 9, 1e-6) == 0.0
    assert noncentrality_above(0.0, 9, 0.5) == 0.0


def test_every_value_lies_above_zero() -> None:
    assert survival(0.0, 9, 5.0) == 1.0


@pytest.mark.parametrize(("x", "df", "noncentrality"), [(-1, 9, 0), (1, 0, 0), (1, 9, -1), (float("nan"), 9, 0)])
def test_what_lies_outside_the_distribution_is_refused(x: float, df: float, noncentrality: float) -> None:
    with pytest.raises(ValueError, match="outside"):
        survival(x, df, noncentrality)


@pytest.mark.parametrize(("x", "df"), [(-1.0, 9), (float("inf"), 9), (float("nan"), 9), (1.0, 0)])
def test_a_value_outside_the_distribution_is_refused(x: float, df: float) -> None:
    with pytest.raises(ValueError, match="outside"):
        noncentrality_above(x, df, 0.1)
