"""How good a classifier is: what a cohort got right and wrong in, accuracy, precision, recall, F1 and log loss out."""

from dataclasses import dataclass

from detectors.bounded_mean import Sums
from detectors.performance import Performance, of_mean, of_share


@dataclass(frozen=True, slots=True)
class Confusion:
    """Rows by prediction and label. Those of two cohorts add up to those of both.

    With more than two classes, one of them is positive and all others are not;
    for accuracy alone, right rows may all stand in `rejections` and wrong ones
    in `false_alarms`.

    Attributes
    ----------
    hits : int
        Predicted positive, and are.
    false_alarms : int
        Predicted positive, and are not.
    misses : int
        Predicted negative, and are positive.
    rejections : int
        Predicted negative, and are.

    Raises
    ------
    ValueError
        If a number is negative.

    Examples
    --------
    >>> Confusion(1, 2, 3, 4) + Confusion(1, 0, 0, 0)
    Confusion(hits=2, false_alarms=2, misses=3, rejections=4)
    """

    hits: int
    false_alarms: int
    misses: int
    rejections: int

    def __post_init__(self) -> None:
        if min(self.hits, self.false_alarms, self.misses, self.rejections) < 0:
            raise ValueError("a number of rows is negative")

    def __add__(self, other: "Confusion") -> "Confusion":
        return Confusion(
            self.hits + other.hits,
            self.false_alarms + other.false_alarms,
            self.misses + other.misses,
            self.rejections + other.rejections,
        )


def accuracy(confusion: Confusion, alpha: float) -> Performance:
    """Return the share of rows that were predicted right.

    Parameters
    ----------
    confusion : Confusion
    alpha : float, 0 < alpha <= 0.5
        How often either bound may be wrong.

    Returns
    -------
    Performance
        With Clopper and Pearson's bounds, exact at every number of rows.

    Raises
    ------
    ValueError
        If `alpha` lies outside.

    Examples
    --------
    >>> found = accuracy(Confusion(hits=40, false_alarms=5, misses=5, rejections=50), alpha=0.025)
    >>> round(found.lower, 3), round(found.upper, 3)
    (0.824, 0.951)
    """
    right = confusion.hits + confusion.rejections
    return of_share("accuracy", right, right + confusion.false_alarms + confusion.misses, alpha)


def precision(confusion: Confusion, alpha: float) -> Performance:
    """Return the share of rows predicted positive that are.

    Parameters
    ----------
    confusion : Confusion
    alpha : float, 0 < alpha <= 0.5

    Returns
    -------
    Performance
        As `accuracy`; from 0 to 1 where no row was predicted positive.

    Raises
    ------
    ValueError
        If `alpha` lies outside.

    Examples
    --------
    >>> precision(Confusion(hits=40, false_alarms=10, misses=5, rejections=45), alpha=0.025).value
    0.8
    """
    return of_share("precision", confusion.hits, confusion.hits + confusion.false_alarms, alpha)


def recall(confusion: Confusion, alpha: float) -> Performance:
    """Return the share of positive rows that were predicted so.

    Parameters
    ----------
    confusion : Confusion
    alpha : float, 0 < alpha <= 0.5

    Returns
    -------
    Performance
        As `accuracy`; from 0 to 1 where no row is positive.

    Raises
    ------
    ValueError
        If `alpha` lies outside.

    Examples
    --------
    >>> recall(Confusion(hits=40, false_alarms=10, misses=10, rejections=40), alpha=0.025).value
    0.8
    """
    return of_share("recall", confusion.hits, confusion.hits + confusion.misses, alpha)


def f1(confusion: Confusion, alpha: float) -> Performance:
    """Return the harmonic mean of precision and recall.

    Parameters
    ----------
    confusion : Confusion
    alpha : float, 0 < alpha <= 0.5

    Returns
    -------
    Performance
        Exact; from 0 to 1 where no row is positive nor was predicted so.

    Raises
    ------
    ValueError
        If `alpha` lies outside.

    Notes
    -----
    F1 is no share, but ``2 * j / (1 + j)`` of one: of the hits among the rows
    that are positive or were predicted so. Its bounds are the share's, carried
    over.

    Examples
    --------
    >>> round(f1(Confusion(hits=40, false_alarms=10, misses=10, rejections=40), alpha=0.025).value, 3)
    0.8
    """
    j = of_share("f1", confusion.hits, confusion.hits + confusion.false_alarms + confusion.misses, alpha)
    value, lower, upper = (2 * one / (1 + one) for one in (j.value, j.lower, j.upper))
    return Performance("f1", value, lower, upper, j.n)


def log_loss(losses: Sums, alpha: float) -> Performance:
    """Return the mean of ``-log(p)``, with p the probability that was given to what came.

    Parameters
    ----------
    losses : Sums
        Of ``-log(p)``, cut at ``-log`` of the smallest p that is believed: at
        13.8 for one in a million. The looser the limit, the wider the bounds.
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
    >>> import numpy as np
    >>> from detectors import bounded_mean
    >>> round(log_loss(bounded_mean.add_up(-np.log([0.9, 0.8]), largest=13.8), alpha=0.05).value, 3)
    0.164
    """
    return of_mean("log_loss", losses, alpha)
