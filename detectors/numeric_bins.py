"""Bins of a numeric column: baseline values in, frozen edges out; then any values in, mergeable counts out."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors import grid
from detectors.counts import Counts


@dataclass(frozen=True, slots=True)
class NumericBins:
    """Half-open intervals of the line, and two bins for what has no place on it.

    Bin ``i`` is ``(edges[i - 1], edges[i]]``; the first and the last are open
    towards infinity, so an absurd value moves one count and no more. Counts
    are laid out as the finite bins in order, then NULL, then NON_FINITE.
    Counts of two sets of rows add up to the counts of both.

    Attributes
    ----------
    edges : tuple of float
        Inner edges, finite and strictly increasing. None at all is one bin.

    Raises
    ------
    ValueError
        If the edges are not finite and strictly increasing.

    Examples
    --------
    >>> import numpy as np
    >>> bins = NumericBins((0.0, 10.0))
    >>> bins.count(np.array([-1.0, 0.0, 0.5, 10.0, 1e9, np.nan])).tolist()
    [2, 2, 1, 0, 1]
    """

    edges: tuple[float, ...]

    def __post_init__(self) -> None:
        edges = np.asarray(self.edges, dtype=np.float64)
        if not np.isfinite(edges).all() or (edges[1:] <= edges[:-1]).any():
            raise ValueError("edges are finite and strictly increasing")

    @property
    def finite(self) -> int:
        """Number of bins on the line."""
        return len(self.edges) + 1

    @property
    def size(self) -> int:
        """Length of the counts: the finite bins, NULL and NON_FINITE."""
        return self.finite + 2

    @property
    def null_bin(self) -> int:
        """Where the rows without a value are counted."""
        return self.finite

    @property
    def non_finite_bin(self) -> int:
        """Where NaN and the infinities are counted."""
        return self.finite + 1

    def count(self, values: ArrayLike, null: NDArray[np.bool_] | None = None) -> Counts:
        """Count values into the bins.

        Parameters
        ----------
        values : array_like of float, shape (rows,)
            Compared as float64. A float32 is widened first, which makes
            0.1f another number than 0.1: cut and count at one width.
        null : ndarray of bool, shape (rows,), optional
            True where the row has no value, whatever stands in `values`.

        Returns
        -------
        ndarray of int64, shape (size,)

        Raises
        ------
        ValueError
            If `values` has more than one dimension or `null` another shape.

        Notes
        -----
        Equal, row by row, to ``searchsorted(edges, value, side="left")``.

        Examples
        --------
        >>> import numpy as np
        >>> bins = NumericBins((0.0,))
        >>> bins.count(np.array([0.0, 7.0, np.nan]), null=np.array([False, False, True])).tolist()
        [1, 1, 1, 0]
        """
        x = np.asarray(values, dtype=np.float64)
        if x.ndim != 1 or (null is not None and null.shape != x.shape):
            raise ValueError("values have one dimension, and null has the same")
        counts = np.zeros(self.size, dtype=np.int64)
        counts[: self.finite] = grid.count(self.edges, x, null)
        counts[self.null_bin] = 0 if null is None else np.count_nonzero(null)
        counts[self.non_finite_bin] = len(x) - counts.sum()
        return counts

    def finer(self, more: Iterable[float]) -> "NumericBins":
        """Return these bins, cut at more edges.

        Parameters
        ----------
        more : iterable of float
            Finite ones are taken.

        Returns
        -------
        NumericBins

        Examples
        --------
        >>> NumericBins((0.0, 1.0)).finer((-5.0, 1.0, float("inf")))
        NumericBins(edges=(-5.0, 0.0, 1.0))
        """
        return NumericBins(tuple(sorted({*self.edges, *(edge for edge in more if np.isfinite(edge))})))

    def from_finer(self, finer: "NumericBins", counts: Counts) -> Counts:
        """Return the counts in these bins, given those in finer ones.

        Parameters
        ----------
        finer : NumericBins
            Has all edges of these bins, and more.
        counts : ndarray of int64, shape (finer.size,)

        Returns
        -------
        ndarray of int64, shape (size,)

        Examples
        --------
        >>> bins = NumericBins((0.0,))
        >>> bins.from_finer(bins.finer((-5.0,)), np.array([1, 2, 3, 4, 5])).tolist()
        [3, 3, 4, 5]
        """
        return np.add.reduceat(counts, _firsts(self, finer))

    def without_missing(self, counts: Counts) -> Counts:
        """Return the counts of the finite bins alone.

        Parameters
        ----------
        counts : ndarray of int64, shape (size,)

        Returns
        -------
        ndarray of int64, shape (finite,)

        Raises
        ------
        ValueError
            If `counts` are of other bins.

        Examples
        --------
        >>> import numpy as np
        >>> NumericBins((0.0,)).without_missing(np.array([4, 6, 1, 2])).tolist()
        [4, 6]
        """
        if counts.shape != (self.size,):
            raise ValueError(f"{self.size} counts expected, not {counts.shape}")
        return counts[: self.finite]


def cut_numeric(values: ArrayLike, *, k: int = 64) -> NumericBins:
    """Cut bins at the quantiles of a baseline column.

    Parameters
    ----------
    values : array_like of float
        The baseline's values; NaN and the infinities are left aside.
    k : int, at least 1
        Number of quantile bins asked for.

    Returns
    -------
    NumericBins
        At most ``2 * k - 2`` edges. A value that holds more than ``1 / k`` of
        the rows has a bin of its own. Without a finite value, one bin.

    Raises
    ------
    ValueError
        If `k` is below 1.

    Notes
    -----
    A distance taken on the bins never exceeds the true one. Kolmogorov's D
    falls short of it by at most ``1 / k`` where no value repeats, by less than
    ``2 / k`` in any case, and not at all where every value has its own bin.

    Examples
    --------
    >>> import numpy as np
    >>> cut_numeric(np.arange(1.0, 101.0), k=4).edges
    (25.0, 50.0, 75.0)

    A constant has a bin of its own, between below and above:

    >>> constant = cut_numeric(np.full(500, 3.0))
    >>> constant.count(np.array([2.9, 3.0, 3.0, 3.1])).tolist()
    [1, 2, 1, 0, 0]
    """
    if k < 1:
        raise ValueError(f"at least one bin is needed, not {k}")
    x = np.asarray(values, dtype=np.float64).ravel()
    x = np.sort(x[np.isfinite(x)])
    if x.size == 0:
        return NumericBins(())
    last_of_each_share = -(-np.arange(1, k) * x.size // k) - 1
    distinct, rows = np.unique(x, return_counts=True)
    atoms = distinct[rows * k > x.size]
    with np.errstate(over="ignore"):
        just_below = np.nextafter(atoms, -np.inf)
    edges = np.unique(np.concatenate((x[last_of_each_share], atoms, just_below)))
    return NumericBins(tuple(edges[np.isfinite(edges)].tolist()))


@lru_cache(maxsize=1024)
def _firsts(bins: NumericBins, finer: NumericBins) -> NDArray[np.intp]:
    """Return where among the finer bins each bin begins."""
    between = np.searchsorted(finer.edges, bins.edges) + 1
    return np.concatenate(([0], between, [finer.null_bin, finer.non_finite_bin]))
