import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from detectors import ks
from tests.detectors.histograms import Pair, alphas, most_errors, pairs, rows_of, shifted_normal


def rows(histogram: np.ndarray) -> np.ndarray:
    return np.repeat(np.arange(len(histogram)), histogram)


@given(pairs(largest=300))
def test_d_is_the_one_that_scipy_finds_on_the_rows(pair: Pair) -> None:
    current, baseline = pair
    assume(current.sum() + baseline.sum() > 2)  # scipy divides by zero in a p-value that is not asked for
    exact = stats.ks_2samp(rows(current), rows(baseline), method="asymp").statistic
    assert ks.statistic(current, baseline) == pytest.approx(exact, abs=1e-12)


@pytest.mark.parametrize(
    ("delta", "d"), [(0.10, 0.040), (0.25, 0.099), (0.316, 0.125), (0.447, 0.177), (0.5, 0.197), (1.0, 0.383)]
)
def test_a_shift_of_delta_is_the_distance_of_the_unit_table(delta: float, d: float) -> None:
    """D = 2 * Phi(delta / 2) - 1 for normal values."""
    current, baseline = (rows_of(shares, 10**9) for shares in shifted_normal(delta, bins=64))
    assert ks.statistic(current, baseline) == pytest.approx(d, abs=0.0007)
    assert ks.statistic(current, baseline) == pytest.approx(2 * stats.norm.cdf(delta / 2) - 1, abs=0.0002)


@given(pairs(), alphas)
def test_the_bound_never_exceeds_the_statistic(pair: Pair, alpha: float) -> None:
    found = ks.measure(*pair, alpha)
    assert found.lower is not None and 0 <= found.lower <= found.value <= 1
    assert (found.n, found.m) == (pair[0].sum(), pair[1].sum())


@given(st.floats(0, 1), st.integers(1, 10**6), st.integers(1, 10**6), alphas, st.floats(1, 100))
def test_more_rows_and_more_risk_only_raise_the_bound(d: float, n: int, m: int, alpha: float, times: float) -> None:
    bound = ks.lower_bound(d, n, m, alpha)
    assert ks.lower_bound(d, n * times, m, alpha) >= bound
    assert ks.lower_bound(d, n, m * times, alpha) >= bound
    assert ks.lower_bound(d, n, m, min(0.5, alpha * times)) >= bound


@given(pairs())
def test_d_does_not_care_which_way_the_values_run_nor_which_window_is_which(pair: Pair) -> None:
    current, baseline = pair
    d = ks.statistic(current, baseline)
    assert ks.statistic(current[::-1], baseline[::-1]) == pytest.approx(d, abs=1e-12)
    assert ks.statistic(baseline, current) == d


def test_the_radius_is_that_of_both_samples() -> None:
    """By hand: sqrt((1/200 + 1/1800) / 2 * ln(2 / 0.02)) = sqrt(0.0027778 * 4.605170)."""
    assert ks.radius(200, 1_800, 0.02) == pytest.approx(0.113102, abs=1e-6)


@pytest.mark.parametrize("alpha", [0.5, 0.1, 1e-3, 1e-6, 1e-9])
@pytest.mark.parametrize("n", [5, 50, 1_000, 20_000])
def test_against_an_exact_baseline_the_radius_holds_in_the_exact_distribution(n: int, alpha: float) -> None:
    assert stats.kstwo.sf(ks.radius(n, np.inf, alpha), n) <= alpha


def test_the_p_value_is_that_of_the_limiting_distribution() -> None:
    for d, n, m in [(0.03, 1_000, 20_000), (0.05, 2_000, 20_000), (0.004, 400_000, 300_000)]:
        effective = n * m / (n + m)
        assert ks.p_value(d, n, m) == pytest.approx(stats.kstwobign.sf(np.sqrt(effective) * d), rel=1e-12)
        assert ks.p_value(d, n, m) == pytest.approx(stats.kstwo.sf(d, round(effective)), rel=0.1)
    assert ks.p_value(0.0, 10, 10) == 1.0


@pytest.mark.parametrize(("delta", "alpha"), [(0.0, 0.2), (0.0, 0.01), (0.25, 0.2)])
def test_the_bound_lies_above_the_truth_no_more_often_than_alpha(delta: float, alpha: float) -> None:
    shares = shifted_normal(delta, bins=64)
    truth = float(np.abs(np.cumsum(shares[0] - shares[1])).max())
    rng = np.random.default_rng(11)
    windows, baselines = (rng.multinomial(n, p, size=4_000) for n, p in zip((500, 20_000), shares, strict=True))
    found = [ks.measure(x, y, alpha) for x, y in zip(windows, baselines, strict=True)]
    errors = sum(f.lower is not None and f.lower > truth + 1e-12 for f in found)
    assert errors <= most_errors(4_000, alpha)
    if delta == 0.0:
        assert errors >= alpha / 4 * 4_000


def test_twice_the_tolerance_is_certain_with_the_rows_that_were_planned() -> None:
    """At alpha' of hourly looks over 20 columns, 829 rows certify a distance of 0.2 over a tolerance of 0.1."""
    assert ks.lower_bound(0.2, 829, 10**9, 1.268e-7) > 0.1 > ks.lower_bound(0.2, 828, 10**9, 1.268e-7)


def test_significance_is_not_relevance() -> None:
    """A shift of 0.02 sd is significant at 100,000 rows; its bound stays far below any tolerance."""
    current, baseline = (rows_of(p, 10**5) for p in shifted_normal(0.02, bins=64))
    found = ks.measure(current, baseline * 10, 1e-6)
    assert found.p_value is not None and found.p_value < 0.05
    assert found.lower == 0.0


@pytest.mark.parametrize("d", [-0.1, 1.1, float("nan")])
def test_what_is_no_distance_is_refused(d: float) -> None:
    with pytest.raises(ValueError, match="distance"):
        ks.lower_bound(d, 10, 10, 0.1)
    with pytest.raises(ValueError, match="distance"):
        ks.p_value(d, 10, 10)
