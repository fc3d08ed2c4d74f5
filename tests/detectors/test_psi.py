import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import optimize, stats

from detectors import psi
from tests.detectors.histograms import Pair, alphas, most_errors, pairs, rows_of, shifted_normal
from tests.detectors.plain_psi import PlainRule

Shares = NDArray[np.float64]


# the statistic


def test_the_value_is_that_of_the_definition() -> None:
    """By hand: (0.2 - 0.5) ln 0.4 + 0 + (0.5 - 0.2) ln 2.5 = 0.6 * 0.9162907."""
    assert psi.statistic(np.array([20, 30, 50]), np.array([50, 30, 20])) == pytest.approx(0.5497744, abs=1e-7)


@given(pairs())
def test_statistic_and_shrunk_value_are_those_of_the_plain_rule(pair: Pair) -> None:
    plain = PlainRule(*pair)
    assert psi.statistic(*pair) == pytest.approx(plain.value(plain.q_plain), abs=1e-9)
    assert psi.shrunk(*pair) == pytest.approx(plain.value(plain.q), abs=1e-9)


@pytest.mark.parametrize(("delta", "expected"), [(0.10, 0.01), (0.25, 0.06), (0.35, 0.12), (0.5, 0.25), (1.0, 1.0)])
def test_a_shift_of_delta_is_the_psi_of_the_unit_table(delta: float, expected: float) -> None:
    """PSI is about delta squared on many bins, and 0.94 of that on ten."""
    on_many, on_ten = (
        psi.statistic(*(rows_of(shares, 10**9) for shares in shifted_normal(delta, bins=bins))) for bins in (256, 10)
    )
    assert on_many == pytest.approx(delta**2, rel=0.03)
    assert on_many == pytest.approx(expected, abs=0.03 * expected + 0.005)
    assert on_ten == pytest.approx(0.94 * delta**2, rel=0.03)


@pytest.mark.parametrize(
    ("bins", "n", "mean", "percentile_95"),
    [
        (10, 100, 0.097, 0.187),
        (10, 200, 0.047, 0.089),
        (10, 500, 0.0191, 0.036),
        (10, 1_000, 0.0100, 0.0188),
        (20, 200, 0.103, 0.167),
        (20, 1_000, 0.021, 0.034),
    ],
)
def test_without_drift_it_is_distributed_as_simulated_elsewhere(
    bins: int, n: int, mean: float, percentile_95: float
) -> None:
    """The table's 100,000 repetitions had no merging; bins of ten expected rows and more are not merged here."""
    rng = np.random.default_rng(21)
    shares = np.full(bins, 1 / bins)
    windows, baselines = rng.multinomial(n, shares, size=4_000), rng.multinomial(10_000, shares, size=4_000)
    found = np.array([psi.statistic(x, y) for x, y in zip(windows, baselines, strict=True)])
    rounding = 0.0005 if mean > 0.02 else 0.00005
    assert found.mean() == pytest.approx(mean, abs=4 * found.std() / math.sqrt(4_000) + rounding)
    fewest, most = stats.binom.interval(1 - 1e-4, 4_000, 0.05)
    assert np.count_nonzero(found > percentile_95 + 10 * rounding) <= most
    assert np.count_nonzero(found > percentile_95 - 10 * rounding) >= fewest


def test_without_drift_its_mean_is_that_of_the_chi_square() -> None:
    rng = np.random.default_rng(22)
    shares = np.full(10, 0.1)
    windows, baselines = rng.multinomial(2_000, shares, size=4_000), rng.multinomial(3_000, shares, size=4_000)
    found = np.array([psi.statistic(x, y) for x, y in zip(windows, baselines, strict=True)])
    assert found.mean() == pytest.approx(9 * (1 / 2_000 + 1 / 3_000), rel=0.03)
    assert found.var() == pytest.approx(2 * 9 * (1 / 2_000 + 1 / 3_000) ** 2, rel=0.15)


# thin bins


def test_thin_neighbours_are_merged_before_they_are_compared() -> None:
    """100 rows: shares .5, .02, .02, .02, .44 expect 50, 2, 2, 2, 44; the three in the middle expect 6 together."""
    current, baseline = np.array([50, 0, 0, 6, 44]), np.array([5_000, 200, 200, 200, 4_400])
    assert psi.statistic(current, baseline) == 0.0


def test_what_remains_thin_at_the_end_joins_its_neighbour() -> None:
    current, baseline = np.array([50, 40, 0, 10]), np.array([5_000, 4_600, 200, 200])
    assert psi.statistic(current, baseline) == pytest.approx(0.0)


def test_a_never_seen_category_does_not_make_it_infinite() -> None:
    found = psi.measure(np.array([500, 400, 0, 100]), np.array([500, 400, 100, 0]), 1e-3)
    assert found.value == 0.0
    assert math.isfinite(psi.statistic(np.array([0, 0, 900]), np.array([500, 500, 0])))


def test_an_emptied_bin_counts_as_half_a_row() -> None:
    """By hand: shares 0.005 and 1 against one half each: (0.005 - 0.5) ln 0.01 + 0.5 ln 2."""
    found = psi.statistic(np.array([0, 100]), np.array([500, 500]))
    assert found == pytest.approx(2.279559 + 0.346574, abs=1e-5)


def test_many_emptied_bins_leave_no_less_than_the_bound_starts_from() -> None:
    """Half a row would be more than the two rows per bin amount to: 10,000 rows, 30 bins of 6 expected rows emptied."""
    current, baseline = np.array([0] * 30 + [10_000]), np.array([60] * 30 + [98_200])
    assert psi.lower_bound(current, baseline, 0.5) <= psi.shrunk(current, baseline) <= psi.statistic(current, baseline)


@pytest.mark.parametrize("rows", [1, 4, 9])
def test_so_few_rows_that_all_bins_merge_tell_nothing(rows: int) -> None:
    current = np.array([rows, 0])
    assert psi.statistic(current, np.array([500, 500])) == 0.0
    assert psi.lower_bound(current, np.array([500, 500]), 0.5) == 0.0


def test_a_thin_baseline_merges_bins_however_long_the_window() -> None:
    assert psi.statistic(np.array([0, 90_000, 0, 90_000]), np.array([3, 3, 3, 3])) == 0.0


# the bound


@given(pairs(largest=2_000, most_bins=12), alphas, st.floats(1e-4, 3))
def test_the_bound_is_the_largest_tau_that_the_rule_certifies(pair: Pair, alpha: float, tau: float) -> None:
    bound = psi.lower_bound(*pair, alpha)
    assume(abs(bound - tau) > 1e-9)
    assert PlainRule(*pair).certifies(tau, alpha) == (bound > tau)


@given(pairs(largest=2_000, most_bins=12), alphas)
def test_just_below_the_bound_the_rule_certifies_and_just_above_it_does_not(pair: Pair, alpha: float) -> None:
    bound = psi.lower_bound(*pair, alpha)
    assume(bound > 1e-6)
    assert PlainRule(*pair).certifies(bound * (1 - 1e-7), alpha)
    assert not PlainRule(*pair).certifies(bound * (1 + 1e-7), alpha)


@given(pairs(), alphas)
def test_the_bound_never_exceeds_the_statistic(pair: Pair, alpha: float) -> None:
    found = psi.measure(*pair, alpha)
    assert found.lower is not None and 0 <= found.lower <= found.value < math.inf
    assert found.lower <= psi.shrunk(*pair) <= found.value * (1 + 1e-12) + 1e-15
    assert (found.n, found.m) == (pair[0].sum(), pair[1].sum())


@given(pairs(largest=500, most_bins=10), alphas, st.integers(2, 9))
def test_more_rows_of_the_same_shares_and_more_risk_only_raise_the_bound(pair: Pair, alpha: float, times: int) -> None:
    current, baseline = pair[0] * 10 + 5, pair[1] * 10 + 50
    current = np.maximum(current, baseline.max() // baseline.min() * 6)
    bound = psi.lower_bound(current, baseline, alpha) * (1 - 1e-9)
    assert psi.lower_bound(current * times, baseline * times, alpha) >= bound
    assert psi.lower_bound(current, baseline, min(0.5, alpha * times)) >= bound


def test_a_million_rows_and_a_tiny_alpha_are_safe() -> None:
    current, baseline = (rows_of(shares, 10**8) for shares in shifted_normal(1.0, bins=64))
    found = psi.measure(current, baseline, 1e-9)
    assert found.lower is not None and 0.99 * found.value < found.lower < found.value


def tilted(shape: NDArray[np.float64], tau: float) -> Shares:
    """Ten shares whose PSI against ten tenths is tau, towards the given shape."""

    def shares(strength: float) -> Shares:
        weights = np.exp(strength * shape)
        return np.asarray(weights / weights.sum())

    def excess(strength: float) -> float:
        q = shares(strength)
        return float(np.sum((q - 0.1) * np.log(q / 0.1))) - tau

    return shares(optimize.brentq(excess, 0.0, 20.0))


SHAPES = {
    "shift": np.linspace(-1, 1, 10),
    "scale": np.linspace(-1, 1, 10) ** 2,
    "spike": np.eye(10)[3],
    "drop": -np.eye(10)[3],
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("n", "m"), [(200, 20_000), (1_000, 20_000), (5_000, 1_000)])
def test_the_bound_lies_above_the_truth_no_more_often_than_alpha(shape: str, n: int, m: int) -> None:
    rng = np.random.default_rng(23)
    windows = rng.multinomial(n, tilted(SHAPES[shape], 0.1), size=2_000)
    baselines = rng.multinomial(m, np.full(10, 0.1), size=2_000)
    errors = sum(psi.lower_bound(x, y, 0.05) > 0.1 for x, y in zip(windows, baselines, strict=True))
    assert errors <= most_errors(2_000, 0.05)


def test_a_bin_that_all_but_empties_does_not_fool_the_bound() -> None:
    """Ten rows of 10,000 are left where a tenth is due; without the guard it errs 29 times as often as alpha."""
    shares = np.array([0.001] + [0.111] * 9)
    truth = float(np.sum((shares - 0.1) * np.log(shares / 0.1)))
    rng = np.random.default_rng(25)
    windows, baseline = rng.multinomial(10_000, shares, size=3_000), np.full(10, 10**7)
    wrong = sum(psi.lower_bound(x, baseline, 1e-3) > truth for x in windows)
    assert wrong <= most_errors(3_000, 1e-3)


def test_a_psi_of_twice_the_tolerance_is_certain_at_ten_thousand_rows() -> None:
    """The table has a power of 1.0 at PSI = 0.2, tau = 0.1, alpha = 1e-5, n = 10,000."""
    rng = np.random.default_rng(24)
    windows = rng.multinomial(10_000, tilted(SHAPES["shift"], 0.2), size=200)
    assert all(psi.lower_bound(x, np.full(10, 10_000), 1e-5) > 0.1 for x in windows)
