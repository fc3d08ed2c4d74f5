"""How much more a baseline varies than independent rows would: counts of its windows in, phi per scale out."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import chdtri

from detectors.ladder import SCALES

FEWEST_BLOCKS = 8
"""Stretches of a scale's length that a baseline must hold before its variation at that scale is estimated."""
_CONFIDENCE = 0.9

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DesignEffect:
    """By how much the variance of shares exceeds that of independent rows, for each scale.

    Attributes
    ----------
    phi : ndarray of float64, shape (scales,)
        At least 1; infinite at every scale where the baseline is too short
        even for the shortest.
    blocks : ndarray of int64, shape (scales,)
        Stretches that held rows.
    rows : ndarray of float64, shape (scales,)
        Rows of a stretch, as a mean weighted by rows: what `phi` is true for.
    extrapolated : ndarray of bool, shape (scales,)
        True where `phi` is that of a shorter scale times the ratio of their
        lengths.

    Examples
    --------
    >>> import numpy as np
    >>> steady = estimate(np.full((80, 1), 50), np.full(80, 100), scales=(1, 24))
    >>> steady.phi.tolist(), steady.blocks.tolist(), steady.extrapolated.tolist()
    ([1.0, 24.0], [80, 3], [False, True])
    """

    phi: Floats
    blocks: NDArray[np.int64]
    rows: Floats
    extrapolated: NDArray[np.bool_]

    def at(self, rows: ArrayLike) -> Floats:
        """Return phi for other numbers of rows than the baseline's.

        Parameters
        ----------
        rows : array_like of float, shape (scales,) or broadcast against it

        Returns
        -------
        ndarray of float64, shape (scales,)
            ``1 + (phi - 1) * rows / self.rows`` where there are more rows than
            the baseline had at this scale, `phi` itself elsewhere.

        Notes
        -----
        What all rows of a window have in common does not average out with
        more of them: if traffic grows tenfold, the part above 1 does too.

        Examples
        --------
        >>> import numpy as np
        >>> effect = DesignEffect(np.array([3.0]), np.array([40]), np.array([100.0]), np.array([False]))
        >>> effect.at([50]).tolist(), effect.at([1_000]).tolist()
        ([3.0], [21.0])
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            more = np.maximum(1.0, np.asarray(rows, dtype=np.float64) / self.rows)
        return np.where(np.isfinite(self.phi), 1 + (self.phi - 1) * more, np.inf)

    def over(self, places: Sequence[int]) -> "DesignEffect":
        """Return the effect at some of the scales.

        Parameters
        ----------
        places : sequence of int
            Their places.

        Returns
        -------
        DesignEffect

        Examples
        --------
        >>> import numpy as np
        >>> effect = estimate(np.full((80, 1), 50), np.full(80, 100), scales=(1, 24))
        >>> effect.over([1]).phi.tolist()
        [24.0]
        """
        chosen = list(places)
        return DesignEffect(self.phi[chosen], self.blocks[chosen], self.rows[chosen], self.extrapolated[chosen])


def estimate(
    events: ArrayLike,
    rows: ArrayLike,
    cells: ArrayLike | None = None,
    *,
    ages: ArrayLike | None = None,
    scales: tuple[int, ...] = SCALES,
) -> DesignEffect:
    """Estimate phi for every scale from the windows of a baseline.

    Parameters
    ----------
    events : array_like of int, shape (windows, edges)
        How many rows of each window lie at or below each edge (cumulative
        counts); for categories, in each category; for nulls, one column of
        them. The newest window last.
    rows : array_like of int, shape (windows,)
        All rows of each window.
    cells : array_like of int, at least 0, shape (windows,), optional
        The phase of each window, such as the hour of the week. Each is then
        compared with its own phase; otherwise all with all.
    ages : array_like of int, shape (windows,), optional
        How many windows ago each was, as for `ladder.merge`; by default
        without a gap.
    scales : tuple of int, increasing

    Returns
    -------
    DesignEffect

    Raises
    ------
    ValueError
        If shapes differ, an event has more rows than its window, or the newest
        window is not last.

    Notes
    -----
    For each scale the baseline is cut into stretches of that length. At each
    edge the squared deviations of their events from what their phase expects
    are summed, and divided by what independent rows would give; phi is the
    mean over edges of that ratio, as the upper end of its one-sided 90 %
    interval by the chi-square with as many degrees of freedom as stretches,
    less those that the expectations took; and at least 1. Edges at which the
    baseline never varied are left out; where that is all of them, phi is 1.

    With fewer than 8 stretches the variation at a scale cannot be told. Then
    phi is that of the longest scale at which it can, times the ratio of the
    lengths: as if what the rows share never averaged out.

    The mean is taken over edges because a single one, above all of a rare
    event, was seen to be far too small by chance.

    References
    ----------
    Kish (1965), Survey Sampling, section 8.2.

    Examples
    --------
    Clusters of ten equal rows, drawn anew for each window, vary ten times as much:

    >>> import numpy as np
    >>> events = 10 * np.random.default_rng(1).binomial(20, 0.3, size=(2_000, 1))
    >>> estimate(events, np.full(2_000, 200), scales=(1, 8)).phi.round(0).tolist()
    [10.0, 12.0]
    """
    x, n, cell, back = _checked(events, rows, cells, ages)
    span = int(back[0]) + 1 if len(back) else 0
    found = [_at_scale(x, n, cell, back // scale, whole=span // scale) for scale in scales]
    ratio, degrees, blocks, sizes = (np.array(part) for part in zip(*found, strict=True))
    told = (blocks >= FEWEST_BLOCKS) & (degrees >= 1)
    if not told.any():
        nothing = np.full(len(scales), np.inf)
        return DesignEffect(nothing, blocks.astype(np.int64), sizes, ~told)
    df = np.where(told, degrees, 1.0)
    phi = np.maximum(1.0, ratio * df / chdtri(df, _CONFIDENCE))
    base = np.maximum.accumulate(np.where(told, np.arange(len(scales)), -1))
    times = np.asarray(scales) / np.asarray(scales)[base]
    phi = np.where(base >= 0, phi[base] * times, np.inf)
    return DesignEffect(phi, blocks.astype(np.int64), np.where(told, sizes, sizes[base] * times), ~told)


def _checked(
    events: ArrayLike, rows: ArrayLike, cells: ArrayLike | None, ages: ArrayLike | None
) -> tuple[Floats, Floats, NDArray[np.int64], NDArray[np.int64]]:
    x, n = np.asarray(events, dtype=np.float64), np.asarray(rows, dtype=np.float64)
    cell = np.zeros(n.shape, dtype=np.int64) if cells is None else np.asarray(cells, dtype=np.int64)
    back = np.arange(len(n))[::-1] if ages is None else np.asarray(ages, dtype=np.int64)
    if x.ndim != 2 or not (len(x),) == n.shape == cell.shape == back.shape:
        raise ValueError(f"a number of rows, a phase and an age for each of {len(x)} windows expected")
    if not ((x >= 0) & (x <= n[:, None])).all():
        raise ValueError("an event has more rows than its window, or fewer than none")
    if any(after >= before for before, after in pairwise(back.tolist())) or (len(back) and back[-1] < 0):
        raise ValueError("the newest window comes last, and each window once")
    if len(cell) and cell.min() < 0:
        raise ValueError("a phase is negative")
    return x, n, cell, back


def _at_scale(
    x: Floats, n: Floats, cell: NDArray[np.int64], block: NDArray[np.int64], whole: int
) -> tuple[float, float, int, float]:
    """Return the ratio of variances, its degrees of freedom, the stretches that held rows, and the rows of one.

    A stretch has part in what its phase expects, by its share of the phase's rows; so much less it deviates.
    """
    if not n[block < whole].any():
        return 0.0, 0.0, 0, 0.0
    rows_of_cell = np.bincount(cell, weights=n)
    expected = _sums(x, cell) / np.where(rows_of_cell > 0, rows_of_cell, 1.0)[:, None]
    kept = block < whole
    x, n, cell, block = x[kept], n[kept], cell[kept], block[kept]
    deviations = _sums(x - n[:, None] * expected[cell], block)
    of_both, inside = np.unique(block * (cell.max() + 1) + cell, return_inverse=True)
    rows_of_both = np.bincount(inside, weights=n)
    own = rows_of_both / np.where(rows_of_cell > 0, rows_of_cell, 1.0)[of_both % (cell.max() + 1)]
    free = rows_of_both * (1 - own)
    p = expected[of_both % (cell.max() + 1)]
    usual = (free[:, None] * p * (1 - p)).sum(axis=0)
    varied = usual > 1e-9
    ratio = float(((deviations**2).sum(axis=0)[varied] / usual[varied]).mean()) if varied.any() else 0.0
    rows_of_block = np.bincount(block, weights=n)
    free_of_block = np.bincount(of_both // (cell.max() + 1), weights=free)
    held = rows_of_block > 0
    degrees = float((free_of_block[held] / rows_of_block[held]).sum())
    return ratio, degrees, int(held.sum()), float((rows_of_block**2).sum() / n.sum())


def _sums(values: Floats, groups: NDArray[np.int64]) -> Floats:
    size, columns = int(groups.max()) + 1, values.shape[1]
    place = (groups[:, None] * columns + np.arange(columns)).ravel()
    summed = np.bincount(place, weights=values.ravel(), minlength=size * columns).astype(np.float64)
    return summed.reshape(size, columns)
