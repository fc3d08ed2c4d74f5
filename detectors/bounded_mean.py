"""The mean of a loss that cannot exceed a limit: values in, mergeable sums out, and exact bounds of those."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from detectors.counts import require_alpha, require_rows


@dataclass(frozen=True, slots=True)
class Sums:
    """What is kept of the losses of a cohort. Sums of two cohorts add up to the sums of both.

    Attributes
    ----------
    n : int
        Rows.
    total, squares : float
        Sum of the losses and of their squares.
    largest : float
        The limit at which each loss was cut.

    Raises
    ------
    ValueError
        When two of different limits are added.

    Examples
    --------
    >>> add_up([0.5, 9.0], largest=1.0) + add_up([0.0], largest=1.0)
    Sums(n=3, total=1.5, squares=1.25, largest=1.0)
    """

    n: int
    total: float
    squares: float
    largest: float

    def __add__(self, other: "Sums") -> "Sums":
        if self.largest != other.largest:
            raise ValueError(f"losses cut at {self.largest} and at {other.largest} do not add up")
        return Sums(self.n + other.n, self.total + other.total, self.squares + other.squares, self.largest)

    @property
    def mean(self) -> float:
        """The mean loss."""
        require_rows(self.n)
        return self.total / self.n

    @property
    def variance(self) -> float:
        """The unbiased sample variance; of one row, the largest that a loss can have."""
        if self.n < 2:
            return self.largest**2 / 4
        return max(0.0, (self.squares - self.total * self.mean) / (self.n - 1))


def add_up(losses: ArrayLike, *, largest: float) -> Sums:
    """Return the sums of some losses.

    Parameters
    ----------
    losses : array_like of float, at least 0, shape (rows,)
    largest : float, above 0
        Larger losses count as this much. One absurd row can move the mean by
        ``largest / n`` and no more, and the bounds speak of the mean of losses
        that are cut so.

    Returns
    -------
    Sums

    Raises
    ------
    ValueError
        If a loss is negative or NaN, or the limit lies outside.

    Examples
    --------
    >>> add_up([1.0, 3.0], largest=10.0).mean
    2.0
    """
    if not 0 < largest < math.inf:
        raise ValueError(f"a loss has a limit above 0, not {largest}")
    x = np.asarray(losses, dtype=np.float64).ravel()
    if not (x >= 0).all():
        raise ValueError("a loss is negative or NaN")
    x = np.minimum(x, largest)
    return Sums(len(x), float(x.sum()), float(x @ x), float(largest))


def radius(sums: Sums, alpha: float) -> float:
    """Return how far the mean may lie from the true one, to one side.

    Parameters
    ----------
    sums : Sums
        Of at least one row.
    alpha : float, 0 < alpha <= 0.5
        How often a bound to one side may be wrong.

    Returns
    -------
    float
        With ``t = log(2 / alpha)``: ``sqrt(2 * variance * t / n) + 7 * largest * t
        / (3 * (n - 1))``, at most `largest`.

    Raises
    ------
    ValueError
        If there is no row or `alpha` lies outside.

    Notes
    -----
    The empirical Bernstein inequality: a theorem at every number of
    independent rows, whatever the losses' distribution, with a radius that
    follows their spread and not their limit.

    References
    ----------
    Maurer & Pontil (2009), COLT, Theorem 4.

    Examples
    --------
    >>> import numpy as np
    >>> round(radius(add_up(np.tile([0.0, 1.0], 500), largest=1.0), alpha=0.05), 4)
    0.0516
    """
    require_alpha(alpha)
    require_rows(sums.n)
    if sums.n < 2:
        return sums.largest
    t = math.log(2 / alpha)
    width = math.sqrt(2 * sums.variance * t / sums.n) + 7 * sums.largest * t / (3 * (sums.n - 1))
    return min(sums.largest, width)


def lower_bound(sums: Sums, alpha: float) -> float:
    """Return what the true mean certainly exceeds.

    Parameters
    ----------
    sums : Sums
    alpha : float, 0 < alpha <= 0.5

    Returns
    -------
    float
        From 0 to the mean.

    Raises
    ------
    ValueError
        As `radius` does.

    Examples
    --------
    >>> import numpy as np
    >>> round(lower_bound(add_up(np.tile([0.0, 1.0], 5_000), largest=1.0), alpha=1e-6), 3)
    0.47
    """
    return max(0.0, sums.mean - radius(sums, alpha))


def upper_bound(sums: Sums, alpha: float) -> float:
    """Return what the true mean certainly stays below.

    Parameters
    ----------
    sums : Sums
    alpha : float, 0 < alpha <= 0.5

    Returns
    -------
    float
        From the mean to `largest`.

    Raises
    ------
    ValueError
        As `radius` does.

    Examples
    --------
    >>> import numpy as np
    >>> round(upper_bound(add_up(np.tile([0.0, 1.0], 5_000), largest=1.0), alpha=1e-6), 3)
    0.53
    """
    return min(sums.largest, sums.mean + radius(sums, alpha))


def deviation_bounds(sums: Sums, alpha: float) -> tuple[float, float]:
    """Return between what the true standard deviation lies.

    Parameters
    ----------
    sums : Sums
        Of at least two rows, or nothing is told.
    alpha : float, 0 < alpha <= 0.5
        How often each of the two may be wrong.

    Returns
    -------
    tuple of float
        From 0 to half of `largest`.

    Raises
    ------
    ValueError
        If there is no row or `alpha` lies outside.

    References
    ----------
    Maurer & Pontil (2009), COLT, Theorem 10.

    Examples
    --------
    >>> import numpy as np
    >>> low, high = deviation_bounds(add_up(np.tile([0.0, 1.0], 5_000), largest=1.0), alpha=0.01)
    >>> round(low, 2), high
    (0.47, 0.5)
    """
    require_alpha(alpha)
    require_rows(sums.n)
    if sums.n < 2:
        return 0.0, sums.largest / 2
    found = math.sqrt(sums.variance)
    width = sums.largest * math.sqrt(2 * math.log(1 / alpha) / (sums.n - 1))
    return max(0.0, found - width), min(sums.largest / 2, found + width)
