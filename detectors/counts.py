"""What every statistic asks of its counts: two histograms over the same bins go in, or a ValueError comes out."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Counts = NDArray[np.int64]


def pair(current: ArrayLike, baseline: ArrayLike) -> tuple[Counts, Counts]:
    """Return both histograms as arrays, once they can be compared.

    Parameters
    ----------
    current, baseline : array_like of int, shape (bins,)
        Rows per bin, counted over the same bins.

    Returns
    -------
    tuple of ndarray of int64
        `current` and `baseline`.

    Raises
    ------
    ValueError
        If the shapes differ, there is no bin, a count is negative or not an
        integer, or one of the two holds no row: whether that is "no data" is
        for the caller to say.

    Examples
    --------
    >>> import numpy as np
    >>> current, baseline = pair([3, 1], np.array([5, 5]))
    >>> current.dtype
    dtype('int64')
    """
    x, y = histogram(current), histogram(baseline)
    if x.shape != y.shape:
        raise ValueError(f"counted over different bins: {len(x)} and {len(y)}")
    if not x.any() or not y.any():
        raise ValueError("a histogram without rows cannot be compared")
    return x, y


def histogram(counts: ArrayLike) -> Counts:
    """Return one histogram as an array of int64.

    Parameters
    ----------
    counts : array_like of int, shape (bins,)
        Rows per bin, at least one bin.

    Returns
    -------
    ndarray of int64, shape (bins,)

    Raises
    ------
    ValueError
        If it is not one-dimensional, is empty, or holds anything but
        integers of at least 0.

    Examples
    --------
    >>> histogram([1, 2, 0]).sum()
    np.int64(3)
    """
    array = np.asarray(counts)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"counts have one dimension and at least one bin, not the shape {array.shape}")
    if array.dtype.kind not in "iu":
        raise ValueError(f"counts are integers, not {array.dtype}")
    if array.min() < 0:
        raise ValueError("a count is negative")
    return array.astype(np.int64, copy=False)


def tally(places: NDArray[np.integer], size: int) -> Counts:
    """Count how many rows have each place: `numpy.bincount`, in two thirds of its time where places are few.

    Parameters
    ----------
    places : ndarray of int, shape (rows,)
        Each from 0 up to `size`, exclusive; not checked.
    size : int
        Number of places.

    Returns
    -------
    ndarray of int64, shape (size,)

    Examples
    --------
    >>> tally(np.array([0, 2, 2, 1, 2]), 4).tolist()
    [1, 1, 3, 0]
    """
    half = len(places) // 2
    if size * size > half:
        return np.bincount(places, minlength=size)
    # two rows at a time, as one place of size * size
    pairs = np.multiply(places[:half], size, dtype=np.result_type(places, np.min_scalar_type(-size * size)))
    pairs += places[half : 2 * half]
    table = np.bincount(pairs.astype(np.intp, copy=False), minlength=size * size).reshape(size, size)
    counts: Counts = table.sum(axis=0) + table.sum(axis=1)
    counts[places[2 * half :]] += 1
    return counts


def require_rows(*rows: float) -> None:
    """Refuse a number of rows that is not positive.

    Parameters
    ----------
    *rows : float
        Sizes of the samples. An effective size need not be whole.

    Raises
    ------
    ValueError
        If one of them is not above 0.

    Examples
    --------
    >>> require_rows(100, 0)
    Traceback (most recent call last):
    ValueError: a sample needs at least one row, not 0
    """
    for size in rows:
        if not size > 0:
            raise ValueError(f"a sample needs at least one row, not {size}")


def require_alpha(alpha: float) -> None:
    """Refuse an error probability that makes no bound.

    Parameters
    ----------
    alpha : float, 0 < alpha <= 0.5
        How often a one-sided bound may be wrong. Above one half it would
        be wrong more often than right, and lie beyond its own statistic.

    Raises
    ------
    ValueError
        If `alpha` lies outside.

    Examples
    --------
    >>> require_alpha(0.0)
    Traceback (most recent call last):
    ValueError: alpha lies above 0 and not above 0.5, not at 0.0
    """
    if not 0 < alpha <= 0.5:
        raise ValueError(f"alpha lies above 0 and not above 0.5, not at {alpha}")
