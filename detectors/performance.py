"""How good a model is, once labels have come: a measure with its bounds, and whether it has certainly become worse."""

from dataclasses import dataclass

from detectors import bounded_mean, share
from detectors.bounded_mean import Sums
from detectors.counts import require_alpha


@dataclass(frozen=True, slots=True)
class Performance:
    """One measure of performance.

    Attributes
    ----------
    name : str
        Which measure: ``"accuracy"``, ``"f1"``, ``"mae"``, ...
    value : float
        The point value. Where no row tells, the middle of its range, or 0.
    lower, upper : float
        Between these lies the true value; each may be wrong by itself with the
        probability that was asked for. Infinite where nothing bounds it.
    n : int
        Rows that tell of it: for precision, those that were predicted positive.
    exact : bool
        False where the bounds hold in the limit of many rows only. Such a
        measure is shown and decides nothing.
    higher_is_better : bool

    Examples
    --------
    >>> of_share("accuracy", 90, 100, alpha=0.025).value
    0.9
    """

    name: str
    value: float
    lower: float
    upper: float
    n: int
    exact: bool = True
    higher_is_better: bool = True


def certainly_worse(now: Performance, before: Performance, *, tolerance: float) -> bool:
    """Tell whether performance has fallen by more than a tolerance, for certain.

    Parameters
    ----------
    now, before : Performance
        Of the same measure: the cohort in question and the baseline.
    tolerance : float, at least 0
        By how much it may be worse, in the unit of the measure.

    Returns
    -------
    bool
        True if even the best that `now` may be is worse than the worst that
        `before` may have been, and by more than the tolerance. Never where one
        of the two is not exact.

    Raises
    ------
    ValueError
        If they are not of the same measure, or the tolerance is negative.

    Notes
    -----
    Wrong with a probability of at most the alpha of `now` and that of
    `before`. Take the first from the budget, and 1e-3 for a baseline: it is
    drawn once.

    Examples
    --------
    Errors went from 15 % to 20 %, in 2,000 and in 20,000 rows:

    >>> before = of_share("accuracy", 85_000, 100_000, alpha=1e-3)
    >>> few, many = (of_share("accuracy", 4 * n // 5, n, alpha=1e-6) for n in (2_000, 20_000))
    >>> certainly_worse(few, before, tolerance=0.02), certainly_worse(many, before, tolerance=0.02)
    (False, True)
    """
    if now.name != before.name or now.higher_is_better != before.higher_is_better:
        raise ValueError(f"{now.name} cannot be compared with {before.name}")
    if not tolerance >= 0:
        raise ValueError(f"a tolerance is at least 0, not {tolerance}")
    if not (now.exact and before.exact):
        return False
    if now.higher_is_better:
        return now.upper < before.lower - tolerance
    return now.lower > before.upper + tolerance


def of_share(name: str, k: int, n: int, alpha: float) -> Performance:
    """Return a measure that is a share of rows.

    Parameters
    ----------
    name : str
    k, n : int, 0 <= k <= n
        Rows that are as they should be, of the rows that tell.
    alpha : float, 0 < alpha <= 0.5
        How often either bound may be wrong.

    Returns
    -------
    Performance
        With Clopper and Pearson's bounds, exact at every number of rows; from
        0 to 1 where no row tells.

    Raises
    ------
    ValueError
        If a parameter lies outside.

    Examples
    --------
    >>> found = of_share("recall", 40, 50, alpha=0.025)
    >>> found.value, round(found.lower, 3), round(found.upper, 3)
    (0.8, 0.663, 0.9)
    """
    require_alpha(alpha)
    if n == 0:
        return Performance(name, 0.5, 0.0, 1.0, 0)
    return Performance(name, k / n, share.lower_bound(k, n, alpha), share.upper_bound(k, n, alpha), n)


def of_mean(name: str, losses: Sums, alpha: float) -> Performance:
    """Return a measure that is a mean of losses, the lower the better.

    Parameters
    ----------
    name : str
    losses : Sums
        Of at least one row.
    alpha : float, 0 < alpha <= 0.5
        How often either bound may be wrong.

    Returns
    -------
    Performance
        With the bounds of `bounded_mean`, exact at every number of rows.

    Raises
    ------
    ValueError
        If there is no row or `alpha` lies outside.

    Examples
    --------
    >>> from detectors import bounded_mean
    >>> of_mean("mae", bounded_mean.add_up([1.0, 3.0], largest=100.0), alpha=0.05).value
    2.0
    """
    lower, upper = bounded_mean.lower_bound(losses, alpha), bounded_mean.upper_bound(losses, alpha)
    return Performance(name, losses.mean, lower, upper, losses.n, higher_is_better=False)
