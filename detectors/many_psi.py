"""PSI of many columns and scales at once: stacked counts in, what `psi.lower_bound` starts from out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from detectors.counts import require_alpha
from detectors.many_distances import stacked
from detectors.many_noncentralities import noncentralities_above

_LEAST_EXPECTED = 5
_PRIOR_ROWS = 2

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Indices:
    """The stability index of each column at each scale.

    Attributes
    ----------
    value : ndarray of float64, shape (...)
        `psi.statistic`; 0 where there is no row on one side.
    shrunk : ndarray of float64, shape (...)
        `psi.shrunk`, PSI*.
    sd : ndarray of float64, shape (...)
        Its standard deviation by the delta method.
    groups : ndarray of int64, shape (...)
        Bins that were left after thin ones were merged.
    n, m : ndarray of float64, shape (...)
        Rows now, and rows that the baseline counts for.

    Examples
    --------
    >>> found = measure([[200, 300, 500]], [[5_000, 3_000, 2_000]])
    >>> found.value.round(2).tolist(), found.lower(1e-6).round(2).tolist()
    ([0.55], [0.31])
    """

    value: Floats
    shrunk: Floats
    sd: Floats
    groups: NDArray[np.int64]
    n: Floats
    m: Floats

    def lower(self, alpha: float) -> Floats:
        """Return `psi.lower_bound` of each.

        Parameters
        ----------
        alpha : float, 0 < alpha <= 0.5

        Returns
        -------
        ndarray of float64, shape (...)
            At least 0, and never above `value`.

        Raises
        ------
        ValueError
            If `alpha` lies outside.

        Examples
        --------
        >>> measure([[7, 18, 7, 18]], [[500, 500, 500, 500]]).lower(1e-6).tolist()
        [0.0]
        """
        require_alpha(alpha)
        lower: Floats = np.maximum(0.0, self.shrunk + ndtri(alpha) * self.sd)
        # where the delta method leaves nothing, the slower condition need not be asked
        some = lower > 0
        if some.any():
            effective = (self.n * self.m)[some] / (self.n + self.m)[some]
            far = noncentralities_above(effective * self.shrunk[some], self.groups[some] - 1, alpha)
            lower[some] = np.minimum(lower[some], far / effective)
        return lower


def measure(current: ArrayLike, baseline: ArrayLike) -> Indices:
    """Return the index of each histogram against its baseline.

    Parameters
    ----------
    current : array_like of int, shape (..., bins)
        Rows per bin, missing values left out. A column of fewer bins than
        another is filled up with zeros at the end.
    baseline : array_like of float, shape (..., bins)
        The same of the baseline; rows need not be whole.

    Returns
    -------
    Indices

    Raises
    ------
    ValueError
        If the numbers of bins differ or a count is negative or no number.

    Examples
    --------
    >>> measure([[20, 30, 50]], [[50, 30, 20]]).shrunk.round(3).tolist()
    [0.486]
    """
    x, y = np.broadcast_arrays(*stacked(current, baseline))
    n, m = x.sum(axis=-1), y.sum(axis=-1)
    x, y, groups = _thick(x, y, n, m)
    # bins that were merged away hold nothing on either side: no weight below, and a ratio of 1
    rows, rows0 = np.where(n > 0, n, 1.0), np.where(m > 0, m, 1.0)
    p, prior = y / rows0[..., None], _PRIOR_ROWS * groups
    drawn = (x + prior[..., None] * p) / (n + prior)[..., None]
    plain = np.where(x > 0, x / rows[..., None], np.minimum(drawn, 0.5 / rows[..., None]))
    ratio = _ratio(drawn, p)
    log = np.log(ratio)
    variance = _variance(drawn, log - 1 / ratio) / rows + _variance(p, log + ratio) / rows0
    value = ((plain - p) * np.log(_ratio(plain, p))).sum(axis=-1)
    shrunk = ((drawn - p) * log).sum(axis=-1)
    told = groups > 1
    return Indices(np.where(told, value, 0.0), np.where(told, shrunk, 0.0), np.sqrt(variance), groups, n, m)


def _thick(x: Floats, y: Floats, n: Floats, m: Floats) -> tuple[Floats, Floats, NDArray[np.int64]]:
    """Return the counts with thin bins merged, moved to the left, and how many are left."""
    few = np.minimum(n, m)
    least = _LEAST_EXPECTED * m / np.where(few > 0, few, 1.0)
    groups = np.full(n.shape, x.shape[-1])
    thin = (y < least[..., None]).any(axis=-1) | (few == 0)
    if not thin.any():
        return x, y, groups
    place = _places(y[thin], np.where(few > 0, least, np.inf)[thin])
    groups[thin] = place[:, -1] + 1
    x, y = x.copy(), y.copy()
    x[thin], y[thin] = _summed(x[thin], place), _summed(y[thin], place)
    return x, y, groups


def _places(y: Floats, least: Floats) -> NDArray[np.int64]:
    """Join neighbours from the left until each group is thick enough; the last group takes what remains."""
    place = np.zeros(y.shape[::-1], dtype=np.int64)
    group, held = np.zeros(len(y), dtype=np.int64), y[:, 0].copy()
    for bin_ in range(1, y.shape[1]):
        full = held >= least
        group += full
        held = np.where(full, 0.0, held) + y[:, bin_]
        place[bin_] = group
    return np.minimum(place.T, np.where(held < least, np.maximum(0, group - 1), group)[:, None])


def _summed(counts: Floats, place: NDArray[np.int64]) -> Floats:
    rows, bins = counts.shape
    flat = (place + bins * np.arange(rows)[:, None]).ravel()
    summed: Floats = np.bincount(flat, weights=counts.ravel(), minlength=counts.size).astype(np.float64)
    return summed.reshape(counts.shape)


def _ratio(q: Floats, p: Floats) -> Floats:
    held = (p > 0) & (q > 0)
    ratio: Floats = np.divide(q, p, out=np.ones(q.shape), where=held)
    return ratio


def _variance(weights: Floats, values: Floats) -> Floats:
    mean = (weights * values).sum(axis=-1, keepdims=True)
    variance: Floats = (weights * (values - mean) ** 2).sum(axis=-1)
    return variance
