"""A remediation: one execution of a remedy, its states, and the steps of its journal."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from daemon.domain.states import IN_FLIGHT, MOVES, OPEN, PROPOSALS, State

__all__ = [
    "IN_FLIGHT",
    "MOVES",
    "OPEN",
    "PROPOSALS",
    "Approval",
    "GuardResult",
    "Mode",
    "Remediation",
    "Remedy",
    "Standing",
    "State",
    "Step",
    "StepState",
    "VersionVerdict",
    "new_id",
    "plan_hash",
    "token",
]


class Remedy(StrEnum):
    RETRAIN = "retrain"
    PROMOTE = "promote"
    ROLLBACK = "rollback"
    ARCHIVE = "archive"


class Mode(StrEnum):
    """How far a remedy may go by itself."""

    OFF = "off"
    OBSERVE = "observe"
    """The same path, guards and all; ends before the first effect."""
    APPROVE = "approve"
    """The same path; a person says yes or no to the plan before the first effect."""
    AUTO = "auto"


class StepState(StrEnum):
    INTENT = "intent"
    """Written before the call: the call may or may not have been made."""
    DONE = "done"
    FAILED = "failed"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True)
class Step:
    """One row of the journal: an intention, closed only by looking at the world."""

    remediation_id: str
    n: int
    name: str
    state: StepState
    token: str
    """The idempotency key of the call: a hash of remediation and step, the same after any restart."""
    expected: Mapping[str, object] = field(default_factory=dict)
    """The world as it was when the step was intended. Where it is neither so nor as wanted, somebody else was here."""
    result: Mapping[str, object] = field(default_factory=dict)
    calls: int = 0
    answers: int = 0
    """Calls that were answered, granted or refused. One call more than answers: nobody knows whether it took."""
    started_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def unanswered(self) -> bool:
        return self.state is StepState.INTENT and self.calls > self.answers


@dataclass(frozen=True, slots=True)
class Approval:
    """A person's word on one gate of one remediation. A gate is answered once."""

    remediation_id: str
    gate: str
    """`plan`, or the step that asked."""
    plan_hash: str
    granted: bool
    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class GuardResult:
    guard: str
    passed: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Remediation:
    id: str
    endpoint: str
    remedy: Remedy
    state: State
    reason: str
    sentence: str
    """What was decided and why, for a person."""
    evidence: Mapping[str, object]
    """The findings behind it, as numbers."""
    model: str
    from_version: int | None
    to_version: int | None
    plan: Mapping[str, object]
    created_at: datetime
    updated_at: datetime
    deadline_at: datetime
    parent_id: str | None = None
    guards: tuple[GuardResult, ...] = ()
    outcome: str = ""
    """How it ended, in a sentence."""
    verify_since: datetime | None = None
    """Windows that start before this say nothing about the change."""
    began_at: datetime | None = None
    """When it was let loose on the world: budgets count from this."""

    @property
    def plan_hash(self) -> str:
        """What an approval is bound to: all that will be done, and the world that it was planned for."""
        what = [self.id, self.endpoint, self.remedy, self.model, self.from_version, self.to_version]
        return plan_hash([*what, self.plan])


def new_id(endpoint: str, remedy: Remedy, now: datetime) -> str:
    """Return an id that sorts by time and that a person can type."""
    digest = hashlib.sha256(f"{endpoint}/{remedy}/{now.isoformat()}".encode()).hexdigest()
    return f"{now:%y%m%d-%H%M%S}-{digest[:5]}"


def token(remediation_id: str, step: str) -> str:
    """Return the idempotency key of a step: 64 characters, the most that Databricks takes, the same after a restart."""
    return hashlib.sha256(f"{remediation_id}/{step}".encode()).hexdigest()


def plan_hash(plan: object) -> str:
    """Return the SHA-256 of a plan, the same whichever database it has been through."""
    return hashlib.sha256(json.dumps(plan, sort_keys=True, default=str).encode()).hexdigest()


class Standing(StrEnum):
    """The record of a registered version on an endpoint."""

    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True, slots=True)
class VersionVerdict:
    endpoint: str
    model: str
    version: int
    standing: Standing
    reason: str
    set_at: datetime
    """For `good`: the end of the newest window that it served well."""
