"""Histograms for the tests: strategies for any, and known distributions for simulations."""

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from detectors.counts import Counts

Pair = tuple[Counts, Counts]

alphas = st.floats(1e-12, 0.5)


@st.composite
def pairs(draw: st.DrawFn, *, largest: int = 5_000, most_bins: int = 40) -> Pair:
    """Two histograms over the same bins, neither empty."""
    bins = draw(st.integers(1, most_bins))
    histogram = st.lists(st.integers(0, largest), min_size=bins, max_size=bins).filter(any)
    return np.array(draw(histogram), dtype=np.int64), np.array(draw(histogram), dtype=np.int64)


def shifted_normal(delta: float, *, bins: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shares of N(delta, 1) and of N(0, 1) in the quantile bins of the latter."""
    edges = stats.norm.ppf(np.arange(1, bins) / bins)
    return _shares(edges - delta), _shares(edges)


def rows_of(shares: NDArray[np.float64], rows: int) -> Counts:
    """The histogram of so many rows that chance plays no part."""
    return np.rint(shares * rows).astype(np.int64)


def most_errors(rows: int, alpha: float) -> float:
    """More errors than this in so many trials refute an error rate of alpha, but for one run in ten thousand."""
    return float(stats.binom.ppf(1 - 1e-4, rows, alpha))


def _shares(edges: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.diff(np.concatenate(([0.0], stats.norm.cdf(edges), [1.0])))
