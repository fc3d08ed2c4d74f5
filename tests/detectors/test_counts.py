from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import chi_square, jensen_shannon, ks, linf, psi
from detectors.counts import require_alpha, require_rows, tally

TwoHistograms = Callable[..., float]

STATISTICS: list[TwoHistograms] = [
    chi_square.statistic,
    jensen_shannon.statistic,
    ks.statistic,
    linf.statistic,
    psi.statistic,
]


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize(
    ("current", "baseline"),
    [
        ([0, 0], [1, 1]),
        ([1, 1], [0, 0]),
        ([1, 1], [1, 1, 1]),
        ([], []),
        ([[1, 1]], [[1, 1]]),
        ([2, -1], [1, 1]),
        ([0.5, 0.5], [1.0, 1.0]),
        ([np.nan, 1.0], [1.0, 1.0]),
        ([True, False], [True, True]),
    ],
)
def test_counts_that_cannot_be_compared_are_refused(
    statistic: TwoHistograms, current: list[object], baseline: list[object]
) -> None:
    with pytest.raises(ValueError):
        statistic(np.array(current), np.array(baseline))


@pytest.mark.parametrize("statistic", STATISTICS)
def test_with_one_bin_nothing_can_differ(statistic: TwoHistograms) -> None:
    assert statistic(np.array([7]), np.array([900])) == 0.0


@pytest.mark.parametrize("statistic", STATISTICS)
def test_equal_shares_are_no_distance(statistic: TwoHistograms) -> None:
    assert statistic(np.array([70, 0, 30]), np.array([700, 0, 300])) == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_counts_in_narrow_integers_do_not_overflow(statistic: TwoHistograms) -> None:
    narrow = np.array([30_000, 20_000, 25_000, 9_000], dtype=np.int16)
    baseline = np.array([1, 1, 60_000, 60_000], dtype=np.uint16)
    assert statistic(narrow, baseline) == statistic(narrow.astype(np.int64), baseline.astype(np.int64)) > 0


@pytest.mark.parametrize("rows", [0, -1, float("nan")])
def test_a_sample_without_rows_is_refused(rows: float) -> None:
    with pytest.raises(ValueError, match="at least one row"):
        require_rows(10, rows)


@pytest.mark.parametrize("alpha", [0.0, -0.1, 0.51, 1.0, float("nan")])
def test_an_alpha_that_makes_no_bound_is_refused(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha"):
        require_alpha(alpha)


@given(st.integers(1, 300), st.sampled_from([np.int8, np.int16, np.int32, np.int64]), st.integers(0, 2**32 - 1))
def test_a_tally_is_a_bincount(size: int, dtype: type[np.signedinteger], seed: int) -> None:
    """Some take the way of pairs and some do not; rows are odd and even in number."""
    rng = np.random.default_rng(seed)
    places = rng.integers(0, min(size, np.iinfo(dtype).max), rng.integers(0, 5_000), dtype=dtype)
    assert tally(places, size).tolist() == np.bincount(places, minlength=size).tolist()
