"""What a baseline expects of the present mix of phases or segments: counts of cells and weights in, counts out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors import ks, linf
from detectors.counts import require_alpha
from detectors.statistic import Statistic

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Expected:
    """A baseline that is mixed as the current rows are.

    Attributes
    ----------
    counts : ndarray of float64, shape (..., bins)
        Expected shares times `m`.
    m : ndarray of float64, shape (...)
        Rows that these shares are worth; 0 where a current row lies in a cell
        of which the baseline holds nothing, or where there is no row.

    Examples
    --------
    >>> expected = expect([[80, 20], [10, 90]], [300, 100])
    >>> (expected.counts / expected.m).round(3).tolist(), round(float(expected.m), 1)
    ([0.625, 0.375], 160.0)
    """

    counts: Floats
    m: Floats


def expect(cells: ArrayLike, current: ArrayLike) -> Expected:
    """Return the baseline as it would be if its rows were spread over the cells as the current ones are.

    Parameters
    ----------
    cells : array_like of int, shape (cells, bins)
        The baseline's rows per bin in each cell: an hour of the week, a
        client, a region.
    current : array_like of int, shape (..., cells)
        The current rows of each cell; of every scale at once, if
        `ladder.merge` counted them.

    Returns
    -------
    Expected

    Raises
    ------
    ValueError
        If the numbers of cells differ or a count is negative or no number.

    Notes
    -----
    With ``w_c`` the share of the current rows that lie in cell c and ``m_c``
    the baseline's rows there: the shares are ``sum(w_c * F_c)`` and the rows
    ``1 / sum(w_c**2 / m_c)``, with which Hoeffding's inequality holds as for
    that many rows of one distribution. Where the mix is the baseline's own,
    they are the pooled shares and all of its rows. A day of 23 or 25 hours is
    nothing special: a cell has fewer rows, or more.

    References
    ----------
    Hoeffding (1963), J. Amer. Statist. Assoc. 58(301):13-30, Theorem 2.

    Examples
    --------
    Nights alone are compared with nights:

    >>> expect([[80, 20], [10, 90]], [0, 55]).counts.tolist()
    [10.0, 90.0]
    """
    baseline, now = np.asarray(cells, dtype=np.float64), np.asarray(current, dtype=np.float64)
    if baseline.ndim != 2 or now.ndim == 0 or now.shape[-1] != len(baseline):
        raise ValueError(f"counts of the same cells expected, not {baseline.shape} and {now.shape}")
    if not ((baseline >= 0).all() and (now >= 0).all() and np.isfinite(baseline).all() and np.isfinite(now).all()):
        raise ValueError("a count is negative or no number")
    rows, n = baseline.sum(axis=1), now.sum(axis=-1)
    weights = now / np.where(n > 0, n, 1.0)[..., None]
    known = rows > 0
    unknown = (weights[..., ~known] > 0).any(axis=-1) | (n == 0)
    spread = (weights[..., known] ** 2 / rows[known]).sum(axis=-1)
    m = np.where(unknown, 0.0, 1 / np.where(spread > 0, spread, 1.0))
    shares = weights[..., known] @ (baseline[known] / rows[known][:, None])
    return Expected(shares * m[..., None], m)


@dataclass(frozen=True, slots=True)
class Split:
    """A drift in two parts.

    Attributes
    ----------
    mix : Statistic
        L-infinity of the cells' shares: more of one client, less of another.
    conditional : Statistic
        What is left when the baseline is mixed as the current rows are: the
        same client sends other values.

    Examples
    --------
    >>> found = split([[240, 60], [10, 90]], [[80, 20], [10, 90]], alpha=1e-6)
    >>> found.mix.value, round(found.conditional.value, 12)
    (0.25, 0.0)
    """

    mix: Statistic
    conditional: Statistic


def split(current: ArrayLike, baseline: ArrayLike, alpha: float, *, categorical: bool = False) -> Split:
    """Tell a changed mix of segments from values that changed within them.

    Parameters
    ----------
    current, baseline : array_like of int, shape (cells, bins)
        Rows per bin in each cell, missing values left out.
    alpha : float, 0 < alpha <= 0.5
        How often each of the two bounds may be wrong.
    categorical : bool
        True where bins have no order: L-infinity then, and D otherwise.

    Returns
    -------
    Split

    Raises
    ------
    ValueError
        If the cells or bins differ, there is no row on one side, or a current
        row lies in a cell of which the baseline holds nothing.

    Notes
    -----
    Direct standardisation. The difference of the pooled distributions is the
    sum of both parts, so a drift whose conditional part is nothing is the mix
    alone, whatever its size. Changes within cells that cancel out between
    them are not seen; look at the cells for those.

    Examples
    --------
    One client in two now sends other values, and as many as before:

    >>> found = split([[20, 80], [10, 90]], [[800, 200], [100, 900]], alpha=1e-3)
    >>> found.mix.value, round(found.conditional.value, 12)
    (0.0, 0.3)
    """
    require_alpha(alpha)
    now, before = np.asarray(current), np.asarray(baseline)
    if now.shape != before.shape:
        raise ValueError(f"counted over different cells or bins: {now.shape} and {before.shape}")
    mix = linf.measure(now.sum(axis=1), before.sum(axis=1), alpha)
    expected = expect(before, now.sum(axis=1))
    m = float(expected.m)
    if not m > 0:
        raise ValueError("a current row lies in a cell of which the baseline holds nothing")
    n = int(now.sum())
    difference = now.sum(axis=0) / n - expected.counts / m
    if categorical:
        value = min(1.0, float(np.abs(difference).max()))
        lower = linf.lower_bound(value, n, m, alpha, categories=len(difference))
    else:
        value = min(1.0, float(np.abs(np.cumsum(difference)).max()))
        lower = ks.lower_bound(value, n, m, alpha)
    return Split(mix, Statistic("linf" if categorical else "ks", value, lower, n, int(before.sum())))
