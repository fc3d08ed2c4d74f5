import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from detectors import exceedance, latency
from tests.detectors.histograms import most_errors

milliseconds = st.lists(st.floats(0.1, 1e6), min_size=1, max_size=200)


@given(milliseconds, milliseconds, st.sampled_from([0.5, 0.95]), st.floats(0, 2), st.floats(1e-9, 0.5))
def test_the_share_is_that_of_requests_past_the_threshold(
    current: list[float], baseline: list[float], q: float, tolerance: float, alpha: float
) -> None:
    found = exceedance.measure(
        latency.count(current), latency.count(baseline), q=q, tolerance=tolerance, alpha=alpha, alpha0=0.1
    )
    slow = [ms for ms in current if ms >= found.threshold_ms]
    assert found.share == pytest.approx(len(slow) / len(current))
    assert found.threshold_ms >= (1 + tolerance) * float(np.quantile(baseline, q, method="inverted_cdf"))
    assert 0 <= found.lower <= found.share
    assert (found.n, found.m, found.allowed) == (len(current), len(baseline), 1 - q)


@pytest.mark.parametrize(("q", "fewest"), [(0.5, 10), (0.95, 135), (0.99, 688)])
def test_a_quantile_needs_its_number_of_baseline_requests(q: float, fewest: int) -> None:
    """By hand: alpha0**(1/n) >= q first holds at n = log(0.001) / log(q)."""
    current = latency.count([1e5] * 1_000)
    for n, bounded in [(fewest, True), (fewest - 1, False)]:
        found = exceedance.measure(current, latency.count([10.0] * n), q=q, tolerance=0.1, alpha=1e-6)
        assert math.isfinite(found.threshold_ms) == bounded
        assert (found.lower > found.allowed) == bounded


@pytest.mark.parametrize(("rise", "requests"), [(1.5, 2_000), (2.0, 600)])
def test_a_p95_that_rose_is_certain(rise: float, requests: int) -> None:
    rng = np.random.default_rng(31)
    baseline = latency.count(rng.lognormal(4, 0.5, 50_000))
    current = latency.count(rise * rng.lognormal(4, 0.5, requests))
    found = exceedance.measure(current, baseline, q=0.95, tolerance=0.1, alpha=1e-6)
    assert found.lower > found.allowed


@pytest.mark.parametrize("q", [0.5, 0.95])
def test_a_quantile_that_rose_by_no_more_than_the_tolerance_is_seldom_condemned(q: float) -> None:
    """The tolerance is set where the threshold falls just on the true quantile, the worst case there is."""
    rng = np.random.default_rng(32)
    truth = stats.lognorm(0.5, scale=50)
    baseline = latency.count(truth.rvs(20_000, random_state=rng))
    threshold = exceedance.measure(baseline, baseline, q=q, tolerance=0.1, alpha=0.1).threshold_ms
    rise = threshold / truth.ppf(q)
    windows = (latency.count(rise * truth.rvs(400, random_state=rng)) for _ in range(1_500))
    found = [exceedance.measure(x, baseline, q=q, tolerance=0.1, alpha=0.1) for x in windows]
    errors = sum(f.lower > f.allowed for f in found)
    assert 0 < errors <= most_errors(1_500, 0.1)


@pytest.mark.parametrize("ms", [128.0, 130.0, 139.0])
@pytest.mark.parametrize("tolerance", [0.0, 0.1, 0.25, 1.0])
def test_the_tolerance_in_effect_is_at_most_a_fifth_above_the_one_asked_for(ms: float, tolerance: float) -> None:
    baseline = latency.count(np.full(100_000, ms))
    found = exceedance.measure(baseline, baseline, q=0.95, tolerance=tolerance, alpha=1e-6)
    assert (1 + tolerance) * ms <= found.threshold_ms <= (1 + tolerance) * ms * 1.19
    assert found.lower == 0.0


def test_mistakes_are_refused() -> None:
    some, none = latency.count([5.0]), np.zeros(latency.BUCKETS, dtype=np.int64)
    for current, baseline in [(some, none), (none, some), (some, some[:5])]:
        with pytest.raises(ValueError):
            exceedance.measure(current, baseline, q=0.95, tolerance=0.1, alpha=0.1)
    for wrong in ({"q": 0.0}, {"q": 1.0}, {"tolerance": -0.1}, {"alpha": 0.0}, {"alpha0": 0.7}):
        with pytest.raises(ValueError):
            exceedance.measure(some, some, **{"q": 0.95, "tolerance": 0.1, "alpha": 0.1, **wrong})
