"""What a replay says: what would have been found, decided, told and proposed, when and why."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from daemon.domain.event import Event
from daemon.domain.finding import Finding
from daemon.domain.remediation import Mode, Remediation


@dataclass(frozen=True, slots=True)
class Episode:
    """One stretch of trouble of one check, from when it was believed to when it was over."""

    id: str
    cause: str
    since: datetime | None
    """Start of the window in which it began."""
    believed_at: datetime
    """When the daemon would have believed it."""
    over_at: datetime | None
    worst: Finding
    """The window with the highest bound."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision that differs from the one before it."""

    at: datetime
    action: str
    because: str
    sentence: str


@dataclass(frozen=True, slots=True)
class Guarded:
    """A guard's answer, and why the record cannot give it, where it cannot."""

    guard: str
    passed: bool
    detail: str
    unknown: str = ""


@dataclass(frozen=True, slots=True)
class Proposed:
    """A remediation that would have been proposed, and how far it would have come."""

    remedy: str
    mode: Mode
    """What the settings let the remedy do."""
    from_version: int | None
    to_version: int | None
    sentence: str
    proposed_at: datetime
    let_through_at: datetime | None
    """When every guard that can be asked would have let it through; None where they never did."""
    ended: str
    guards: Sequence[Guarded]

    @property
    def held_up_by(self) -> Sequence[Guarded]:
        return [g for g in self.guards if not g.passed and not g.unknown]


@dataclass(frozen=True, slots=True)
class Budget:
    """The false alarms that were allowed for, and the alarms that came."""

    per_year: float
    allowed: float
    """Expected over the replay where nothing drifts, at most."""
    alarms: int
    """Times that the decision turned from nothing to a page or a remedy."""
    answers: int
    """Questions that were answered."""


@dataclass(frozen=True, slots=True)
class Outcome:
    endpoint: str
    since: datetime
    until: datetime
    windows: int
    """Windows with traffic."""
    stored: int
    """Of these, how many came from the store; the others were read from the inference table."""
    episodes: Sequence[Episode]
    decisions: Sequence[Decided]
    proposed: Sequence[Proposed]
    told: Sequence[Event]
    """Pages and warnings that would have gone out, oldest first."""
    budget: Budget
    notes: Sequence[str]

    def document(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        return asdict(self) | {
            "episodes": [asdict(e) | {"worst": e.worst.numbers()} for e in self.episodes],
            "told": [_event(e) for e in self.told],
        }


def _event(event: Event) -> Mapping[str, object]:
    return {"at": event.at, "kind": event.kind, "severity": str(event.severity), "sentence": event.sentence}


def proposed(one: Remediation, mode: Mode, let_through_at: datetime | None) -> Proposed:
    """Return a remediation as the replay tells of it."""
    return Proposed(
        remedy=str(one.remedy),
        mode=mode,
        from_version=one.from_version,
        to_version=one.to_version,
        sentence=one.sentence,
        proposed_at=one.created_at,
        let_through_at=let_through_at,
        ended=one.outcome or str(one.state),
        guards=[
            Guarded(g.guard, g.passed, f"mode is {mode}" if g.guard == "mode" else g.detail, UNKNOWN.get(g.guard, ""))
            for g in one.guards
        ],
    )


UNKNOWN: Mapping[str, str] = {
    "kill_switch": "the file is not on record; a kill switch in the database is, and is answered for",
    "lease": "which daemon led then is not on record",
    "alone": "the other endpoints are not replayed",
    "deployment": "whether a deployment job of Databricks was connected is not on record",
    "storm": "the other endpoints are not replayed",
    "settled": "whether an update was under way then is not on record",
    "unchanged": "which deployment served then is not on record",
    "approval": "what a person would have said",
    "target": "whether its artifacts could be loaded then is not on record; its standing is",
}
"""Guards that the record cannot answer: they are taken to hold where nothing on record speaks against it."""
