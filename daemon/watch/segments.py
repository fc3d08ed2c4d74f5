"""Parts of the traffic: which values of which columns are looked at by themselves, and which rows these are. Pure."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from daemon.config.detection import Segments
from daemon.domain.baseline import Segment
from daemon.domain.sample import NumericColumn
from daemon.watch.columns import TypedColumn, size

Rows = NDArray[np.bool_]


def choose(held: Mapping[str, TypedColumn], rules: Segments) -> list[Segment]:
    """Choose the largest segments of a baseline's rows, the largest first. Columns that are not there have none."""
    counted = [(n, Segment(c, value)) for c in rules.columns if c in held for value, n in _values(held[c])]
    rows = max(map(size, held.values()), default=0)
    large = [(n, segment) for n, segment in counted if n >= rules.smallest * rows]
    return [segment for _, segment in sorted(large, key=lambda one: (-one[0], one[1].name))][: rules.most]


def rows_of(segment: Segment, columns: Mapping[str, TypedColumn]) -> Rows | None:
    """Return which rows belong to a segment; None where its column is not there."""
    column = columns.get(segment.column)
    if column is None:
        return None
    if isinstance(column, NumericColumn):
        rows: Rows = ~column.null & (column.values == _number(segment.value))
    else:
        place = column.dictionary.index(segment.value) if segment.value in column.dictionary else len(column.dictionary)
        rows = column.codes == place
    return rows if column.present is None else rows & column.present


def _values(column: TypedColumn) -> Iterator[tuple[str, int]]:
    """Yield the values of a column, and the rows of each."""
    there = slice(None) if column.present is None else column.present
    if isinstance(column, NumericColumn):
        numbers = column.values[there][~column.null[there]]
        values, rows = np.unique(numbers[np.isfinite(numbers)], return_counts=True)
        yield from zip(map(_written, values.tolist()), rows.tolist(), strict=True)
    else:
        codes = column.codes[there]
        rows = np.bincount(codes[codes >= 0], minlength=len(column.dictionary))
        yield from zip(column.dictionary, rows.tolist(), strict=True)


def _written(number: float) -> str:
    return str(int(number)) if number.is_integer() else repr(number)


def _number(written: str) -> float:
    try:
        return float(written)
    except ValueError:
        # what was a label in the baseline is a number now: quality says so, and no row is of this segment
        return float("nan")


def words(segments: Sequence[Segment]) -> str:
    """Name segments for a person: `origin EWR, JFK`."""
    by_column: dict[str, list[str]] = {}
    for one in segments:
        by_column.setdefault(one.column, []).append(one.value)
    return "; ".join(f"{column} {', '.join(values)}" for column, values in by_column.items())
