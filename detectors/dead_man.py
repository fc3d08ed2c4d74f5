"""Failures without a success between them: the usual failure rate in, how many in a row are too many out."""

import math


def failures_in_a_row(usual: float, *, looks_per_year: float, false_alarms_per_year: float) -> int:
    """Return how many failures in a row hardly happen by chance.

    Parameters
    ----------
    usual : float, 0 <= usual < 1
        The probability of a failure while all is well: an upper bound of it.
    looks_per_year : float, above 0
        How often a row of failures may begin: the requests, or the looks at
        whether any came.
    false_alarms_per_year : float, above 0
        Expected number of false alarms that a year may hold.

    Returns
    -------
    int
        ``log(looks / alarms) / log(1 / usual)``, rounded up, at least 1.

    Raises
    ------
    ValueError
        If a parameter lies outside.

    Notes
    -----
    The shortcut for a version that fails altogether, or to which no traffic
    comes at all: nothing else has to be measured. It assumes failures that
    come one by one; an upstream outage is none of the version's making.

    Examples
    --------
    One request in a hundred fails, and a million come a year:

    >>> failures_in_a_row(0.01, looks_per_year=1_000_000, false_alarms_per_year=1)
    3
    """
    if not (looks_per_year > 0 and false_alarms_per_year > 0):
        raise ValueError("a budget needs more than 0 false alarms and more than 0 looks a year")
    if not 0 <= usual < 1:
        raise ValueError(f"a failure rate lies from 0 on below 1, not at {usual}")
    if usual == 0 or looks_per_year <= false_alarms_per_year:
        return 1
    # 6.000000000000001 is six
    return max(1, math.ceil(math.log(looks_per_year / false_alarms_per_year) / -math.log(usual) * (1 - 1e-12)))
