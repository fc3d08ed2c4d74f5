import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from detectors import ks
from detectors.numeric_bins import NumericBins, cut_numeric

numbers = st.floats() | st.integers(-3, 3).map(float)
columns = arrays.arrays(np.float64, st.integers(0, 60), elements=numbers)
edges = st.lists(st.floats(-5, 5) | st.integers(-3, 3).map(float), unique=True, max_size=12).map(sorted).map(tuple)


def counted_one_by_one(bins: NumericBins, rows: list[tuple[float, bool]]) -> list[int]:
    counts = [0] * bins.size
    for value, missing in rows:
        if missing:
            counts[bins.null_bin] += 1
        elif not math.isfinite(value):
            counts[bins.non_finite_bin] += 1
        else:
            counts[sum(edge < value for edge in bins.edges)] += 1
    return counts


@given(edges, st.lists(st.tuples(numbers, st.booleans())))
def test_every_row_is_counted_once_in_its_own_bin(edges: tuple[float, ...], rows: list[tuple[float, bool]]) -> None:
    bins = NumericBins(edges)
    counts = bins.count([value for value, _ in rows], np.array([missing for _, missing in rows], dtype=bool))
    assert counts.tolist() == counted_one_by_one(bins, rows)
    assert counts.dtype == np.int64


@given(edges, columns, st.integers(0, 60))
def test_counts_of_parts_add_up_in_any_order(edges: tuple[float, ...], values: np.ndarray, cut: int) -> None:
    bins = NumericBins(edges)
    head, tail = bins.count(values[:cut]), bins.count(values[cut:])
    assert (head + tail).tolist() == (tail + head).tolist() == bins.count(values[::-1]).tolist()


def test_a_column_longer_than_a_chunk_is_counted_whole() -> None:
    rng = np.random.default_rng(3)
    values, null = rng.normal(size=200_001), rng.random(200_001) < 0.1
    values[::1_000] = np.nan
    bins = NumericBins((-1.0, 0.0, 1.0))
    kept = values[~null & np.isfinite(values)]
    expected = np.bincount(np.searchsorted([-1.0, 0.0, 1.0], kept, side="left"), minlength=4).tolist()
    expected += [np.count_nonzero(null), np.count_nonzero(~null & np.isnan(values))]
    assert bins.count(values, null).tolist() == expected


@given(edges, edges, columns)
def test_counts_in_finer_bins_tell_those_in_the_bins_they_are_cut_from(
    edges: tuple[float, ...], more: tuple[float, ...], values: np.ndarray
) -> None:
    bins = NumericBins(edges)
    finer = bins.finer((*more, math.inf, -math.inf))
    assert finer.edges == tuple(sorted({*edges, *more}))
    assert bins.from_finer(finer, finer.count(values)).tolist() == bins.count(values).tolist()


def test_a_null_is_a_null_whatever_stands_in_its_place() -> None:
    values = np.array([1.0, np.nan, np.inf])
    assert NumericBins(()).count(values, np.array([True, True, True])).tolist() == [0, 3, 0]
    assert NumericBins(()).count(values).tolist() == [1, 0, 2]


def test_no_rows_are_no_counts() -> None:
    assert NumericBins((0.0,)).count(np.array([])).tolist() == [0, 0, 0, 0]


def test_whole_numbers_and_narrow_floats_are_counted_as_their_values() -> None:
    bins = NumericBins((0.0, 1.0))
    assert bins.count(np.array([0, 1, 2], dtype=np.int32)).tolist() == [1, 1, 1, 0, 0]
    assert bins.count(np.array([0, 1, 2], dtype=np.float32)).tolist() == [1, 1, 1, 0, 0]


def test_missing_rows_can_be_set_aside() -> None:
    bins = NumericBins((0.0,))
    assert bins.without_missing(bins.count(np.array([-1.0, 2.0, 3.0, np.nan]))).tolist() == [1, 2]


@pytest.mark.parametrize("edges", [(1.0, 1.0), (2.0, 1.0), (math.nan,), (math.inf,), (0.0, -0.0)])
def test_edges_that_are_none_are_refused(edges: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="strictly increasing"):
        NumericBins(edges)


@pytest.mark.parametrize(
    "mistake",
    [
        lambda bins: bins.count(np.zeros((2, 2))),
        lambda bins: bins.count(np.zeros(3), np.zeros(2, dtype=bool)),
        lambda bins: bins.without_missing(np.zeros(3, dtype=np.int64)),
    ],
)
def test_a_wrong_shape_is_refused(mistake: Callable[[NumericBins], object]) -> None:
    with pytest.raises(ValueError):
        mistake(NumericBins((0.0,)))


# cutting


def test_distinct_values_are_cut_at_their_quantiles() -> None:
    values = np.random.default_rng(0).normal(size=10_007)
    quantiles = np.quantile(values, np.arange(1, 64) / 64, method="inverted_cdf")
    bins = cut_numeric(values)
    assert np.array_equal(bins.edges, quantiles)
    assert bins.count(values).max() <= math.ceil(10_007 / 64)


@given(columns, st.integers(1, 20))
def test_a_value_of_more_than_its_share_has_a_bin_of_its_own(values: np.ndarray, k: int) -> None:
    bins = cut_numeric(values, k=k)
    finite = values[np.isfinite(values)]
    assert len(bins.edges) <= max(0, 2 * k - 2)
    for value, rows in zip(*np.unique(finite, return_counts=True), strict=True):
        if rows * k > finite.size:
            own = int(bins.count([value]).argmax())
            beside = [math.nextafter(value, -math.inf), math.nextafter(value, math.inf)]
            assert (bins.count(finite)[own], bins.count(beside)[own]) == (rows, 0)


@given(columns, st.integers(2, 20))
def test_no_other_bin_holds_twice_its_share(values: np.ndarray, k: int) -> None:
    bins = cut_numeric(values, k=k)
    finite = values[np.isfinite(values)]
    atoms = [v for v, rows in zip(*np.unique(finite, return_counts=True), strict=True) if rows * k > finite.size]
    rest = bins.count(finite[~np.isin(finite, atoms)])
    assert rest.max() * k < 2 * max(1, finite.size)


def test_the_grid_never_adds_to_the_distance_and_loses_at_most_its_share() -> None:
    rng = np.random.default_rng(5)
    for delta in (0.0, 0.1, 0.5):
        baseline, current = rng.normal(size=20_000), rng.normal(delta, 1, size=1_000)
        bins = cut_numeric(baseline)
        on_bins = ks.statistic(*(bins.without_missing(bins.count(x)) for x in (current, baseline)))
        exact = stats.ks_2samp(current, baseline).statistic
        assert exact - 1 / 64 <= on_bins <= exact + 1e-12


def test_the_grid_is_exact_on_a_column_of_few_values() -> None:
    rng = np.random.default_rng(6)
    baseline, current = rng.poisson(3, 5_000).astype(float), rng.poisson(3.4, 700).astype(float)
    bins = cut_numeric(baseline, k=500)
    on_bins = ks.statistic(*(bins.without_missing(bins.count(x)) for x in (current, baseline)))
    assert on_bins == pytest.approx(stats.ks_2samp(current, baseline).statistic, abs=1e-12)


@pytest.mark.parametrize("constant", [0.0, -7.5, 1e308, 5e-324, np.finfo(float).max, -np.finfo(float).max])
def test_a_constant_column_has_a_bin_for_its_constant(constant: float) -> None:
    bins = cut_numeric(np.full(1_000, constant))
    counts = bins.count(np.array([constant, constant, np.nextafter(constant, 0.5)]))
    assert sorted(counts[counts > 0].tolist()) == [1, 2]


@pytest.mark.parametrize("nothing", [[], [np.nan] * 5, [np.inf, -np.inf]])
def test_a_baseline_without_a_finite_value_has_one_bin(nothing: list[float]) -> None:
    assert cut_numeric(np.array(nothing)) == NumericBins(())


def test_edges_cut_from_narrow_floats_fit_narrow_floats() -> None:
    narrow = np.repeat(np.array([0.1, 0.2, 0.3], dtype=np.float32), 100)
    bins = cut_numeric(narrow)
    counts = bins.without_missing(bins.count(narrow))
    assert counts[counts > 0].tolist() == [100, 100, 100]


def test_at_least_one_bin_must_be_asked_for() -> None:
    with pytest.raises(ValueError, match="at least one bin"):
        cut_numeric([1.0], k=0)
