"""The states of a remediation, and every move between them: one table, which the store holds everybody to."""

from collections.abc import Mapping
from enum import StrEnum


class State(StrEnum):
    PROPOSED = "proposed"
    BLOCKED = "blocked"
    """A guard says no for now. Asked again at every round."""
    SHADOWED = "shadowed"
    """Mode `observe`: every guard let it through, and nothing was done."""
    AWAITING_APPROVAL = "awaiting_approval"
    """Mode `approve`: the plan is made and waits for a person's word."""
    APPROVED = "approved"
    SCHEDULED = "scheduled"
    """Approved, and held up by a guard until it opens: a maintenance window, a cooldown, a budget."""
    EXECUTING = "executing"
    INDETERMINATE = "indeterminate"
    """A call was made and nobody knows whether it took. Left only by looking, never by calling again."""
    VERIFYING = "verifying"
    COMPENSATING = "compensating"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SUPERSEDED = "superseded"
    REJECTED = "rejected"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    NEEDS_HUMAN = "needs_human"
    """Keeps its endpoint's place, and pages again until a person ends it."""


PROPOSALS = frozenset({State.PROPOSED, State.BLOCKED, State.AWAITING_APPROVAL, State.APPROVED, State.SCHEDULED})
"""Nothing has been done in the world. At most one for each endpoint and remedy."""
IN_FLIGHT = frozenset(
    {State.EXECUTING, State.INDETERMINATE, State.VERIFYING, State.COMPENSATING, State.NEEDS_HUMAN},
)
"""Something was done, or may have been. At most one for each endpoint."""
OPEN = PROPOSALS | IN_FLIGHT
PLANNED = (PROPOSALS | IN_FLIGHT) - {State.PROPOSED, State.BLOCKED, State.NEEDS_HUMAN}
"""A plan was made for the world as it was: whoever changes that world by hand is in charge from then on."""

_DROPPED = frozenset({State.EXPIRED, State.SUPERSEDED, State.CANCELLED})
_WEIGHED = _DROPPED | {State.BLOCKED, State.SHADOWED, State.AWAITING_APPROVAL, State.APPROVED}

MOVES: Mapping[State, frozenset[State]] = {
    State.PROPOSED: _WEIGHED,
    State.BLOCKED: _WEIGHED,
    State.AWAITING_APPROVAL: _DROPPED | {State.APPROVED, State.REJECTED},
    State.APPROVED: _DROPPED | {State.SCHEDULED, State.EXECUTING},
    State.SCHEDULED: _DROPPED | {State.SCHEDULED, State.EXECUTING},
    State.EXECUTING: frozenset(
        {
            State.INDETERMINATE,
            State.VERIFYING,
            State.COMPENSATING,
            State.SUCCEEDED,
            State.FAILED,
            State.SUPERSEDED,
            State.CANCELLED,
            State.NEEDS_HUMAN,
        }
    ),
    State.INDETERMINATE: frozenset({State.EXECUTING, State.SUPERSEDED, State.NEEDS_HUMAN}),
    State.VERIFYING: frozenset(
        {State.SUCCEEDED, State.COMPENSATING, State.FAILED, State.SUPERSEDED, State.NEEDS_HUMAN}
    ),
    State.COMPENSATING: frozenset({State.FAILED, State.SUPERSEDED, State.NEEDS_HUMAN}),
    State.NEEDS_HUMAN: frozenset({State.NEEDS_HUMAN, State.CANCELLED, State.SUCCEEDED}),
}
"""Every move there is; a state that is not a key is an end."""

OVERDUE: Mapping[State, State] = {
    **dict.fromkeys(PROPOSALS, State.EXPIRED),
    **dict.fromkeys(IN_FLIGHT, State.NEEDS_HUMAN),
}
"""Where each open state goes when its deadline has passed and its own loop did not see to it."""
