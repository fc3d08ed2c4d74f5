"""The ladder of scales: counts of single windows in, counts of the last s windows out, for every s at once."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from detectors.counts import Counts

SCALES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 168)
"""Lengths of merged windows: each a third to a half longer than the one before, a week of hours at the end."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """Merged counts, the shortest scale first.

    Attributes
    ----------
    counts : ndarray of int64, shape (scales, ..., bins)
        Rows per bin in the last windows of each scale.
    rows : ndarray of int64, shape (scales, ...)
        The same over all bins.
    covered : ndarray of bool, shape (scales,)
        False where a scale is longer than what is there. Its counts are those
        of the longest that is, and say nothing new.

    Examples
    --------
    >>> merge([[1, 0], [0, 2]], ages=[1, 0], scales=(1, 2)).rows.tolist()
    [2, 3]
    """

    counts: Counts
    rows: Counts
    covered: NDArray[np.bool_]


def merge(counts: ArrayLike, ages: ArrayLike, *, reach: int | None = None, scales: tuple[int, ...] = SCALES) -> Ladder:
    """Add up the last windows, for every scale in one pass.

    Parameters
    ----------
    counts : array_like of int, shape (windows, ..., bins)
        Rows per bin of each window, the newest window last. Several columns
        may lie side by side. All of one served version.
    ages : array_like of int, shape (windows,)
        How many windows ago each was: 0 for the newest that can be there. A
        number that is left out is a window of no rows.
    reach : int, at least 0, optional
        How many windows back anything counts. After an action, those that have
        passed since: what led to it is no evidence against what came of it.
    scales : tuple of int, increasing, at least 1

    Returns
    -------
    Ladder

    Raises
    ------
    ValueError
        If a window is named twice, the newest is not last, a count is
        negative or not an integer, or a parameter lies outside.

    Notes
    -----
    A window that was counted again, with late rows, replaces what it was
    before: two counts of one window are refused here, never added.

    Examples
    --------
    Three windows; the one before the newest is missing:

    >>> ladder = merge([[5, 1], [4, 2], [0, 3]], ages=[3, 2, 0], scales=(1, 2, 3, 4, 6))
    >>> ladder.counts.tolist()
    [[0, 3], [0, 3], [4, 5], [9, 6], [9, 6]]
    >>> ladder.covered.tolist()
    [True, True, True, True, False]
    """
    windows, back = _checked(counts, ages)
    _require_scales(scales, reach)
    oldest = int(back[0]) + 1 if len(back) else 0
    there = oldest if reach is None else min(oldest, reach)
    newest_first, back = windows[::-1], back[::-1]
    merged = np.zeros((len(scales), *windows.shape[1:]), dtype=np.int64)
    total, start = np.zeros(windows.shape[1:], dtype=np.int64), 0
    for place, stop in enumerate(np.searchsorted(back, np.minimum(scales, there))):
        total += newest_first[start:stop].sum(axis=0, dtype=np.int64)
        merged[place], start = total, stop
    return Ladder(merged, merged.sum(axis=-1), np.asarray(scales) <= there)


def _checked(counts: ArrayLike, ages: ArrayLike) -> tuple[Counts, Counts]:
    windows, back = np.asarray(counts), np.asarray(ages)
    if windows.ndim < 2 or back.shape != windows.shape[:1]:
        raise ValueError(f"windows of counts and an age for each expected, not {windows.shape} and {back.shape}")
    if windows.size == 0:
        return windows.astype(np.int64), back.astype(np.int64)
    if windows.dtype.kind not in "iu" or back.dtype.kind not in "iu":
        raise ValueError(f"counts and ages are integers, not {windows.dtype} and {back.dtype}")
    if windows.min() < 0 or back.min() < 0:
        raise ValueError("a count or an age is negative")
    back = back.astype(np.int64)
    if (back[1:] >= back[:-1]).any():
        raise ValueError("the newest window comes last, and each window once")
    return windows, back


def _require_scales(scales: tuple[int, ...], reach: int | None) -> None:
    if not scales or scales[0] < 1 or any(after <= before for before, after in pairwise(scales)):
        raise ValueError(f"scales increase from 1 on, not {scales}")
    if reach is not None and reach < 0:
        raise ValueError(f"nothing reaches {reach} windows back")
