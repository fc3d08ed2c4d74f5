"""A latency quantile that rose: two latency histograms in, the share of too slow requests and its bound out."""

from dataclasses import dataclass

from detectors import latency, share
from detectors.counts import Counts, require_alpha


@dataclass(frozen=True, slots=True)
class Exceedance:
    """How many requests are slower than the baseline's quantile allows.

    The quantile rose by more than the tolerance, for certain, where `lower`
    exceeds `allowed`.

    Attributes
    ----------
    threshold_ms : float
        Requests from here on are too slow. Infinity where the baseline holds
        too few requests to bound the quantile, or the threshold lies in the
        last bucket: then nothing can be told, and `share` is 0.
    share : float
        Share of the current requests that are too slow.
    lower : float
        Its lower confidence bound, never above `share`.
    allowed : float
        The share if the quantile rose by just the tolerance, at most.
    n, m : int
        Requests in the current window and in the baseline.

    Examples
    --------
    >>> Exceedance(threshold_ms=113.1, share=0.12, lower=0.08, allowed=0.05, n=1_000, m=20_000).lower
    0.08
    """

    threshold_ms: float
    share: float
    lower: float
    allowed: float
    n: int
    m: int


def measure(
    current: Counts, baseline: Counts, *, q: float, tolerance: float, alpha: float, alpha0: float = 1e-3
) -> Exceedance:
    """Return the share of requests slower than the baseline's quantile and a tolerance.

    A quantile rose by more than the tolerance exactly if more than ``1 - q`` of
    the requests are slower than ``(1 + tolerance)`` times the baseline's: a
    question about one share, whose counts merge.

    Parameters
    ----------
    current, baseline : ndarray of int64, shape (latency.BUCKETS,)
        As `latency.count` returns them.
    q : float, 0 < q < 1
        Which quantile: 0.95 for p95.
    tolerance : float, at least 0
        By which share of itself the quantile may rise.
    alpha : float, 0 < alpha <= 0.5
        How often the current window's bound may be wrong.
    alpha0 : float, 0 < alpha0 <= 0.5
        How often the baseline's quantile may be taken for too low; paid once
        for each baseline.

    Returns
    -------
    Exceedance

    Raises
    ------
    ValueError
        If a histogram is empty or not of `latency.BUCKETS`, or a parameter
        lies outside.

    Notes
    -----
    Exact at any number of requests, if those are independent. The quantile is
    bounded from above and both roundings to buckets go up, so the tolerance in
    effect is the one asked for and, from 1 ms on, up to 19 % on top, plus what
    a thin baseline leaves open. With alpha0 = 1e-3 a p99 needs 688 baseline requests, a p95 135.

    Examples
    --------
    One request in five now takes 300 ms; p95 was 100 ms:

    >>> baseline = latency.count([50.0] * 9_000 + [100.0] * 1_000)
    >>> current = latency.count([50.0] * 800 + [300.0] * 200)
    >>> found = measure(current, baseline, q=0.95, tolerance=0.1, alpha=1e-6)
    >>> found.share, round(found.lower, 2), round(found.allowed, 2)
    (0.2, 0.14, 0.05)
    """
    require_alpha(alpha)
    require_alpha(alpha0)
    if not (0 < q < 1 and tolerance >= 0):
        raise ValueError(f"no quantile {q} rises by {tolerance}")
    slowest = _quantile_bound(baseline, q, alpha0)
    threshold = int(latency.bucket((1 + tolerance) * latency.upper_ms(slowest)))
    k, n = latency.share_above(current, threshold)
    return Exceedance(
        threshold_ms=latency.upper_ms(threshold),
        share=k / n,
        lower=share.lower_bound(k, n, alpha),
        allowed=1 - q,
        n=n,
        m=latency.share_above(baseline, slowest)[1],
    )


def _quantile_bound(counts: Counts, q: float, alpha: float) -> int:
    """Return the first bucket above which, certainly, at most ``1 - q`` of the requests lie; else the last."""
    for bucket in range(latency.BUCKETS):
        if share.upper_bound(*latency.share_above(counts, bucket), alpha) <= 1 - q:
            return bucket
    return latency.BUCKETS - 1
