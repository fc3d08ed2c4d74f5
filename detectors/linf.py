"""The largest change of any category's share: two histograms in, the change and its lower confidence bound out."""

import math

import numpy as np

from detectors.counts import Counts, pair, require_alpha, require_rows
from detectors.statistic import Statistic


def measure(current: Counts, baseline: Counts, alpha: float) -> Statistic:
    """Return the largest change with its lower bound.

    Parameters
    ----------
    current, baseline : ndarray of int64, shape (categories,)
        Rows per category, OTHER and UNSEEN among them, null left out.
    alpha : float, 0 < alpha <= 0.5
        How often the bound may be wrong.

    Returns
    -------
    Statistic
        Without a p-value.

    Raises
    ------
    ValueError
        As `statistic` and `radius` do.

    Examples
    --------
    >>> import numpy as np
    >>> found = measure(np.array([500, 400, 100]), np.array([5_000, 4_000, 1_000]), alpha=1e-6)
    >>> found.value, found.lower
    (0.0, 0.0)
    """
    change = statistic(current, baseline)
    n, m = int(np.sum(current)), int(np.sum(baseline))
    return Statistic("linf", change, lower_bound(change, n, m, alpha, categories=len(current)), n, m)


def statistic(current: Counts, baseline: Counts) -> float:
    """Return the largest difference of a category's two shares.

    Parameters
    ----------
    current, baseline : ndarray of int64, shape (categories,)

    Returns
    -------
    float
        From 0 to 1. With one category, 0.

    Raises
    ------
    ValueError
        If the two were not counted over the same categories, or one holds no
        row.

    Examples
    --------
    >>> import numpy as np
    >>> statistic(np.array([6, 3, 1]), np.array([50, 50, 0]))
    0.2
    """
    x, y = pair(current, baseline)
    return float(np.abs(x / x.sum() - y / y.sum()).max())


def radius(n: float, m: float, alpha: float, *, categories: int) -> float:
    """Return how far the statistic may lie above the true change.

    Parameters
    ----------
    n, m : float, above 0
        Rows in the current window and in the baseline; effective sizes need
        not be whole.
    alpha : float, 0 < alpha <= 0.5
    categories : int, at least 1
        Length of the counts, empty categories included.

    Returns
    -------
    float
        ``sqrt((1/n + 1/m) / 2 * log(2 * categories / alpha))``; not capped.

    Raises
    ------
    ValueError
        If a parameter lies outside.

    Notes
    -----
    Hoeffding's inequality for the difference of two means, once for each
    category: a theorem at every size. It assumes independent rows.

    References
    ----------
    Hoeffding (1963), J. Amer. Statist. Assoc. 58(301):13-30.

    Examples
    --------
    >>> round(radius(1_000, 20_000, alpha=1e-6, categories=20), 3)
    0.096
    """
    require_rows(n, m)
    require_alpha(alpha)
    if categories < 1:
        raise ValueError(f"at least one category is needed, not {categories}")
    return math.sqrt((1 / n + 1 / m) / 2 * math.log(2 * categories / alpha))


def lower_bound(change: float, n: float, m: float, alpha: float, *, categories: int) -> float:
    """Return what the true largest change certainly exceeds.

    Parameters
    ----------
    change : float, 0 <= change <= 1
    n, m : float, above 0
    alpha : float, 0 < alpha <= 0.5
    categories : int, at least 1

    Returns
    -------
    float
        `change` less the radius, at least 0.

    Raises
    ------
    ValueError
        If a parameter lies outside.

    Examples
    --------
    >>> round(lower_bound(0.3, 1_000, 20_000, alpha=1e-6, categories=20), 3)
    0.204
    """
    if not 0 <= change <= 1:
        raise ValueError(f"a change of a share lies between 0 and 1, not at {change}")
    return max(0.0, change - radius(n, m, alpha, categories=categories))
