"""A remediation: one execution of a remedy, its states, and the steps of its journal."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


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
    AUTO = "auto"


class State(StrEnum):
    PROPOSED = "proposed"
    BLOCKED = "blocked"
    SHADOWED = "shadowed"
    EXECUTING = "executing"
    VERIFYING = "verifying"
    COMPENSATING = "compensating"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    NEEDS_HUMAN = "needs_human"


PROPOSALS = frozenset({State.PROPOSED, State.BLOCKED})
IN_FLIGHT = frozenset({State.EXECUTING, State.VERIFYING, State.COMPENSATING, State.NEEDS_HUMAN})
OPEN = PROPOSALS | IN_FLIGHT

MOVES: Mapping[State, frozenset[State]] = {
    State.PROPOSED: frozenset(
        {State.BLOCKED, State.SHADOWED, State.EXECUTING, State.EXPIRED, State.SUPERSEDED, State.CANCELLED}
    ),
    State.BLOCKED: frozenset(
        {State.BLOCKED, State.SHADOWED, State.EXECUTING, State.EXPIRED, State.SUPERSEDED, State.CANCELLED}
    ),
    State.EXECUTING: frozenset(
        {
            State.VERIFYING,
            State.COMPENSATING,
            State.SUCCEEDED,
            State.FAILED,
            State.SUPERSEDED,
            State.NEEDS_HUMAN,
        }
    ),
    State.VERIFYING: frozenset(
        {State.SUCCEEDED, State.COMPENSATING, State.FAILED, State.SUPERSEDED, State.NEEDS_HUMAN}
    ),
    State.COMPENSATING: frozenset({State.FAILED, State.SUPERSEDED, State.NEEDS_HUMAN}),
    State.NEEDS_HUMAN: frozenset({State.CANCELLED}),
}
"""Every move there is; a state that is not a key is an end."""


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
    started_at: datetime | None = None
    ended_at: datetime | None = None


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


def new_id(endpoint: str, remedy: Remedy, now: datetime) -> str:
    """Return an id that sorts by time and that a person can type."""
    digest = hashlib.sha256(f"{endpoint}/{remedy}/{now.isoformat()}".encode()).hexdigest()
    return f"{now:%y%m%d-%H%M%S}-{digest[:5]}"


def token(remediation_id: str, step: str) -> str:
    """Return the idempotency key of a step: 64 characters, the most that Databricks takes, the same after a restart."""
    return hashlib.sha256(f"{remediation_id}/{step}".encode()).hexdigest()


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
