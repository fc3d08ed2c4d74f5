"""The area under the ROC curve: scores and labels in, the area and DeLong's interval out."""

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from detectors.counts import require_alpha
from detectors.performance import Performance

Floats = NDArray[np.float64]


def measure(scores: ArrayLike, labels: ArrayLike, alpha: float) -> Performance:
    """Return how often a positive row has the higher score, with an interval to show.

    Parameters
    ----------
    scores : array_like of float, shape (rows,)
    labels : array_like of bool, shape (rows,)
        True for positive rows.
    alpha : float, 0 < alpha <= 0.5
        How often either end may be wrong, if there were endless rows.

    Returns
    -------
    Performance
        Not exact: it is shown, and `performance.certainly_worse` never acts on
        it. From 0 to 1 where one label is missing or stands alone.

    Raises
    ------
    ValueError
        If the shapes differ, there is no row, a score is NaN, or `alpha` lies
        outside.

    Notes
    -----
    Ties count one half, as in the statistic of Mann and Whitney. The variance
    is DeLong's, from midranks; with it the area is normal in the limit only,
    and how good the limit is far out in the tail nobody knows.

    References
    ----------
    DeLong, DeLong & Clarke-Pearson (1988), Biometrics 44(3):837-845.
    Sun & Xu (2014), IEEE Signal Process. Lett. 21(11):1389-1393.

    Examples
    --------
    >>> found = measure([0.1, 0.4, 0.35, 0.8], [False, False, True, True], alpha=0.025)
    >>> found.value, found.exact
    (0.75, False)
    """
    require_alpha(alpha)
    x, positive = np.asarray(scores, dtype=np.float64), np.asarray(labels).astype(np.bool_)
    if x.ndim != 1 or x.shape != positive.shape or x.size == 0 or np.isnan(x).any():
        raise ValueError("a score that is a number and a label for each row expected, and at least one row")
    ones, others = x[positive], x[~positive]
    if not (len(ones) and len(others)):
        return Performance("auc", 0.5, 0.0, 1.0, len(x), exact=False)
    below, above = _shares_below(ones, others), 1 - _shares_below(others, ones)
    value = float(below.mean())
    if min(len(ones), len(others)) < 2:
        return Performance("auc", value, 0.0, 1.0, len(x), exact=False)
    sd = math.sqrt(below.var(ddof=1) / len(ones) + above.var(ddof=1) / len(others))
    width = -float(ndtri(alpha)) * sd
    return Performance("auc", value, max(0.0, value - width), min(1.0, value + width), len(x), exact=False)


def _shares_below(x: Floats, others: Floats) -> Floats:
    """Return which share of the others lies below each of x, ties as one half."""
    ordered = np.sort(others)
    places = np.searchsorted(ordered, x, side="left") + np.searchsorted(ordered, x, side="right")
    shares: Floats = places / (2 * len(others))
    return shares
