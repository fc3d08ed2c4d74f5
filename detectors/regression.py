"""How good a regression is: sums of a cohort's errors in, MAE, RMSE and R2 out."""

import math

from detectors.bounded_mean import Sums, deviation_bounds
from detectors.counts import require_alpha
from detectors.performance import Performance, of_mean


def mae(errors: Sums, alpha: float) -> Performance:
    """Return the mean absolute error.

    Parameters
    ----------
    errors : Sums
        Of absolute errors, cut at the largest that is believed.
    alpha : float, 0 < alpha <= 0.5

    Returns
    -------
    Performance
        With the bounds of `bounded_mean`; lower is better.

    Raises
    ------
    ValueError
        If there is no row or `alpha` lies outside.

    Examples
    --------
    >>> from detectors import bounded_mean
    >>> mae(bounded_mean.add_up([1.0, 3.0], largest=100.0), alpha=0.05).value
    2.0
    """
    return of_mean("mae", errors, alpha)


def rmse(squared_errors: Sums, alpha: float) -> Performance:
    """Return the root of the mean squared error.

    Parameters
    ----------
    squared_errors : Sums
        Of squared errors, cut at the square of the largest that is believed.
    alpha : float, 0 < alpha <= 0.5

    Returns
    -------
    Performance
        With the roots of the bounds of `bounded_mean`; lower is better.

    Raises
    ------
    ValueError
        If there is no row or `alpha` lies outside.

    Examples
    --------
    >>> from detectors import bounded_mean
    >>> rmse(bounded_mean.add_up([9.0, 16.0, 23.0], largest=100.0), alpha=0.05).value
    4.0
    """
    mse = of_mean("rmse", squared_errors, alpha)
    value, lower, upper = (math.sqrt(one) for one in (mse.value, mse.lower, mse.upper))
    return Performance("rmse", value, lower, upper, mse.n, higher_is_better=False)


def r2(squared_errors: Sums, labels: Sums, alpha: float) -> Performance:
    """Return which share of the labels' variance the predictions explain.

    Parameters
    ----------
    squared_errors : Sums
        As for `rmse`.
    labels : Sums
        Of the labels of the same rows, less the smallest that is believed and
        cut at the largest less that.
    alpha : float, 0 < alpha <= 0.5
        Half of it is spent on the errors and half on the variance.

    Returns
    -------
    Performance
        At most 1; its lower bound is infinite where the labels may not have
        varied at all.

    Raises
    ------
    ValueError
        If there is no row, the rows differ, or `alpha` lies outside.

    Notes
    -----
    A quotient: errors and variance are bounded each by itself, so the bounds
    are wide. `rmse` decides sooner.

    Examples
    --------
    >>> import numpy as np
    >>> from detectors import bounded_mean
    >>> y, predicted = np.array([1.0, 2.0, 3.0]), np.array([1.1, 2.0, 2.9])
    >>> errors = bounded_mean.add_up((y - predicted) ** 2, largest=1.0)
    >>> round(r2(errors, bounded_mean.add_up(y, largest=10.0), alpha=0.05).value, 2)
    0.99
    """
    require_alpha(alpha)
    if squared_errors.n != labels.n:
        raise ValueError(f"{squared_errors.n} errors and {labels.n} labels are not of the same rows")
    half = alpha / 2
    mse = of_mean("r2", squared_errors, half)
    least, most = (sd**2 for sd in deviation_bounds(labels, half))
    variance = labels.variance * (labels.n - 1) / labels.n
    return Performance(
        "r2",
        _explained(mse.value, variance, nothing=0.0),
        _explained(mse.upper, least, nothing=-math.inf),
        _explained(mse.lower, most, nothing=1.0),
        labels.n,
    )


def _explained(mse: float, variance: float, *, nothing: float) -> float:
    return 1 - mse / variance if variance > 0 else nothing
