"""A history: what the columns of a served version do by themselves, learnt from its own calm windows."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon.domain.finding import Statistic
from daemon.domain.profile import Counts
from detectors.design_effect import DesignEffect

Of = tuple[str, Statistic | None]
"""A column, and what is no value in it, or a new one; None for its values."""


@dataclass(frozen=True, slots=True)
class History:
    """How much more a version's windows vary than independent rows would, per column, statistic and scale."""

    baseline_id: int
    """The baseline in whose bins the windows were counted."""
    windows: int
    """Calm windows that it was learnt from."""
    until: datetime
    """End of the newest of them."""
    scales: tuple[int, ...]
    """Lengths, in windows, that the design effects are of."""
    effects: Mapping[Of, DesignEffect]
    length: timedelta
    """Of each window."""
    phases: "Phases | None" = None


@dataclass(frozen=True, slots=True)
class Phases:
    """The counts of the calm windows, by the hour at which they began: what a seasonal baseline expects."""

    weekly: bool
    """168 hours of the week; else 24 hours of a working day and 24 of the weekend."""
    columns: Mapping[str, Counts]
    """Column -> counts, shape (phases, bins)."""
