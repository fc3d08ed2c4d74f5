"""How many numbers lie in each interval: edges and numbers in, counts out, ten times faster than a binary search."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from detectors.counts import Counts, tally

_CELL_BITS = 15
_CELLS = 1 << _CELL_BITS
# of a double, without its sign and exponent
_DIGITS = 52
# 400 KB of doubles: a chunk and its temporaries stay in the second-level cache
_CHUNK = 50_000
# past this many comparisons sorting is as fast
_MOST_STEPS = 4

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


def count(edges: tuple[float, ...], x: Floats, skip: Mask | None = None) -> Counts:
    """Count numbers into the intervals ``(edges[i - 1], edges[i]]``.

    Parameters
    ----------
    edges : tuple of float
        Finite and strictly increasing. The tables of the last 256 tuples are
        remembered, 32 KB each where there are fewer than 126 edges.
    x : ndarray of float64, shape (rows,)
        NaN and the infinities are in no interval.
    skip : ndarray of bool, shape (rows,), optional
        True where the number, whatever it is, is not to be counted.

    Returns
    -------
    ndarray of int64, shape (len(edges) + 1,)
        The first and the last interval are open towards infinity.

    Notes
    -----
    Exact: each number is counted where ``searchsorted(edges, x, side="left")``
    puts it. A uniform grid of 32,768 cells knows the interval of every number
    in a cell without an edge; the numbers in the others are compared with
    their edges in turn. Where edges crowd (their range overflows, or one cell
    holds more than 4) the grid spans all but the outermost, which may lie far
    out; where that is no help, the numbers are sorted, and the edges looked
    up among them.

    Examples
    --------
    >>> import numpy as np
    >>> count((0.0, 1.0, 4.0), np.array([-3.0, 0.0, 0.1, 4.0, 5.0, np.nan])).tolist()
    [2, 1, 1, 1]
    """
    table = _table(edges)
    if table is None:
        numbers = np.sort(x[np.isfinite(x) if skip is None else np.isfinite(x) & ~skip])
        up_to_edge = np.searchsorted(numbers, np.asarray(edges, dtype=np.float64), side="right")
        return np.diff(up_to_edge, prepend=0, append=len(numbers))
    places = np.empty(len(x), dtype=table.place.dtype)
    with np.errstate(over="ignore"):
        for part in _parts(len(x)):
            table.place.take(_cell(x[part], table.shift, table.first_cell), mode="clip", out=places[part])
    beside_an_edge = places < 0
    if 2 * np.count_nonzero(beside_an_edge) < len(x):
        _settle(table, x, places, np.flatnonzero(beside_an_edge))
    else:
        # to compare all is cheaper than to pick most, and changes nothing for the others
        for part in _parts(len(x)):
            _settle(table, x[part], places[part], slice(None))
    if skip is not None:
        np.maximum(places, skip.view(np.int8) * table.nowhere, out=places)
    return tally(places, len(edges) + 2)[:-1]


def _parts(rows: int) -> Iterator[slice]:
    return (slice(start, start + _CHUNK) for start in range(0, rows, _CHUNK))


@dataclass(frozen=True, slots=True)
class _Table:
    shift: float
    first_cell: int
    place: NDArray[np.signedinteger]  # of the cell's numbers; where it has edges, ~(edges in earlier cells)
    edges: Floats  # with infinity at the end, which no number exceeds
    most_in_a_cell: int
    nowhere: np.signedinteger


@lru_cache(maxsize=256)
def _table(edges: tuple[float, ...]) -> _Table | None:
    x = np.asarray(edges, dtype=np.float64)
    return _spanning(x, x) or _spanning(x, x[1:-1])


def _spanning(x: Floats, spanned: Floats) -> _Table | None:
    if spanned.size < 2:
        return None
    span = float(spanned[-1]) - float(spanned[0])
    if not 1e-300 < span < 1e300:
        return None
    above = math.ldexp(1.0, math.frexp(span)[1])
    if math.isinf(shift := above - float(spanned[0])):
        return None
    first_cell = int(np.float64(above).view(np.int64)) >> (_DIGITS - _CELL_BITS)
    with np.errstate(over="ignore"):
        cells = np.clip(_cell(x, shift, first_cell), 0, _CELLS - 1)
    in_cell = np.bincount(cells, minlength=_CELLS)
    if in_cell.max() > _MOST_STEPS:
        return None
    before = np.cumsum(in_cell) - in_cell
    has_edge = in_cell > 0
    # whatever is far out or not a number comes to lie here, and has to be looked at
    has_edge[[0, -1]] = True
    smallest = np.min_scalar_type(-x.size - 2)
    place = np.where(has_edge, ~before, before).astype(smallest)
    return _Table(shift, first_cell, place, np.append(x, np.inf), int(in_cell.max()), smallest.type(x.size + 1))


def _settle(table: _Table, x: Floats, places: NDArray[np.signedinteger], which: NDArray[np.intp] | slice) -> None:
    """Compare these numbers with the edges in their cells, and write their intervals into `places`."""
    numbers, at = x[which], np.maximum(places[which], ~places[which])
    for _ in range(table.most_in_a_cell):
        at += numbers > table.edges.take(at)
    at[~np.isfinite(numbers)] = table.nowhere
    places[which] = at


def _cell(x: Floats, shift: float, first_cell: int) -> NDArray[np.int64]:
    # Between one power of two and the next the bits of doubles count up evenly with them: once the span of the grid is
    # moved there, the leading ones are the cell. Exactness rests on this never decreasing in x: adding keeps the order
    # of floats, an overflow to infinity included, and so do the bits of those above zero; all others have a sign, and
    # come to lie before the first cell.
    position = x + shift
    cell = position.view(np.int64)
    cell >>= _DIGITS - _CELL_BITS
    cell -= first_cell
    return cell
