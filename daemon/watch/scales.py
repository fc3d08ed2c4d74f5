"""Over which stretches each kind of drift is looked for, and how certain each answer has to be. Pure."""

import math
from datetime import timedelta

from daemon.config.detection import Level
from daemon.config.endpoint import EndpointSettings
from daemon.domain.schema import Column, Role
from daemon.watch import quality
from detectors import budget
from detectors.ladder import SCALES

YEAR_S = 365.25 * 24 * 3600
CHECKS_PER_COLUMN = 4
"""KS and PSI (or L-infinity and PSI), nulls, and never-seen or non-finite values."""
OTHER_CHECKS = 7
"""Errors of two kinds and beside another version, three of latency, and silence: all on single windows."""
WARNS = 12
"""A warning may be false so many times as often as what is acted upon."""
DAYS = (1, 2, 3, 4, 5, 6, 7)
WEEKS = (7, 14, 21, 28)


def level_of(settings: EndpointSettings, column: Column) -> Level:
    """Return how soon drift of a column is to be found."""
    rules = settings.sensitivity
    return rules.columns.get(column.name, rules.prediction if column.role is Role.PREDICTION else rules.feature)


def quality_level_of(settings: EndpointSettings, column: Column) -> Level:
    """Return how soon it is to be found that a column's values are no values, or new ones."""
    return settings.sensitivity.columns.get(column.name, settings.sensitivity.quality)


def scales(settings: EndpointSettings, level: Level) -> tuple[int, ...]:
    """Return the numbers of windows that are merged: stretches shorter than the level's are not looked at."""
    if level is Level.IMMEDIATE:
        return SCALES
    days = DAYS if level is Level.DAILY else WEEKS
    return tuple(sorted({math.ceil(n * timedelta(days=1) / settings.watch.window) for n in days}))


def every_scale(settings: EndpointSettings) -> tuple[int, ...]:
    """Return all numbers of windows that any check of the endpoint merges."""
    seasonal = [Level.DAILY] if settings.baseline.kind == "seasonal" else []
    return tuple(sorted({n for one in (*settings.sensitivity.levels, *seasonal) for n in scales(settings, one)}))


def confidence(settings: EndpointSettings, columns: int) -> float:
    """Return how often each answer may be wrong, so that the endpoint's yearly budget holds over all of them."""
    return budget.alpha(
        settings.drift.false_alarms_per_year,
        looks_per_year=YEAR_S / settings.watch.window.total_seconds(),
        columns=1,
        metrics=(CHECKS_PER_COLUMN * len(SCALES) + quality.CHECKS_PER_COLUMN) * max(columns, 1)
        + quality.CHECKS
        + OTHER_CHECKS,
    )
