"""The windows of a served version side by side: profiles in, arrays out. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from daemon.domain.baseline import Baseline
from daemon.domain.finding import Statistic
from daemon.domain.profile import Counts, Profile
from detectors.bins import Bins, CategoricalBins

AT_THE_END = 2
"""What a column holds that is no value is counted in its last two bins."""


@dataclass(frozen=True, slots=True)
class Stack:
    """Counts of several columns in several windows. Columns of fewer bins are filled up with zeros."""

    names: tuple[str, ...]
    values: Counts
    """Rows per bin, shape (windows, columns, bins)."""
    missing: Counts
    """Rows per kind of `missing_of`, shape (windows, columns, 2)."""
    rows: Counts
    """All rows, values or not, shape (windows, columns)."""
    categories: Counts
    """Categories of each column, 0 for a numeric one, shape (columns,)."""


def missing_of(bins: Bins) -> tuple[Statistic, Statistic]:
    """Return what a column's last two bins count."""
    if isinstance(bins, CategoricalBins):
        return Statistic.UNSEEN, Statistic.NULLS
    return Statistic.NULLS, Statistic.NON_FINITE


def stack(counts: Sequence[dict[str, Counts]], baseline: Baseline, names: Sequence[str]) -> Stack:
    """Put the counts of the named columns side by side, those of one window per entry. Absent columns have no rows."""
    bins = [baseline.columns[name].bins for name in names]
    width = max(one.size for one in bins)
    values = np.zeros((len(counts), len(names), width), dtype=np.int64)
    missing = np.zeros((len(counts), len(names), AT_THE_END), dtype=np.int64)
    rows = np.zeros((len(counts), len(names)), dtype=np.int64)
    for place, (name, one) in enumerate(zip(names, bins, strict=True)):
        held = [n for n, columns in enumerate(counts) if name in columns]
        if not held:
            continue
        # as np.stack, at a tenth of its cost
        of_column = np.concatenate([counts[n][name] for n in held]).reshape(len(held), one.size)
        where = held if len(held) < len(counts) else slice(None)
        rows[where, place] = of_column.sum(axis=1)
        values[where, place, : one.size - _left_out(one)] = of_column[:, : one.size - _left_out(one)]
        missing[where, place] = of_column[:, -AT_THE_END:]
    categories = [one.null_bin if isinstance(one, CategoricalBins) else 0 for one in bins]
    return Stack(tuple(names), values, missing, rows, np.array(categories))


def ages(profiles: Sequence[Profile]) -> list[int]:
    """Return how many windows ago each began; the last is the one that is looked at, and has age 0."""
    newest = profiles[-1].window
    return [(newest.start - one.window.start) // newest.length for one in profiles]


def _left_out(bins: Bins) -> int:
    # a never-seen value is a value, a non-finite number is none
    return 1 if isinstance(bins, CategoricalBins) else AT_THE_END
