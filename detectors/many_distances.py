"""D and L-infinity of many columns and scales at once: stacked counts in, distances with their radius out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.counts import require_alpha

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Distances:
    """How far each column has moved at each scale.

    Attributes
    ----------
    value : ndarray of float64, shape (...)
        `ks.statistic` of numeric columns, `linf.statistic` of categories; 0
        where there is no row on one side.
    n, m : ndarray of float64, shape (...)
        Rows now, and rows that the baseline counts for.
    categories : ndarray of int64, shape (...)
        Categories of the column, 0 where it is numeric.

    Examples
    --------
    >>> found = measure([[0, 500, 500]], [[5_000, 5_000, 0]])
    >>> (found.value - found.radius(1e-6)).round(2).tolist()
    [0.41]
    """

    value: Floats
    n: Floats
    m: Floats
    categories: NDArray[np.int64]

    def radius(self, alpha: float) -> Floats:
        """Return how far each value may lie above the true distance.

        Parameters
        ----------
        alpha : float, 0 < alpha <= 0.5

        Returns
        -------
        ndarray of float64, shape (...)
            `ks.radius` or `linf.radius`; infinite without a row.

        Raises
        ------
        ValueError
            If `alpha` lies outside.

        Examples
        --------
        >>> measure([[1_000, 0]], [[10_000, 10_000]]).radius(1e-6).round(3).tolist()
        [0.087]
        """
        require_alpha(alpha)
        with np.errstate(divide="ignore"):
            spread = (1 / self.n + 1 / self.m) / 2
        radius: Floats = np.sqrt(spread * np.log(2 * np.maximum(1, self.categories) / alpha))
        return radius


def measure(current: ArrayLike, baseline: ArrayLike, categories: ArrayLike = 0) -> Distances:
    """Return the distance of each histogram from its baseline.

    Parameters
    ----------
    current : array_like of int, shape (..., bins)
        Rows per bin, missing values left out. A column of fewer bins than
        another is filled up with zeros at the end.
    baseline : array_like of float, shape (..., bins)
        The same of the baseline. Rows need not be whole: the expectation of
        `phase.expect` is none that was counted.
    categories : array_like of int, shape (...)
        How many categories the column has, those that fill it up left out;
        0 where it is numeric and its bins have an order.

    Returns
    -------
    Distances

    Raises
    ------
    ValueError
        If the numbers of bins differ or a count is negative or no number.

    Examples
    --------
    The same counts, once as numbers and once as categories:

    >>> measure([[1, 1, 2], [1, 1, 2]], [[2, 1, 1]], categories=[0, 3]).value.tolist()
    [0.25, 0.25]
    >>> measure([[2, 2, 0], [2, 2, 0]], [[0, 2, 2]], categories=[0, 3]).value.tolist()
    [0.5, 0.5]
    """
    x, y = stacked(current, baseline)
    n, m = x.sum(axis=-1), y.sum(axis=-1)
    known = np.asarray(categories, dtype=np.int64)
    change = shares(x, n) - shares(y, m)
    as_numbers = np.abs(shares(np.cumsum(x, axis=-1), n) - shares(np.cumsum(y, axis=-1), m)).max(axis=-1)
    value = np.where(known > 0, np.abs(change).max(axis=-1), as_numbers)
    value, n, m, known = np.broadcast_arrays(value, n, m, known)
    return Distances(np.where((n > 0) & (m > 0), np.minimum(value, 1.0), 0.0), n, m, known)


def stacked(current: ArrayLike, baseline: ArrayLike) -> tuple[Floats, Floats]:
    """Return both stacks as arrays of floats, once they can be compared.

    Parameters
    ----------
    current, baseline : array_like, shape (..., bins)

    Returns
    -------
    tuple of ndarray of float64

    Raises
    ------
    ValueError
        If the numbers of bins differ or a count is negative or no number.

    Examples
    --------
    >>> stacked([[1, 2]], [[3, 4]])[0].dtype
    dtype('float64')
    """
    x, y = np.asarray(current, dtype=np.float64), np.asarray(baseline, dtype=np.float64)
    if x.ndim == 0 or y.ndim == 0 or x.shape[-1] != y.shape[-1] or x.shape[-1] == 0:
        raise ValueError(f"counted over different bins: {x.shape} and {y.shape}")
    # a NaN is not at least 0 either
    if not ((x >= 0).all() and (y >= 0).all() and np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("a count is negative or no number")
    return x, y


def shares(counts: Floats, rows: Floats) -> Floats:
    """Return counts as shares of their rows.

    Parameters
    ----------
    counts : ndarray of float64, shape (..., bins)
    rows : ndarray of float64, shape (...)

    Returns
    -------
    ndarray of float64, shape (..., bins)
        0 where there is no row.

    Examples
    --------
    >>> import numpy as np
    >>> shares(np.array([[1.0, 3.0], [0.0, 0.0]]), np.array([4.0, 0.0])).tolist()
    [[0.25, 0.75], [0.0, 0.0]]
    """
    return counts / np.where(rows > 0, rows, 1.0)[..., None]
