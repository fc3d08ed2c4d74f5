"""What is computed for many columns and scales at once is what the scalar functions answer, one by one."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from detectors import ks, linf, many_distances, many_psi, many_shares, psi, share
from detectors.counts import Counts
from detectors.many_noncentralities import noncentralities_above
from detectors.noncentral_chi2 import noncentrality_above
from tests.detectors.histograms import Pair, alphas, pairs, rows_of, shifted_normal

small_alphas = st.floats(1e-12, 0.01)


def padded(histograms: list[Counts]) -> NDArray[np.int64]:
    stack = np.zeros((len(histograms), max(len(h) for h in histograms)), dtype=np.int64)
    for row, histogram in zip(stack, histograms, strict=True):
        row[: len(histogram)] = histogram
    return stack


stacks = st.lists(pairs(largest=2_000, most_bins=30), min_size=1, max_size=6)


# distances


@given(stacks, alphas, st.data())
def test_distances_are_those_of_ks_and_linf(given_pairs: list[Pair], alpha: float, data: st.DataObject) -> None:
    categorical = data.draw(st.lists(st.booleans(), min_size=len(given_pairs), max_size=len(given_pairs)))
    known = [len(x) if one else 0 for one, (x, _) in zip(categorical, given_pairs, strict=True)]
    found = many_distances.measure(padded([x for x, _ in given_pairs]), padded([y for _, y in given_pairs]), known)
    for place, pair in enumerate(given_pairs):
        one = linf.measure(*pair, alpha) if categorical[place] else ks.measure(*pair, alpha)
        assert found.value[place] == pytest.approx(one.value, abs=1e-12)
        assert max(0.0, found.value[place] - found.radius(alpha)[place]) == pytest.approx(one.lower, abs=1e-12)
        assert (found.n[place], found.m[place]) == (one.n, one.m)


@given(pairs(), st.data())
def test_the_order_of_the_columns_is_of_no_account(pair: Pair, data: st.DataObject) -> None:
    stack = np.stack([pair[0], pair[1], pair[0] + 1])
    order = data.draw(st.permutations(range(3)))
    straight, other = (many_distances.measure(x, pair[1]) for x in (stack, stack[order]))
    assert other.value.tolist() == straight.value[order].tolist()


@pytest.mark.parametrize(("current", "baseline"), [([[0, 0]], [[5, 5]]), ([[5, 5]], [[0, 0]]), ([[0, 0]], [[0, 0]])])
def test_without_rows_there_is_no_distance_and_no_end_of_its_radius(
    current: list[list[int]], baseline: list[list[int]]
) -> None:
    found = many_distances.measure(current, baseline)
    assert found.value.tolist() == [0.0]
    assert np.isinf(found.radius(1e-6)).all()
    index = many_psi.measure(current, baseline)
    assert index.value.tolist() == index.shrunk.tolist() == index.lower(0.01).tolist() == [0.0]


@pytest.mark.parametrize(
    ("current", "baseline"), [([[1, 2]], [[1]]), ([[-1, 2]], [[1, 2]]), ([[1, 2]], [[np.nan, 1]]), ([[]], [[]]), (1, 2)]
)
def test_stacks_that_cannot_be_compared_are_refused(current: object, baseline: object) -> None:
    for measure in (many_distances.measure, many_psi.measure):
        with pytest.raises(ValueError):
            measure(current, baseline)  # type: ignore[arg-type]


# the stability index


@given(stacks, st.floats(1e-9, 0.01))
def test_indices_are_those_of_psi(given_pairs: list[Pair], alpha: float) -> None:
    found = many_psi.measure(padded([x for x, _ in given_pairs]), padded([y for _, y in given_pairs]))
    lower = found.lower(alpha)
    for place, pair in enumerate(given_pairs):
        assert found.value[place] == pytest.approx(psi.statistic(*pair), rel=1e-9, abs=1e-12)
        assert found.shrunk[place] == pytest.approx(psi.shrunk(*pair), rel=1e-9, abs=1e-12)
        assert lower[place] == pytest.approx(psi.lower_bound(*pair, alpha), rel=1e-6, abs=1e-7)
        assert 0 <= lower[place] <= found.value[place] * (1 + 1e-9) + 1e-15


@pytest.mark.parametrize("alpha", [0.3, 1e-3, 1e-8])
@pytest.mark.parametrize("rows", [60, 400, 3_000, 300_000])
def test_drifted_indices_have_the_bound_of_psi(alpha: float, rows: int) -> None:
    rng = np.random.default_rng(rows)
    stack = np.stack([rng.multinomial(rows, shifted_normal(delta, bins=64)[0]) for delta in (0.0, 0.3, 0.6, 2.0)])
    baseline = rows_of(shifted_normal(0.0, bins=64)[1], 20_000)
    expected = [psi.lower_bound(x, baseline, alpha) for x in stack]
    assert many_psi.measure(stack, baseline).lower(alpha) == pytest.approx(expected, rel=1e-9, abs=1e-12)
    assert rows < 400 or expected[-1] > 1


# the noncentrality


@pytest.mark.parametrize("df", [1, 2, 9, 63, 250])
@pytest.mark.parametrize("noncentrality", [0.01, 1.0, 30.0, 1_000.0, 1e5, 5e5])
def test_noncentralities_invert_the_quantile_of_scipy_stats(df: int, noncentrality: float) -> None:
    for alpha in (0.5, 0.01, 1e-3, 1e-6, 1e-9, 1e-15, 1e-60):
        x = stats.ncx2.isf(alpha, df, noncentrality)
        assert noncentralities_above(x, df, alpha) == pytest.approx(noncentrality, rel=1e-6, abs=2e-6)


@given(st.lists(st.tuples(st.floats(0, 5e6), st.integers(1, 300)), min_size=1, max_size=8), st.floats(1e-300, 0.5))
def test_noncentralities_are_those_of_the_scalar_function(values: list[tuple[float, int]], alpha: float) -> None:
    x, df = (np.array(side) for side in zip(*values, strict=True))
    expected = [noncentrality_above(one, degrees, alpha) for one, degrees in values]
    assert noncentralities_above(x, df, alpha) == pytest.approx(expected, rel=1e-6, abs=1e-5)


@pytest.mark.parametrize(("x", "df"), [(-1.0, 9), (float("inf"), 9), (float("nan"), 9), (1.0, 0)])
def test_a_value_outside_the_distribution_is_refused(x: float, df: float) -> None:
    with pytest.raises(ValueError, match="outside"):
        noncentralities_above([1.0, x], df, 0.1)


# shares

counted = st.integers(1, 500_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(st.lists(counted, min_size=1, max_size=8), st.floats(1e-15, 0.5))
def test_bounds_of_shares_are_those_of_share(found: list[tuple[int, int]], alpha: float) -> None:
    k, n = (np.array(side) for side in zip(*found, strict=True))
    lower, upper = many_shares.lower_bounds(k, n, alpha), many_shares.upper_bounds(k, n, alpha)
    assert lower == pytest.approx([share.lower_bound(*one, alpha) for one in found], rel=1e-9, abs=1e-15)
    assert upper == pytest.approx([share.upper_bound(*one, alpha) for one in found], rel=1e-9, abs=1e-10)
    assert (lower <= k / n).all() and (upper >= k / n).all()


def test_of_no_row_a_share_may_be_anything() -> None:
    assert many_shares.lower_bounds([0], [0], 0.1).tolist() == [0.0]
    assert many_shares.upper_bounds([0], [0], 0.1).tolist() == [1.0]


@given(st.floats(0.1, 1e5), st.floats(0, 1), st.floats(1e-12, 0.5))
def test_rows_need_not_be_whole(n: float, part: float, alpha: float) -> None:
    """What is left of rows that were divided by a design effect has the beta quantile of the definition."""
    k = n * part
    assume(k > 1e-6)
    expected = stats.beta.ppf(alpha, k, n - k + 1)
    assert many_shares.lower_bounds(k, n, alpha) == pytest.approx(expected, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize(("k", "n"), [(-1, 5), (6, 5), (float("nan"), 5)])
def test_what_is_no_share_is_refused(k: float, n: float) -> None:
    for bounds in (many_shares.lower_bounds, many_shares.upper_bounds):
        with pytest.raises(ValueError):
            bounds([k], [n], 0.1)
