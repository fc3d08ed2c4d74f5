import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import linf
from tests.detectors.histograms import Pair, alphas, most_errors, pairs


def test_the_largest_change_of_a_share_is_found() -> None:
    """Shares 0.5, 0.3, 0.2 against 0.3, 0.3, 0.4."""
    assert linf.statistic(np.array([50, 30, 20]), np.array([300, 300, 400])) == pytest.approx(0.2)


@given(pairs(), st.data())
def test_the_order_of_the_categories_is_of_no_account(pair: Pair, data: st.DataObject) -> None:
    current, baseline = pair
    order = data.draw(st.permutations(range(len(current))))
    assert linf.statistic(current[order], baseline[order]) == linf.statistic(current, baseline)
    assert linf.statistic(baseline, current) == linf.statistic(current, baseline)


@given(pairs(), alphas)
def test_the_bound_never_exceeds_the_statistic(pair: Pair, alpha: float) -> None:
    found = linf.measure(*pair, alpha)
    assert found.lower is not None and 0 <= found.lower <= found.value <= 1
    assert found.p_value is None


@given(st.floats(0, 1), st.integers(1, 10**6), alphas, st.integers(1, 200), st.floats(1, 100))
def test_more_rows_more_risk_and_fewer_categories_only_raise_the_bound(
    change: float, n: int, alpha: float, categories: int, times: float
) -> None:
    bound = linf.lower_bound(change, n, 5_000, alpha, categories=categories)
    assert linf.lower_bound(change, n * times, 5_000, alpha, categories=categories) >= bound
    assert linf.lower_bound(change, n, 5_000 * times, alpha, categories=categories) >= bound
    assert linf.lower_bound(change, n, 5_000, min(0.5, alpha * times), categories=categories) >= bound
    assert linf.lower_bound(change, n, 5_000, alpha, categories=max(1, categories // 2)) >= bound


def test_the_radius_is_hoeffdings() -> None:
    """By hand: sqrt((1/200 + 1/1800) / 2 * ln(2 * 10 / 0.02)) = sqrt(0.0027778 * 6.907755)."""
    assert linf.radius(200, 1_800, 0.02, categories=10) == pytest.approx(0.138521, abs=1e-6)


@pytest.mark.parametrize("q", [(0.5, 0.3, 0.2), (0.6, 0.2, 0.2)])
def test_the_bound_lies_above_the_truth_no_more_often_than_alpha(q: tuple[float, ...]) -> None:
    p, alpha = (0.5, 0.3, 0.2), 0.2
    truth = max(abs(a - b) for a, b in zip(q, p, strict=True))
    rng = np.random.default_rng(12)
    windows, baselines = rng.multinomial(300, q, size=4_000), rng.multinomial(5_000, p, size=4_000)
    found = [linf.measure(x, y, alpha).lower for x, y in zip(windows, baselines, strict=True)]
    errors = sum(lower is not None and lower > truth + 1e-12 for lower in found)
    assert 0 < errors <= most_errors(4_000, alpha)


def test_a_new_category_is_certain_although_the_baseline_never_held_it() -> None:
    found = linf.measure(np.array([600, 0, 400]), np.array([6_000, 4_000, 0]), alpha=1e-7)
    assert found.value == pytest.approx(0.4)
    assert found.lower is not None and found.lower > 0.3


def test_mistakes_are_refused() -> None:
    with pytest.raises(ValueError, match="category"):
        linf.radius(10, 10, 0.1, categories=0)
    with pytest.raises(ValueError, match="share"):
        linf.lower_bound(1.5, 10, 10, 0.1, categories=2)
