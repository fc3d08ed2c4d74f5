"""A remediation's move from state to state, and the event that tells of it, in one transaction."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from daemon.domain.event import Event, Severity
from daemon.domain.remediation import GuardResult, Remediation, Remedy, State, new_id
from daemon.domain.restraint import Restraint, RestraintKind
from daemon.domain.states import PLANNED
from daemon.remediate.doors import Stepped
from daemon.store import events, remediations, restraints
from daemon.store.engine import Store, Tx
from daemon.telemetry.failpoint import failpoint

SEVERITY = {
    State.SUCCEEDED: Severity.INFO,
    State.SHADOWED: Severity.INFO,
    State.AWAITING_APPROVAL: Severity.WARNING,
    State.APPROVED: Severity.INFO,
    State.SCHEDULED: Severity.INFO,
    State.REJECTED: Severity.INFO,
    State.CANCELLED: Severity.WARNING,
    State.EXECUTING: Severity.INFO,
    State.FAILED: Severity.WARNING,
    State.SUPERSEDED: Severity.WARNING,
    State.COMPENSATING: Severity.WARNING,
    State.NEEDS_HUMAN: Severity.PAGE,
}
"""Moves that people are told of; the others are for the record. Where somebody is ill meanwhile, see `_severity`."""
NO_NEWS = {
    (State.PROPOSED, State.APPROVED),
    (State.BLOCKED, State.APPROVED),
    (State.SCHEDULED, State.SCHEDULED),
    (State.INDETERMINATE, State.EXECUTING),
}
"""Moves that are for the record alone: nobody was asked, or people have heard of it."""
REMINDED_AFTER = timedelta(hours=4)
"""What needs a person pages again this often, until somebody has ended it."""


def move(
    tx: Tx,
    remediation: Remediation,
    to: State,
    sentence: str,
    *,
    now: datetime,
    deadline: timedelta | None = None,
    guards: tuple[GuardResult, ...] | None = None,
    **changes: Any,
) -> Remediation | None:
    """Move by compare-and-swap, and leave the event; None where somebody else moved it first."""
    if to is State.NEEDS_HUMAN:
        deadline = REMINDED_AFTER
    if deadline is not None:
        changes["deadline_at"] = now + deadline
    if guards is not None:
        changes["guards"] = guards
    failpoint("before_move")
    moved = remediations.move(tx, remediation, to, now=now, outcome=sentence, **changes)
    if moved is not None:
        severity = _severity(remediation, to, late=now > remediation.deadline_at)
        again = f":{now.isoformat()}" if to is remediation.state else ""
        events.append(
            tx,
            Event(
                f"remediation.{to}",
                severity or Severity.INFO,
                f"{remediation.remedy} of {remediation.endpoint}: {sentence}",
                now,
                remediation.endpoint,
                {"remediation": remediation.id, "from": remediation.from_version, "to": remediation.to_version},
                dedup_key=f"{remediation.id}:{to}{again}" if severity else "",
            ),
        )
    return moved


def move_alone(
    store: Store, remediation: Remediation, to: State, sentence: str, *, now: datetime, **changes: Any
) -> Stepped:
    """Move in a transaction of its own."""
    with store.begin() as tx:
        moved = stepped(remediation, move(tx, remediation, to, sentence, now=now, **changes), sentence)
    failpoint("after_move")
    return moved


def supersede(store: Store, remediation: Remediation, why: str, *, now: datetime, **changes: Any) -> Stepped:
    """End a plan whose world somebody else has changed: he is in charge from then on, until a person releases it."""
    sentence = f"somebody else was here: {why}"
    with store.begin() as tx:
        moved = move(tx, remediation, State.SUPERSEDED, sentence, now=now, **changes)
        # housekeeping touches nothing that serves: whoever objects to it means a version, not the endpoint
        if moved is not None and remediation.state in PLANNED and remediation.remedy is not Remedy.ARCHIVE:
            hold(tx, remediation.endpoint, f"{remediation.remedy} {remediation.id}: {why}", now=now)
    failpoint("after_move")
    return stepped(remediation, moved, sentence)


def hold(tx: Tx, endpoint: str, why: str, *, now: datetime) -> None:
    """Keep automation from an endpoint until a person releases it, and tell that."""
    mine = [r for r in restraints.in_force(tx, now, endpoint) if r.kind is RestraintKind.HOLD and r.endpoint]
    if mine:
        return
    restraints.impose(tx, Restraint(RestraintKind.HOLD, endpoint, "mlsteward", why, now))
    sentence = f"{endpoint} was changed by hand, so automation stands back until `mlsteward release {endpoint}`: {why}"
    key = f"hold:{endpoint}:{now.isoformat()}"
    events.append(tx, Event("endpoint.held", Severity.WARNING, sentence, now, endpoint, dedup_key=key))


def stepped(before: Remediation, after: Remediation | None, sentence: str) -> Stepped:
    """Return what a step answers after a move, also where somebody else made one first."""
    if after is None:
        return Stepped(before, before.state, "somebody else moved it first")
    return Stepped(before, after.state, sentence)


def promotion_of(retrained: Remediation, challenger: int, *, now: datetime, lives: timedelta) -> Remediation:
    """Return the proposal to promote what a retraining brought forth."""
    return replace(
        retrained,
        id=new_id(retrained.endpoint, Remedy.PROMOTE, now),
        remedy=Remedy.PROMOTE,
        state=State.PROPOSED,
        sentence=f"version {challenger} was trained to follow version {retrained.from_version}: promote it",
        to_version=challenger,
        plan={},
        created_at=now,
        updated_at=now,
        deadline_at=now + lives,
        parent_id=retrained.id,
        guards=(),
        outcome="",
        began_at=None,
    )


def _severity(remediation: Remediation, to: State, *, late: bool) -> Severity | None:
    # while a rollback waits, somebody is ill
    urgent = remediation.remedy is Remedy.ROLLBACK
    if to is State.EXPIRED:
        if late:
            return Severity.PAGE if urgent else Severity.WARNING
        # it is over: only who was asked, or has said yes, need hear of it
        return Severity.INFO if remediation.state in PLANNED else None
    if (remediation.state, to) in NO_NEWS:
        return None
    worse = {State.BLOCKED: Severity.WARNING, State.AWAITING_APPROVAL: Severity.PAGE}
    return worse[to] if urgent and to in worse else SEVERITY.get(to)
