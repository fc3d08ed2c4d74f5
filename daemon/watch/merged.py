"""What the checks of one level are asked of: windows merged over every scale, and what is expected of them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daemon.config.detection import Level
from daemon.config.endpoint import EndpointSettings
from daemon.domain.baseline import Baseline
from daemon.domain.history import History
from daemon.domain.profile import Counts, Profile
from daemon.watch.phases import PHASES, phase_of
from daemon.watch.scales import scales
from daemon.watch.stack import Stack, ages, missing_of, stack
from detectors import ladder, phase

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


THIN = 10


@dataclass(frozen=True, slots=True)
class Merged:
    """Counts of several columns at every scale of a ladder, and those that they are compared with."""

    scales: tuple[int, ...]
    covered: Bools
    """Scales over whose whole length there is something stored, shape (scales,)."""
    values: Counts
    """Shape (scales, columns, bins)."""
    missing: Counts
    """Shape (scales, columns, 2)."""
    rows: Counts
    """All rows, shape (scales, columns)."""
    newest: Counts
    """Rows of the window that is judged, shape (columns,)."""
    thin: Bools
    """True where these are less than a tenth of what a window usually holds."""
    categories: Counts
    expected: Floats
    """What the baseline expects, shape (columns, bins), or (scales, columns, bins) where it has phases."""
    missing_before: Counts
    rows_before: Counts
    effects: Floats
    """Design effects of the values and of the two kinds of `missing`, shape (3, scales, columns)."""

    def phi(self, kind: int | None) -> Floats:
        """Return the design effects of the values, or of one kind of what is missing; infinite where not known."""
        effects: Floats = self.effects[0 if kind is None else 1 + kind]
        return effects

    def expected_at(self, scale: int) -> Floats:
        """Return what is expected of every column at one scale, shape (columns, bins)."""
        expected: Floats = self.expected if self.expected.ndim == 2 else self.expected[scale]
        return expected


def merged(
    profiles: Sequence[Profile],
    baseline: Baseline,
    history: History | None,
    settings: EndpointSettings,
    level: Level,
    names: Sequence[str],
) -> Merged:
    """Merge the windows that are counted in the baseline's bins over the ladder of a level."""
    if history and (history.baseline_id, history.length) != (baseline.id, settings.watch.window):
        history = None
    if settings.baseline.kind == "seasonal" and level is Level.IMMEDIATE and (history is None or not history.phases):
        # before the hours of the day are known, a night can only be compared as part of a whole day
        level = Level.DAILY
    ladder_of = scales(settings, level)
    newest = profiles[-1]
    kept = _apart([p for p in profiles if p is newest or _comparable(p, newest, ladder_of[-1])])
    now = stack([dict(p.columns) for p in kept], baseline, names)
    before = stack([{name: baseline.columns[name].counts for name in names}], baseline, names)
    back = np.array(ages(kept))
    values = ladder.merge(now.values, back, scales=ladder_of)
    rows = ladder.merge(now.rows[..., None], back, scales=ladder_of).rows
    return Merged(
        scales=ladder_of,
        covered=values.covered,
        values=values.counts,
        missing=ladder.merge(now.missing, back, scales=ladder_of).counts,
        rows=rows,
        newest=now.rows[-1],
        thin=now.rows[-1] * THIN < now.rows.sum(axis=0) / sum(p.window.length / newest.window.length for p in kept),
        categories=now.categories,
        expected=_expected(kept, back, now, before, baseline, history, ladder_of),
        missing_before=before.missing[0],
        rows_before=before.rows[0],
        effects=_effects(baseline, history, settings, ladder_of, names, rows),
    )


def _comparable(profile: Profile, newest: Profile, reach: int) -> bool:
    counted = bool(profile.columns) and profile.baseline_id == newest.baseline_id
    near = newest.window.start - profile.window.start < reach * newest.window.length
    return counted and near and profile.window.length >= newest.window.length


def _apart(profiles: Sequence[Profile]) -> list[Profile]:
    """Leave out what a later one has in it: windows that were read again under another length."""
    kept: list[Profile] = []
    for one in reversed(profiles):
        if not kept or one.window.end <= kept[-1].window.start:
            kept.append(one)
    return kept[::-1]


def _expected(
    profiles: Sequence[Profile],
    back: Counts,
    now: Stack,
    before: Stack,
    baseline: Baseline,
    history: History | None,
    ladder_of: tuple[int, ...],
) -> Floats:
    """Return the baseline's counts as they are, or as the hours of the merged windows lead to expect."""
    pooled: Floats = before.values[0].astype(np.float64)
    known = history.phases if history else None
    if known is None:
        return pooled
    cells = PHASES[known.weekly]
    by_phase = np.zeros((*now.values.shape[:2], cells), dtype=np.int64)
    place = [phase_of(p.window.start, weekly=known.weekly) for p in profiles]
    by_phase[np.arange(len(profiles)), :, place] = now.values.sum(axis=-1)
    rows = ladder.merge(by_phase, back, scales=ladder_of).counts
    phases = stack([{name: c[cell] for name, c in known.columns.items()} for cell in range(cells)], baseline, now.names)
    columns = range(len(now.names))
    expected: Floats = np.stack([phase.expect(phases.values[:, c], rows[:, c]).counts for c in columns], axis=1)
    return expected


def _effects(
    baseline: Baseline,
    history: History | None,
    settings: EndpointSettings,
    ladder_of: tuple[int, ...],
    names: Sequence[str],
    rows: Counts,
) -> Floats:
    stated = settings.drift.design_effect
    effects = np.full((3, len(ladder_of), len(names)), np.inf if stated is None else stated)
    if history is None or stated is not None:
        return effects
    at = [history.scales.index(scale) for scale in ladder_of if scale in history.scales]
    if len(at) < len(ladder_of):
        return effects
    for column, name in enumerate(names):
        for kind, statistic in enumerate((None, *missing_of(baseline.columns[name].bins))):
            known = history.effects.get((name, statistic))
            if known is not None:
                effects[kind, :, column] = known.over(at).at(rows[:, column])
    return effects
