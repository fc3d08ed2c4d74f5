"""Latencies as a histogram of powers of two: milliseconds in, mergeable counts out, and quantiles of those."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.counts import Counts, histogram

# the last one begins at 2 ** 20.75 ms, half an hour
BUCKETS = 168
_PER_OCTAVE = 8


def bucket(ms: ArrayLike) -> NDArray[np.int64]:
    """Return the bucket of each latency.

    Bucket 0 is below 1 ms; bucket ``b`` is ``[2**((b-1)/8), 2**(b/8))`` ms, 9 %
    wide; the last one is open.

    Parameters
    ----------
    ms : array_like of float
        Milliseconds. Clocks disagree, so a negative one is allowed.

    Returns
    -------
    ndarray of int64
        ``1 + floor(8 * log2(ms))``, at least 0 and below `BUCKETS`.

    Raises
    ------
    ValueError
        If one is NaN.

    Notes
    -----
    The formula is one that SQL can also write, so that an engine may count
    the buckets where the rows are.

    Examples
    --------
    >>> bucket([0.3, 1.0, 2.0, 100.0, 1e12]).tolist()
    [0, 1, 9, 54, 167]
    """
    x = np.asarray(ms, dtype=np.float64)
    if np.isnan(x).any():
        raise ValueError("a latency is NaN")
    octaves = np.floor(_PER_OCTAVE * np.log2(np.maximum(x, 1.0)))
    return np.where(x < 1.0, 0, np.minimum(1 + octaves, BUCKETS - 1)).astype(np.int64)


def upper_ms(bucket: int) -> float:
    """Return where a bucket ends.

    Parameters
    ----------
    bucket : int, 0 <= bucket < BUCKETS

    Returns
    -------
    float
        Milliseconds; infinity for the last bucket.

    Raises
    ------
    ValueError
        If there is no such bucket.

    Examples
    --------
    >>> upper_ms(0), upper_ms(8), upper_ms(BUCKETS - 1)
    (1.0, 2.0, inf)
    """
    if not 0 <= bucket < BUCKETS:
        raise ValueError(f"there is no bucket {bucket}")
    return math.inf if bucket == BUCKETS - 1 else float(2.0 ** (bucket / _PER_OCTAVE))


def count(ms: ArrayLike) -> Counts:
    """Count latencies into the buckets.

    Parameters
    ----------
    ms : array_like of float, shape (requests,)
        Milliseconds.

    Returns
    -------
    ndarray of int64, shape (BUCKETS,)
        Counts of two sets of requests add up to the counts of both.

    Raises
    ------
    ValueError
        If one is NaN.

    Examples
    --------
    >>> int(count([12.0, 12.5, 900.0]).sum())
    3
    """
    return np.bincount(bucket(ms).ravel(), minlength=BUCKETS).astype(np.int64, copy=False)


def quantile(counts: Counts, q: float) -> float:
    """Return a latency that a share `q` of the requests did not exceed.

    Parameters
    ----------
    counts : ndarray of int64, shape (BUCKETS,)
    q : float, 0 < q <= 1

    Returns
    -------
    float
        Milliseconds: the end of the bucket that holds the quantile, hence
        never too low, and from 1 ms on at most 9 % too high. Infinity if it
        lies in the last bucket.

    Raises
    ------
    ValueError
        If there is no request, `q` lies outside, or the counts are not of
        these buckets.

    Examples
    --------
    >>> counts = count([10.0] * 95 + [500.0] * 5)
    >>> round(quantile(counts, 0.95), 1), round(quantile(counts, 0.99), 1)
    (10.4, 512.0)
    """
    counts = _checked(counts)
    if not 0 < q <= 1:
        raise ValueError(f"a quantile lies above 0 and not above 1, not at {q}")
    # 0.07 * 100 is 7.000000000000001, and means the seventh
    rank = math.ceil(q * int(counts.sum()) * (1 - 1e-12))
    return upper_ms(int(np.searchsorted(np.cumsum(counts), rank)))


def share_above(counts: Counts, bucket: int) -> tuple[int, int]:
    """Return how many requests lie above a bucket, and how many there are.

    Parameters
    ----------
    counts : ndarray of int64, shape (BUCKETS,)
    bucket : int, 0 <= bucket < BUCKETS

    Returns
    -------
    tuple of int
        ``(k, n)``: `k` of the `n` requests took ``upper_ms(bucket)`` or longer.

    Raises
    ------
    ValueError
        If there is no request or no such bucket.

    Examples
    --------
    >>> share_above(count([10.0, 20.0, 30.0]), int(bucket(20.0)))
    (1, 3)
    """
    counts = _checked(counts)
    if not 0 <= bucket < BUCKETS:
        raise ValueError(f"there is no bucket {bucket}")
    return int(counts[bucket + 1 :].sum()), int(counts.sum())


def _checked(counts: Counts) -> Counts:
    counts = histogram(counts)
    if len(counts) != BUCKETS:
        raise ValueError(f"{BUCKETS} buckets expected, not {len(counts)}")
    if not counts.any():
        raise ValueError("no request was counted")
    return counts
