"""The write-ahead journal: a row before each effect, closed only by looking at the world.

An act is never repeated because its row is open: first the world is looked at. It is as wanted: the step is done. It is
as it was: the act may go. It is neither: somebody else was here, and the plan ends.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from daemon.domain.remediation import Remediation, Step, StepState, token
from daemon.ports import PlatformError
from daemon.store import remediations
from daemon.store.engine import Store

MOST_CALLS = 5
"""An act that did not take after so many calls never will."""


class Outcome(StrEnum):
    DONE = "done"
    READY = "ready"
    """The world is as it was: the act may go."""
    WAIT = "wait"
    FOREIGN = "foreign"
    """Neither as it was nor as wanted: somebody else changed it."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look at the world says about a step."""

    outcome: Outcome
    detail: str = ""
    result: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Act:
    """One step of a plan. Without `do` it only waits and watches."""

    name: str
    look: Callable[[Step], Seen]
    do: Callable[[Step], Mapping[str, object]] | None = None
    base: Callable[[], Mapping[str, object]] = dict
    """The world before the act, written into the intent."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a plan stands after one step. `step` is None when every act is done."""

    outcome: Outcome
    detail: str
    step: Step | None
    acted: bool = False


def advance(remediation: Remediation, acts: Sequence[Act], store: Store, *, now: datetime) -> Progress:
    """Move a plan by one step.

    1. Find the first act whose row is not closed; write its intent if it has none.
    2. Look at the world.
    3. Close the row, or act: count the call first, so that a crash in the call is known of.
    """
    with store.begin() as tx:
        rows = {s.name: s for s in remediations.steps(tx, remediation.id)}
    act = next((a for a in acts if a.name not in rows or rows[a.name].state is not StepState.DONE), None)
    if act is None:
        return Progress(Outcome.DONE, "", None)
    row = rows.get(act.name) or _intend(remediation, act, len(rows), store, now)
    try:
        seen = act.look(row)
        if seen.outcome is Outcome.READY:
            return _do(act, row, store, now)
    except PlatformError as error:
        if not error.permanent:
            raise
        seen = Seen(Outcome.FAILED, str(error))
    _close(row, seen, store, now)
    return Progress(seen.outcome, seen.detail, row)


def _intend(remediation: Remediation, act: Act, n: int, store: Store, now: datetime) -> Step:
    step = Step(
        remediation_id=remediation.id,
        n=n,
        name=act.name,
        state=StepState.INTENT,
        token=token(remediation.id, act.name),
        expected=act.base(),
        started_at=now,
    )
    with store.begin() as tx:
        remediations.write_intent(tx, step)
    return step


def _do(act: Act, row: Step, store: Store, now: datetime) -> Progress:
    if act.do is None:
        raise AssertionError(f"step {act.name} has nothing to do and must not ask for it")
    if row.calls >= MOST_CALLS:
        seen = Seen(Outcome.FAILED, f"{row.calls} calls changed nothing")
        _close(row, seen, store, now)
        return Progress(seen.outcome, seen.detail, row)
    with store.begin() as tx:
        remediations.count_call(tx, row, now)
        remediations.note(tx, row, {"called_at": now.isoformat()})
    result = act.do(row)
    with store.begin() as tx:
        remediations.note(tx, row, result)
    return Progress(Outcome.WAIT, f"{act.name}: asked for", row, acted=True)


CLOSES = {
    Outcome.DONE: StepState.DONE,
    Outcome.FAILED: StepState.FAILED,
    Outcome.FOREIGN: StepState.SUPERSEDED,
}


def _close(row: Step, seen: Seen, store: Store, now: datetime) -> None:
    if seen.outcome in CLOSES:
        with store.begin() as tx:
            result = {**seen.result, "detail": seen.detail} if seen.detail else dict(seen.result)
            remediations.close_step(tx, row, CLOSES[seen.outcome], result, now)


def called_at(step: Step) -> datetime | None:
    """Return when the step's call was last made."""
    at = step.result.get("called_at")
    return datetime.fromisoformat(str(at)) if at else None
