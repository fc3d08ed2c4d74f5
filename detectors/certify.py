"""What is certain about many columns at many scales: measurements and a level in, an answer with its reason out."""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, ndtr

from detectors.answers import Answers, judge
from detectors.counts import require_alpha
from detectors.many_distances import Distances
from detectors.many_psi import Indices
from detectors.many_shares import lower_bounds, upper_bounds

Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]


def distances(found: Distances, phi: ArrayLike, covered: ArrayLike, *, tolerance: float, alpha: float) -> Answers:
    """Judge how far columns have moved: D of numbers, L-infinity of categories.

    Parameters
    ----------
    found : Distances of shape (scales, columns)
        The shortest scale first.
    phi : array_like of float, at least 1
        Design effects; broadcast against (scales, columns). Infinity where the
        baseline was too short to tell.
    covered : array_like of bool, shape (scales,)
        As `ladder.merge` returns it.
    tolerance : float, at least 0
        How far a column may move.
    alpha : float, 0 < alpha <= 0.5
        How often one answer at one scale may be wrong: from `budget.alpha`.

    Returns
    -------
    Answers

    Raises
    ------
    ValueError
        If a parameter lies outside.

    Notes
    -----
    A shift is certified if both hold:

    - it matters for certain, ``value - radius > tolerance``; and
    - it lies outside the column's own history, ``value > natural``, which is
      ``sqrt(phi)`` times the radius: what rows that come in clusters, or a
      column that wanders, do without any cause.

    The first alone assumes independent rows; on real traffic, where they are
    not, it was seen to condemn one window in seven. The second alone condemns
    what is of no importance.

    Examples
    --------
    A shift of 0.2 in 4,000 rows is certain, unless the column is known to wander:

    >>> from detectors import many_distances
    >>> found = many_distances.measure([[[1_200, 2_800]]], [[50_000, 50_000]])
    >>> [str(distances(found, phi, [True], tolerance=0.1, alpha=1e-8).reason[0, 0]) for phi in (1.0, 20.0)]
    ['certainly_beyond_tolerance', 'within_its_own_history']
    """
    effect = _checked(phi, tolerance, alpha)
    radius = found.radius(alpha)
    lower = np.maximum(0.0, found.value - radius)
    natural = np.where(np.isfinite(effect) & np.isfinite(radius), np.sqrt(effect) * radius, np.inf)
    enough = radius <= tolerance
    return judge(found.n, found.m, found.value, lower, tolerance, natural, found.value > natural, enough, covered)


def psi(
    found: Indices, moved: Distances, phi: ArrayLike, covered: ArrayLike, *, tolerance: float, alpha: float
) -> Answers:
    """Judge the stability index of columns.

    Parameters
    ----------
    found : Indices of shape (scales, columns)
    moved : Distances of shape (scales, columns)
        Of the same counts.
    phi, covered, tolerance, alpha
        As for `distances`.

    Returns
    -------
    Answers

    Raises
    ------
    ValueError
        If a parameter lies outside.

    Notes
    -----
    That it matters is certain from `psi.lower_bound`. That it lies outside the
    column's history is asked of D, as `distances` asks it: a design effect is
    known for distribution functions and not for logarithms.

    Examples
    --------
    >>> from detectors import many_distances, many_psi
    >>> now, before = [[[2_000, 3_000, 5_000]]], [[50_000, 30_000, 20_000]]
    >>> found, moved = many_psi.measure(now, before), many_distances.measure(now, before)
    >>> psi(found, moved, 1.0, [True], tolerance=0.1, alpha=1e-8).answer.tolist()
    [['certified']]
    """
    effect = _checked(phi, tolerance, alpha)
    radius = moved.radius(alpha)
    natural = np.where(np.isfinite(effect) & np.isfinite(radius), np.sqrt(effect) * radius, np.inf)
    enough, outside = _psi_would_show(found, tolerance, alpha), moved.value > natural
    # D of normal values that moved so far that their index is twice the tolerance
    calm = natural <= 2 * ndtr(np.sqrt(2 * tolerance) / 2) - 1
    lower = found.lower(alpha)
    return judge(found.n, found.m, found.value, lower, tolerance, natural, outside, enough, covered, calm=calm)


def shares(
    k: ArrayLike,
    n: ArrayLike,
    k0: ArrayLike,
    n0: ArrayLike,
    phi: ArrayLike,
    covered: ArrayLike,
    *,
    tolerance: float,
    alpha: float,
    alpha0: float = 1e-3,
) -> Answers:
    """Judge how far shares have moved, up or down: of nulls, of never-seen values.

    Parameters
    ----------
    k, n : array_like of int, shape (scales, columns)
        Rows that have the property, and all rows.
    k0, n0 : array_like of float, 0 <= k0 <= n0
        The same of the baseline; broadcast against (scales, columns).
    phi, covered, tolerance, alpha
        As for `distances`. A share that never varied in the baseline has no
        design effect of its own: give it that of the column's values.
    alpha0 : float, 0 < alpha0 <= 0.5
        How often the baseline's bound may be wrong, once for each baseline.

    Returns
    -------
    Answers

    Raises
    ------
    ValueError
        If a parameter lies outside.

    Notes
    -----
    That it matters is certain from `share.shift_lower_bound`. A share's own
    history reaches as far as Bernstein's inequality, with the rows divided by
    the design effect and the largest variance that the baseline may have had.

    References
    ----------
    Bernstein (1946), Theory of Probability; Boucheron, Lugosi & Massart (2013),
    Concentration Inequalities, Corollary 2.11.

    Examples
    --------
    Nulls went from 2.4 % to 7.3 %:

    >>> shares([[292]], [[4_000]], 2_400, 100_000, 1.0, [True], tolerance=0.02, alpha=1.3e-7).answer.tolist()
    [['certified']]
    """
    effect = _checked(phi, tolerance, alpha)
    some, rows, some0, rows0 = (np.asarray(one, dtype=np.float64) for one in (k, n, k0, n0))
    p, p0 = _share(some, rows), _share(some0, rows0)
    up = p >= p0
    # a share that fell is the complement's that rose
    low0, high0 = lower_bounds(some0, rows0, alpha0 / 2), upper_bounds(some0, rows0, alpha0 / 2)
    risen = np.where(up, some, rows - some)
    value = np.abs(p - p0)
    width = _share(risen, rows) - lower_bounds(risen, rows, alpha / 2) + np.where(up, high0 - p0, p0 - low0)
    most_even = np.clip(0.5, low0, high0)
    natural = _natural(most_even * (1 - most_even), rows, rows0, effect, alpha)
    known = (rows > 0) & (rows0 > 0)
    value, width = np.where(known, value, 0.0), np.where(known, width, np.inf)
    lower = np.maximum(0.0, value - width)
    # of the two ways to move, the one towards one half is the harder to see
    usual, highest = np.where(p0 < 0.5, p0, 1 - p0), np.where(p0 < 0.5, high0, 1 - low0)
    enough = _share_would_show(usual, highest, rows, tolerance, alpha)
    return judge(rows, rows0, value, lower, tolerance, natural, value > natural, enough, covered)


def _checked(phi: ArrayLike, tolerance: float, alpha: float) -> Floats:
    require_alpha(alpha)
    effect = np.asarray(phi, dtype=np.float64)
    if not (effect >= 1).all():
        raise ValueError("a design effect is at least 1")
    if not tolerance >= 0:
        raise ValueError(f"a tolerance is at least 0, not {tolerance}")
    return effect


def _psi_would_show(found: Indices, tolerance: float, alpha: float) -> Truths:
    """Tell whether twice the tolerance would exceed Birgé's bound of the quantile."""
    rows = found.n + found.m
    effective = found.n * found.m / np.where(rows > 0, rows, 1.0)
    df, centre, t = found.groups - 1, effective * tolerance, -np.log(alpha)
    quantile = df + centre + 2 * np.sqrt((df + 2 * centre) * t) + 2 * t
    return np.asarray((found.groups > 1) & (2 * centre > quantile))


def _share_would_show(usual: Floats, highest: Floats, rows: Floats, tolerance: float, alpha: float) -> Truths:
    """Tell whether a share that rose by twice the tolerance would be certain: its tail at the tolerance, as it is."""
    k = np.minimum(rows, rows * (usual + 2 * tolerance))
    tail = betainc(np.maximum(k, 1e-9), rows - k + 1, np.minimum(1.0, highest + tolerance))
    return np.asarray(tail < alpha / 2)


def _share(k: Floats, n: Floats) -> Floats:
    return k / np.where(n > 0, n, 1.0)


def _natural(variance: Floats, n: Floats, n0: Floats, effect: Floats, alpha: float) -> Floats:
    """Solve ``rows * d**2 = t * (2 * variance + 2 / 3 * d)`` for d."""
    with np.errstate(divide="ignore"):
        t = np.log(2 / alpha) * effect * (1 / n + 1 / n0)
    known = np.isfinite(t)
    t = np.where(known, t, 0.0)
    return np.where(known, t / 3 + np.sqrt(t * t / 9 + 2 * variance * t), np.inf)
