"""What a version's columns do by themselves: its calm windows in, design effects and phases out. Pure.

A history is learnt from the windows that were not in breach, again each time their number has doubled. The newest
quarter of them is left out: it may be what is to be found.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

import numpy as np

from daemon.config.endpoint import EndpointSettings
from daemon.domain.baseline import Baseline
from daemon.domain.history import History, Of, Phases
from daemon.domain.profile import Profile
from daemon.watch.phases import BY_DAY_AFTER, BY_WEEK_AFTER, PHASES, phase_of
from daemon.watch.scales import every_scale
from daemon.watch.stack import AT_THE_END, Stack, ages, missing_of, stack
from detectors.design_effect import FEWEST_BLOCKS, DesignEffect, estimate

LEFT_OUT = 4
"""One window in so many, the newest."""
MOST = 2_688
"""Windows that are learnt from at most: four weeks of quarters of an hour."""
SEASONAL_AGAIN = timedelta(days=7)
"""How old what is expected of the hours of the week may become before it is learnt anew."""


def due(known: History | None, calm: int, settings: EndpointSettings, *, since: datetime, now: datetime) -> bool:
    """Tell whether so many calm windows, the first of which began at `since`, teach more than is known.

    However many there are, they must span `drift.learn_for`: windows of one quiet hour resemble each other, and tell
    nothing of what the day brings.
    """
    learnt_from = calm - calm // LEFT_OUT
    if learnt_from < FEWEST_BLOCKS or now - since < settings.drift.learn_for:
        return False
    if known is None or known.length != settings.watch.window or not set(every_scale(settings)) <= set(known.scales):
        return True
    seasonal = settings.baseline.kind == "seasonal" and now - known.until >= SEASONAL_AGAIN
    return min(learnt_from, MOST) >= 2 * known.windows or seasonal


def learn(profiles: Sequence[Profile], baseline: Baseline, settings: EndpointSettings) -> History | None:
    """Learn from calm windows, oldest first, all counted in the bins of the baseline. None where they are too few."""
    kept = list(profiles[: len(profiles) - len(profiles) // LEFT_OUT])[-MOST:]
    if len(kept) < FEWEST_BLOCKS or baseline.id is None:
        return None
    names = list(baseline.columns)
    now = stack([dict(p.columns) for p in kept], baseline, names)
    phases = _phases(kept, baseline, names) if settings.baseline.kind == "seasonal" else None
    place = [phase_of(p.window.start, weekly=phases.weekly) for p in kept] if phases else None
    ladder_of, back = every_scale(settings), ages(kept)
    effects = dict(_effects(now, baseline, back, place, ladder_of))
    return History(baseline.id, len(kept), kept[-1].window.end, ladder_of, effects, settings.watch.window, phases)


def _effects(
    now: Stack, baseline: Baseline, back: Sequence[int], phases: Sequence[int] | None, ladder_of: tuple[int, ...]
) -> Iterator[tuple[Of, DesignEffect]]:
    for column, name in enumerate(now.names):
        bins = baseline.columns[name].bins
        values, rows = now.values[:, column, : bins.size], now.rows[:, column]
        events = values if now.categories[column] else values.cumsum(axis=1)[:, : bins.size - AT_THE_END - 1]
        of_values = estimate(events, values.sum(axis=1), phases, ages=back, scales=ladder_of)
        if not np.isfinite(of_values.phi).all():
            continue
        yield (name, None), of_values
        for kind, statistic in enumerate(missing_of(bins)):
            events = now.missing[:, column, kind : kind + 1]
            # a share that never varied has no effect of its own
            varied = bool(events.any()) and bool((events[:, 0] < rows).any())
            own = estimate(events, rows, phases, ages=back, scales=ladder_of) if varied else of_values
            yield (name, statistic), own


def _phases(profiles: Sequence[Profile], baseline: Baseline, names: Sequence[str]) -> Phases | None:
    span = profiles[-1].window.end - profiles[0].window.start
    if span < BY_DAY_AFTER:
        return None
    weekly = span >= BY_WEEK_AFTER
    cells = {name: np.zeros((PHASES[weekly], baseline.columns[name].bins.size), dtype=np.int64) for name in names}
    for one in profiles:
        place = phase_of(one.window.start, weekly=weekly)
        for name, counts in one.columns.items():
            cells[name][place] += counts
    return Phases(weekly, cells)
