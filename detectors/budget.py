"""From a yearly budget of false alarms to the error probability of one look, and to the rows that it costs."""

import math

from detectors.counts import require_alpha


def alpha(false_alarms_per_year: float, *, looks_per_year: float, columns: int, metrics: int, scales: int = 1) -> float:
    """Return how often a single bound may be wrong.

    Parameters
    ----------
    false_alarms_per_year : float, above 0
        Expected number of false alarms that a year may hold.
    looks_per_year : float, above 0
        8,760 for one window an hour.
    columns, metrics, scales : int, at least 1
        Columns under watch, statistics that decide on each, lengths of merged
        windows that each is taken over.

    Returns
    -------
    float
        ``false_alarms_per_year / (looks_per_year * columns * metrics * scales)``,
        capped at 0.5, which only spends less.

    Raises
    ------
    ValueError
        If a parameter lies outside.

    Notes
    -----
    The expectation of a sum is the sum of the expectations, whatever depends
    on what: columns that move together and windows that overlap change nothing
    about it. The price is logarithmic, see `rows_to_certify`.

    Examples
    --------
    >>> f"{alpha(1, looks_per_year=8_760, columns=20, metrics=3, scales=15):.1e}"
    '1.3e-07'
    """
    if not (false_alarms_per_year > 0 and looks_per_year > 0):
        raise ValueError("a budget needs more than 0 false alarms and more than 0 looks a year")
    if min(columns, metrics, scales) < 1:
        raise ValueError("at least one column, metric and scale share a budget")
    return min(0.5, false_alarms_per_year / (looks_per_year * columns * metrics * scales))


def rows_to_certify(shift: float, tolerance: float, alpha: float) -> int:
    """Return how many rows make a shift certainly exceed a tolerance.

    Parameters
    ----------
    shift : float, tolerance < shift <= 1
        The distance D, or the change of a share, as observed.
    tolerance : float, at least 0
        What it has to exceed.
    alpha : float, 0 < alpha <= 0.5
        How often the claim may be wrong.

    Returns
    -------
    int
        ``log(2 / alpha) / (2 * (shift - tolerance)**2)``, rounded up.

    Raises
    ------
    ValueError
        If a parameter lies outside; no number of rows certifies a shift that
        does not exceed the tolerance.

    Notes
    -----
    Against a baseline of many more rows. Rows that resemble each other count
    for fewer: multiply by the design effect.

    Examples
    --------
    Looking hourly instead of daily costs a quarter more rows, not 24 times:

    >>> daily = alpha(1, looks_per_year=365, columns=20, metrics=3, scales=15)
    >>> hourly = alpha(1, looks_per_year=8_760, columns=20, metrics=3, scales=15)
    >>> rows_to_certify(0.2, 0.1, daily), rows_to_certify(0.2, 0.1, hourly)
    (670, 829)
    """
    require_alpha(alpha)
    if not 0 <= tolerance < shift <= 1:
        raise ValueError(f"no number of rows certifies that {shift} exceeds {tolerance}")
    return math.ceil(math.log(2 / alpha) / (2 * (shift - tolerance) ** 2))
