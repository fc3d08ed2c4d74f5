"""Shares of rows (nulls, errors, never-seen values): counts in, exact confidence bounds out."""

from scipy.special import betainccinv, betaincinv

from detectors.counts import require_alpha, require_rows


def lower_bound(k: int, n: int, alpha: float) -> float:
    """Return what the true share certainly exceeds.

    Parameters
    ----------
    k : int, 0 <= k <= n
        Rows that have the property.
    n : int, at least 1
        All rows.
    alpha : float, 0 < alpha <= 0.5
        How often the bound may be wrong.

    Returns
    -------
    float
        Clopper and Pearson's one-sided bound, from 0 to ``k / n``.

    Raises
    ------
    ValueError
        If a parameter lies outside.

    Notes
    -----
    Exact at every `n`: it is wrong with a probability of at most `alpha`,
    mostly less. It assumes independent rows.

    References
    ----------
    Clopper & Pearson (1934), Biometrika 26(4):404-413.

    Examples
    --------
    >>> round(lower_bound(30, 1_000, alpha=1e-6), 4)
    0.0108
    >>> lower_bound(0, 1_000, alpha=1e-6)
    0.0
    """
    _require_share(k, n, alpha)
    return float(betaincinv(k, n - k + 1, alpha)) if k else 0.0


def upper_bound(k: int, n: int, alpha: float) -> float:
    """Return what the true share certainly stays below.

    Parameters
    ----------
    k : int, 0 <= k <= n
    n : int, at least 1
    alpha : float, 0 < alpha <= 0.5

    Returns
    -------
    float
        Clopper and Pearson's one-sided bound, from ``k / n`` to 1.

    Raises
    ------
    ValueError
        If a parameter lies outside.

    Notes
    -----
    As for `lower_bound`.

    Examples
    --------
    No null among 1,000 rows is less than 0.3 % of nulls, with 95 %:

    >>> round(upper_bound(0, 1_000, alpha=0.05), 4)
    0.003
    """
    _require_share(k, n, alpha)
    return float(betainccinv(k + 1, n - k, alpha)) if k < n else 1.0


def shift_lower_bound(k: int, n: int, k0: int, n0: int, alpha: float, alpha0: float = 1e-3) -> float:
    """Return how far a share has certainly moved, up or down.

    Parameters
    ----------
    k, n : int, 0 <= k <= n, n at least 1
        Rows that have the property, and all rows, in the current window.
    k0, n0 : int, 0 <= k0 <= n0, n0 at least 1
        The same in the baseline.
    alpha : float, 0 < alpha <= 0.5
        How often the window's bounds may be wrong.
    alpha0 : float, 0 < alpha0 <= 0.5
        How often the baseline's may be. Its rows are drawn once, so this is
        paid once for each baseline and not at each look.

    Returns
    -------
    float
        The gap between the two confidence intervals, 0 where they meet: a
        lower bound of ``|share - share0|``.

    Raises
    ------
    ValueError
        If a parameter lies outside.

    Notes
    -----
    Each interval spends half of its error on either end. The claim "moved by
    more than b" is wrong with a probability of at most ``alpha + alpha0``,
    at any number of rows. A baseline that is all null has the share 1.

    Examples
    --------
    Nulls went from 2.4 % to 7.3 %, by more than a point for certain:

    >>> round(shift_lower_bound(146, 2_000, 480, 20_000, alpha=1e-7), 4)
    0.0181
    """
    low, high = lower_bound(k, n, alpha / 2), upper_bound(k, n, alpha / 2)
    low0, high0 = lower_bound(k0, n0, alpha0 / 2), upper_bound(k0, n0, alpha0 / 2)
    return max(0.0, low - high0, low0 - high)


def _require_share(k: int, n: int, alpha: float) -> None:
    require_rows(n)
    require_alpha(alpha)
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} rows is no share")
