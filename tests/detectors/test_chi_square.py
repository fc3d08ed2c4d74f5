import numpy as np
import pytest
from hypothesis import given
from scipy import stats

from detectors import chi_square
from tests.detectors.histograms import Pair, pairs


@given(pairs())
def test_statistic_and_p_value_are_those_of_scipy(pair: Pair) -> None:
    table = np.array(pair)
    table = table[:, table.any(axis=0)]
    truth = stats.chi2_contingency(table, correction=False)
    found = chi_square.measure(*pair)
    assert found.value == pytest.approx(truth.statistic, rel=1e-9, abs=1e-9)
    assert found.p_value == pytest.approx(truth.pvalue, rel=1e-6, abs=1e-12)


def test_a_bin_that_both_leave_empty_is_no_degree_of_freedom() -> None:
    """By hand: chi2 = 4 on one degree of freedom, p = 2 * (1 - Phi(2)) = 0.04550026."""
    assert chi_square.p_value(np.array([30, 20, 0]), np.array([20, 30, 0])) == pytest.approx(0.04550026)


def test_it_reports_and_has_no_bound() -> None:
    found = chi_square.measure(np.array([40, 60]), np.array([500, 500]))
    assert found.lower is None
    assert (found.name, found.n, found.m) == ("chi_square", 100, 1_000)


def test_without_drift_five_p_values_in_a_hundred_lie_below_five_percent() -> None:
    rng = np.random.default_rng(13)
    shares = np.array([0.4, 0.3, 0.2, 0.1])
    windows, baselines = rng.multinomial(500, shares, size=2_000), rng.multinomial(2_000, shares, size=2_000)
    alarms = sum(chi_square.p_value(x, y) < 0.05 for x, y in zip(windows, baselines, strict=True))
    fewest, most = stats.binom.interval(1 - 2e-4, 2_000, 0.05)
    assert fewest <= alarms <= most
