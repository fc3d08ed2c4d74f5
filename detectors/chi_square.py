"""Pearson's chi-square test of homogeneity: two histograms in, a statistic and a p-value to report out."""

import numpy as np
from scipy.special import chdtrc

from detectors.counts import Counts, pair
from detectors.statistic import Statistic


def measure(current: Counts, baseline: Counts) -> Statistic:
    """Return chi-square with its p-value, and no bound: it is reported and must not decide.

    Parameters
    ----------
    current, baseline : ndarray of int64, shape (bins,)

    Returns
    -------
    Statistic

    Raises
    ------
    ValueError
        As `statistic` does.

    Examples
    --------
    >>> import numpy as np
    >>> found = measure(np.array([30, 20]), np.array([20, 30]))
    >>> found.value, round(found.p_value, 4)
    (4.0, 0.0455)
    """
    x, y = pair(current, baseline)
    return Statistic("chi_square", statistic(x, y), None, int(x.sum()), int(y.sum()), p_value(x, y))


def statistic(current: Counts, baseline: Counts) -> float:
    """Return chi-square of the two-row table.

    Parameters
    ----------
    current, baseline : ndarray of int64, shape (bins,)
        Rows per bin; both are samples, none is taken for exact.

    Returns
    -------
    float
        At least 0. Bins that both leave empty are ignored; with one bin, 0.

    Raises
    ------
    ValueError
        If the two were not counted over the same bins, or one holds no row.

    Notes
    -----
    Without Yates' correction. It grows with the number of rows, so it measures
    how certain a change is and not how large.

    References
    ----------
    Pearson (1911), Biometrika 8(1/2):250-254.

    Examples
    --------
    >>> import numpy as np
    >>> statistic(np.array([30, 20, 0]), np.array([20, 30, 0]))
    4.0
    """
    x, y = pair(current, baseline)
    n, m = x.sum(), y.sum()
    both = (x + y)[x + y > 0]
    expected = both * (n / (n + m))
    squared = (x[x + y > 0] - expected) ** 2
    return float(np.sum(squared / expected) * (n + m) / m)


def p_value(current: Counts, baseline: Counts) -> float:
    """Return the probability of so large a chi-square without any drift.

    Parameters
    ----------
    current, baseline : ndarray of int64, shape (bins,)

    Returns
    -------
    float
        From the limiting distribution, from 0 to 1. With one bin, 1.

    Raises
    ------
    ValueError
        As `statistic` does.

    Notes
    -----
    Reported, never decides. Unreliable where fewer than 5 rows are expected.

    Examples
    --------
    >>> import numpy as np
    >>> round(p_value(np.array([30, 20]), np.array([20, 30])), 4)
    0.0455
    """
    x, y = pair(current, baseline)
    degrees = int(np.count_nonzero(x + y)) - 1
    return float(chdtrc(degrees, statistic(x, y))) if degrees else 1.0
