"""The write-ahead journal: a row before each effect, closed only by looking at the world.

An act is never repeated because its row is open: first the world is looked at. It is as wanted: the step is done. It is
as it was: the act may go. It is neither: somebody else was here, and the plan ends. A row that is closed stays closed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from daemon.domain.remediation import Remediation, Step, StepState, token
from daemon.ports import PlatformError
from daemon.store import remediations
from daemon.store.engine import Store, Tx
from daemon.telemetry.failpoint import failpoint

MOST_CALLS = 5
"""An act that did not take after so many calls never will. Calls to a workspace that did not answer do not count; calls
in which the daemon died do."""
UNANSWERED = "unanswered"
"""Where a step notes how many of its calls the workspace did not answer."""


class Outcome(StrEnum):
    DONE = "done"
    READY = "ready"
    """The world is as it was: the act may go."""
    WAIT = "wait"
    FOREIGN = "foreign"
    """Neither as it was nor as wanted: somebody else changed it."""
    FAILED = "failed"
    CANCELLED = "cancelled"
    """A person ended it outside: that is his answer, and no failure."""
    UNFIT = "unfit"
    """Failed by the version's own doing: windows that it served were measured, and are in breach."""


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
    within: timedelta | None = None
    """What is not done by then has failed. None: as long as the remediation lives."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a plan stands after one step."""

    outcome: Outcome
    detail: str
    step: Step | None = None
    acted: bool = False

    @property
    def complete(self) -> bool:
        """Every act of the plan is done."""
        return self.outcome is Outcome.DONE and self.step is None


Refusal = Callable[[Tx], str]
"""Why no call may be made now, asked in the transaction that counts the call. Empty where it may."""


def advance(
    remediation: Remediation, acts: Sequence[Act], store: Store, *, now: datetime, refusal: Refusal
) -> Progress:
    """Move a plan by one step.

    1. Find the first act whose row is not done; write its intent if it has none.
    2. Look at the world.
    3. Close the row, or act: count the call first, so that a crash in the call is known of.
    """
    rows = _rows(remediation, store)
    act = _next(acts, rows)
    if act is None:
        return Progress(Outcome.DONE, "")
    row = rows.get(act.name)
    if row is not None and row.state is not StepState.INTENT:
        return Progress(_ended(row), str(row.result.get("detail", "")), row)
    try:
        row = row or _intend(remediation, act, len(rows), store, now)
        seen = _in_time(act, row, act.look(row), now)
        if seen.outcome is Outcome.READY:
            return _do(act, row, store, now, refusal)
    except PlatformError as error:
        if not error.permanent:
            raise
        seen = Seen(Outcome.FAILED, str(error))
    return _close(row, seen, store, now)


def unanswered(remediation: Remediation, store: Store) -> Step | None:
    """Return the step whose last call nobody knows the fate of, if there is one."""
    return next((row for row in _rows(remediation, store).values() if row.unanswered), None)


def probe(remediation: Remediation, acts: Sequence[Act], store: Store, *, now: datetime) -> Progress:
    """Find out by looking what became of a call that nobody answered. Nothing is called, and nothing called again.

    READY: the world is as it was, so the call did not take, and the plan may go on from there.
    """
    rows = _rows(remediation, store)
    act = _next(acts, rows)
    row = rows.get(act.name) if act else None
    if act is None or row is None or not row.unanswered:
        return Progress(Outcome.READY, "every call was answered", row)
    try:
        seen = _in_time(act, row, act.look(row), now)
    except PlatformError as error:
        if not error.permanent:
            raise
        seen = Seen(Outcome.FAILED, str(error))
    if seen.outcome is Outcome.READY:
        with store.begin() as tx:
            remediations.count_answer(tx, row, {})
        return Progress(Outcome.READY, f"{act.name}: the call did not take", row)
    return _close(row, seen, store, now)


def _rows(remediation: Remediation, store: Store) -> dict[str, Step]:
    with store.read() as tx:
        return {s.name: s for s in remediations.steps(tx, remediation.id)}


def _next(acts: Sequence[Act], rows: Mapping[str, Step]) -> Act | None:
    """Return the first act that is not done. What a newer version asks for before it is not made up for under way."""
    begun = max((n for n, act in enumerate(acts) if act.name in rows), default=-1)
    todo = (act for n, act in enumerate(acts) if n > begun or act.name in rows)
    return next((act for act in todo if act.name not in rows or rows[act.name].state is not StepState.DONE), None)


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
    failpoint("after_intent")
    return step


def _in_time(act: Act, row: Step, seen: Seen, now: datetime) -> Seen:
    late = act.within is not None and row.started_at is not None and now - row.started_at > act.within
    if late and seen.outcome in (Outcome.WAIT, Outcome.READY):
        return Seen(Outcome.FAILED, f"given up after {act.within}: {seen.detail or 'it did not take'}", seen.result)
    return seen


def _do(act: Act, row: Step, store: Store, now: datetime, refusal: Refusal) -> Progress:
    if act.do is None:
        raise AssertionError(f"step {act.name} has nothing to do and must not ask for it")
    silent = int(str(row.result.get(UNANSWERED, 0)))
    if row.calls - silent >= MOST_CALLS:
        return _close(row, Seen(Outcome.FAILED, f"{row.calls} calls changed nothing"), store, now)
    with store.begin() as tx:
        if held := refusal(tx):
            return Progress(Outcome.WAIT, f"held up: {held}", row)
        remediations.note(tx, row, {"called_at": now.isoformat()})
        if not remediations.count_call(tx, row, now):
            return Progress(Outcome.WAIT, f"{act.name}: somebody else closed it", row)
    failpoint("before_call")
    try:
        result = act.do(row)
    except PlatformError as error:
        # the call stays unanswered: whether it took is found out by looking
        if not error.permanent:
            with store.begin() as tx:
                remediations.note(tx, row, {UNANSWERED: silent + 1})
        raise
    failpoint("after_call")
    with store.begin() as tx:
        remediations.count_answer(tx, row, result)
    failpoint("after_answer")
    return Progress(Outcome.WAIT, "asked for", row, acted=True)


CLOSES = {
    Outcome.DONE: StepState.DONE,
    Outcome.FAILED: StepState.FAILED,
    Outcome.UNFIT: StepState.FAILED,
    Outcome.CANCELLED: StepState.FAILED,
    Outcome.FOREIGN: StepState.SUPERSEDED,
}


def _close(row: Step | None, seen: Seen, store: Store, now: datetime) -> Progress:
    if row is not None and seen.outcome in CLOSES:
        result = {**seen.result, "outcome": str(seen.outcome), "detail": seen.detail}
        with store.begin() as tx:
            remediations.close_step(tx, row, CLOSES[seen.outcome], result, now)
        failpoint("after_close")
    return Progress(seen.outcome, seen.detail, row)


def _ended(row: Step) -> Outcome:
    """Return how a step ended whose end its remediation has not followed yet: the process died in between."""
    return Outcome(str(row.result["outcome"]))


def called_at(step: Step) -> datetime | None:
    """Return when the step's call was last made."""
    at = step.result.get("called_at")
    return datetime.fromisoformat(str(at)) if at else None
