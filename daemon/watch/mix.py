"""A drift in two parts, for people: another mix of segments, and other values within them. Pure."""

from collections.abc import Iterator, Sequence

import numpy as np

from daemon.domain.baseline import Baseline
from daemon.domain.finding import MIX_OF, WITHIN
from daemon.domain.profile import Counts
from daemon.watch.merged import Merged
from detectors import phase
from detectors.bins import CategoricalBins


def mix(
    now: Merged, baseline: Baseline, names: Sequence[str], scale: int, place: int, *, alpha: float
) -> Iterator[tuple[str, float]]:
    """Yield how far the mix of segments has moved, and how far a column has where the mix is taken out of it.

    For every column that tells segments apart. Nothing where the baseline expects hours, or the column is a segment's
    own, or rows came of what the baseline had none of: then no mix of it is like theirs.
    """
    whole = baseline.columns[names[place]]
    if whole.within is not None or now.expected.ndim > 2:
        return
    expected = np.rint(now.expected).astype(np.int64)
    places = {name: n for n, name in enumerate(names)}
    for column in dict.fromkeys(one.column for one in baseline.segments):
        known = [c for c in baseline.columns.values() if c.column == whole.column and c.within]
        parts = [places[c.name] for c in known if c.within and c.within.column == column and c.name in places]
        if not parts:
            continue
        current, before = _cells(now.values[scale], place, parts), _cells(expected, place, parts)
        if (current[before.sum(axis=1) == 0] > 0).any() or not current.sum():
            continue
        found = phase.split(current, before, alpha, categorical=isinstance(whole.bins, CategoricalBins))
        yield f"{MIX_OF}{column}", found.mix.value
        yield f"{WITHIN}{column}", found.conditional.value


def _cells(counts: Counts, place: int, parts: Sequence[int]) -> Counts:
    """Return a column's counts by segment, and in all other rows, shape (segments + 1, bins)."""
    of_parts = counts[parts]
    return np.vstack([of_parts, counts[place] - of_parts.sum(axis=0)])
