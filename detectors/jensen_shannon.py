"""Jensen and Shannon's distance: two histograms in, a number between 0 and 1 to report out."""

import math

import numpy as np
from scipy.special import rel_entr

from detectors.counts import Counts, pair
from detectors.statistic import Statistic


def measure(current: Counts, baseline: Counts) -> Statistic:
    """Return the distance, without p-value or bound: it is reported and must not decide.

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
    >>> measure(np.array([4, 0]), np.array([0, 9])).value
    1.0
    """
    x, y = pair(current, baseline)
    return Statistic("jensen_shannon", statistic(x, y), None, int(x.sum()), int(y.sum()))


def statistic(current: Counts, baseline: Counts) -> float:
    """Return the square root of the Jensen-Shannon divergence to base 2.

    Parameters
    ----------
    current, baseline : ndarray of int64, shape (bins,)
        Rows per bin.

    Returns
    -------
    float
        0 where the shares agree, 1 where no bin is shared. With one bin, 0.

    Raises
    ------
    ValueError
        If the two were not counted over the same bins, or one holds no row.

    Notes
    -----
    A metric. Biased upwards like every distance of two samples: without drift
    its square has a mean of about ``(bins - 1) * (1/n + 1/m) / (8 * log(2))``.

    References
    ----------
    Lin (1991), IEEE Trans. Inf. Theory 37(1):145-151.
    Endres & Schindelin (2003), IEEE Trans. Inf. Theory 49(7):1858-1860.

    Examples
    --------
    >>> import numpy as np
    >>> round(statistic(np.array([30, 20]), np.array([20, 30])), 3)
    0.17
    """
    x, y = pair(current, baseline)
    q, p = x / x.sum(), y / y.sum()
    middle = (q + p) / 2
    divergence = float(np.sum(rel_entr(q, middle) + rel_entr(p, middle))) / (2 * math.log(2))
    # a hair outside by rounding
    return math.sqrt(min(1.0, max(0.0, divergence)))
