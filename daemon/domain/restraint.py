"""A restraint: what a person, or a person's own deed, forbids for a while. Detection goes on under all of them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class RestraintKind(StrEnum):
    KILL = "kill"
    """Nothing is done in the world any more, by any remedy, anywhere. Also a file (`safety.kill_file`)."""
    PAUSE = "pause"
    """Nothing is done, and nobody is told."""
    MAINTENANCE = "maintenance"
    """Nothing is done; people are told as ever. The only one that can be imposed for later."""
    HOLD = "hold"
    """Nothing is done until a person releases it: set by hand, or because somebody changed what a plan was made for."""
    STORM = "storm"
    """Many endpoints were ill at once: nothing new is begun until it has been calm for a while."""
    SILENCE = "silence"
    """Nobody is told; what remedies do goes on."""

    @property
    def stops_what_runs(self) -> bool:
        """Holds up what is under way, too. A storm only keeps anything new from being begun."""
        return self not in (RestraintKind.SILENCE, RestraintKind.STORM)

    @property
    def forbids_telling(self) -> bool:
        return self in (RestraintKind.PAUSE, RestraintKind.SILENCE)


@dataclass(frozen=True, slots=True)
class Restraint:
    kind: RestraintKind
    endpoint: str
    """Empty: the whole fleet."""
    owner: str
    reason: str
    since: datetime
    """A maintenance begins then. All else holds from the moment it is written down, wherever a clock is set back to."""
    until: datetime | None = None
    """None: until a person lifts it."""
    id: int | None = None
    lifted_at: datetime | None = None
    lifted_by: str = ""

    def concerns(self, endpoint: str) -> bool:
        return self.endpoint in ("", endpoint)

    def holds_at(self, now: datetime) -> bool:
        """Tell whether it holds. Only maintenance can be announced: a clock that is set back undoes nothing."""
        begun = self.kind is not RestraintKind.MAINTENANCE or self.since <= now
        return begun and self.lifted_at is None and (self.until is None or now < self.until)

    def words(self) -> str:
        """Say it to a person: what, where, by whom, why, until when."""
        where = self.endpoint or "the whole fleet"
        end = f"until {self.until:%F %H:%M} UTC" if self.until else "until it is lifted"
        return f"{self.kind} of {where} by {self.owner}, {end}: {self.reason}"
