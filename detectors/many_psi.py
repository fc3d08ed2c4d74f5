"""PSI of many columns and scales at once: stacked counts in, what `psi.lower_bound` starts from out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from detectors.counts import require_alpha
from detectors.many_distances import shares, stacked
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
        lower[self.groups < 2] = 0.0
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
    x, y = (np.array(side) for side in np.broadcast_arrays(*stacked(current, baseline)))
    n, m = x.sum(axis=-1), y.sum(axis=-1)
    empty = (n == 0) | (m == 0)
    place = _groups(y, _least(n, m))
    groups = np.where(empty, 1, place[..., -1] + 1)
    x, y = _summed(x, place), _summed(y, place)
    inside = np.arange(x.shape[-1]) < groups[..., None]
    p = np.where(inside & (y > 0), shares(y, m), 1.0)
    prior = _PRIOR_ROWS * groups
    drawn = np.where(inside, (x + prior[..., None] * p) / (n + prior)[..., None], 1.0)
    rows = np.where(empty, 1.0, n)[..., None]
    plain = np.where(inside, np.where(x > 0, x / rows, np.minimum(drawn, 0.5 / rows)), 1.0)
    log = np.log(drawn / p)
    variance = _variance(drawn, log - p / drawn, inside) / np.where(empty, 1.0, n)
    variance += _variance(p, -log - drawn / p, inside) / np.where(empty, 1.0, m)
    value, shrunk = ((plain - p) * np.log(plain / p)).sum(axis=-1), ((drawn - p) * log).sum(axis=-1)
    silent = groups < 2
    value, shrunk, sd = (np.where(silent, 0.0, one) for one in (value, shrunk, np.sqrt(variance)))
    return Indices(value, shrunk, sd, groups, n, m)


def _least(n: Floats, m: Floats) -> Floats:
    few = np.minimum(n, m)
    return _LEAST_EXPECTED * m / np.where(few > 0, few, 1.0)


def _groups(y: Floats, least: Floats) -> NDArray[np.int64]:
    """Return which group each bin falls into."""
    place = np.broadcast_to(np.arange(y.shape[-1]), y.shape).copy()
    thin = (y < least[..., None]).any(axis=-1)
    if thin.any():
        place[thin] = _merged(y[thin], least[thin])
    return place


def _merged(y: Floats, least: Floats) -> NDArray[np.int64]:
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
    bins = counts.shape[-1]
    rows = np.arange(place.size // bins)[:, None] * bins
    flat = (place.reshape(-1, bins) + rows).ravel()
    summed: Floats = np.bincount(flat, weights=counts.ravel(), minlength=counts.size).astype(np.float64)
    return summed.reshape(counts.shape)


def _variance(weights: Floats, values: Floats, inside: NDArray[np.bool_]) -> Floats:
    weights = np.where(inside, weights, 0.0)
    mean = (weights * values).sum(axis=-1, keepdims=True)
    return np.asarray((weights * (values - mean) ** 2).sum(axis=-1))
