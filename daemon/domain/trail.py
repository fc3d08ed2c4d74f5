"""A trail: the life of one check's findings over many windows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from daemon.domain.finding import Finding, Verdict


class Phase(StrEnum):
    INACTIVE = "inactive"
    PENDING = "pending"
    """In breach, but on too few windows to be believed."""
    FIRING = "firing"
    CLEARING = "clearing"
    """Was firing, and has been well below the threshold since, but not for long enough to be over."""
    RESOLVED = "resolved"

    @property
    def trouble(self) -> bool:
        """Not well: nothing good may be concluded of a version while it lasts."""
        return self in (Phase.PENDING, Phase.FIRING, Phase.CLEARING)


PHASES: Mapping[Phase, frozenset[Phase]] = {
    Phase.INACTIVE: frozenset({Phase.PENDING, Phase.FIRING}),
    Phase.PENDING: frozenset({Phase.FIRING, Phase.INACTIVE}),
    Phase.FIRING: frozenset({Phase.CLEARING, Phase.RESOLVED}),
    Phase.CLEARING: frozenset({Phase.FIRING, Phase.RESOLVED}),
    Phase.RESOLVED: frozenset({Phase.PENDING, Phase.FIRING}),
}
"""Every move there is. Only a valid window makes one; a new subject begins anew at inactive."""


BELIEVED = frozenset({Phase.FIRING, Phase.CLEARING})
"""What counts as found until it is known to be over. Missing data does not end it."""


@dataclass(frozen=True, slots=True)
class Trail:
    """The life of one check's findings on one served version: M of N valid windows in, K healthy ones out."""

    last: Finding
    phase: Phase = Phase.INACTIVE
    since: datetime | None = None
    """Start of the window in which the present run of trouble began (event time)."""
    recent: tuple[Verdict, ...] = field(default=())
    """The last valid verdicts, oldest first: as many as any rule looks back."""
    newest: datetime | None = None
    """End of the newest window that counted: a window counts once, however often it is read again."""
    seen: datetime | None = None
    """End of the newest window that had an answer. What was not seen lately is frozen: it starts and ends nothing."""
    cleared: int = 0
    """Windows well below the threshold since it was last in breach."""
    flaps: int = 0
    """Times that it fired again before it was over."""
    flapping: bool = False
    """Comes and goes too often for anything to be done about it."""
    warned: datetime | None = None
    """Start of the window since which it has been certain at the level of a warning."""
    subject: str = ""
    """What the answers are about: baseline and rules. Where it changes, the trail begins anew."""

    @property
    def answered_until(self) -> datetime | None:
        """End of the newest window that had an answer. An older daemon wrote down only what the newest window was."""
        return self.seen or (self.newest if self.recent else None)

    def frozen(self, now: datetime, stale_after: timedelta) -> bool:
        """Whether it had no answer for so long that nothing may be concluded from it, neither good nor bad."""
        return self.answered_until is None or now - self.answered_until > stale_after
