"""A remediation's move from state to state, and the event that tells of it, in one transaction."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from daemon.domain.event import Event, Severity
from daemon.domain.remediation import GuardResult, Remediation, Remedy, State, new_id
from daemon.remediate.doors import Stepped
from daemon.store import events, remediations
from daemon.store.engine import Store, Tx

SEVERITY = {
    State.SUCCEEDED: Severity.INFO,
    State.SHADOWED: Severity.INFO,
    State.EXECUTING: Severity.INFO,
    State.FAILED: Severity.WARNING,
    State.SUPERSEDED: Severity.WARNING,
    State.COMPENSATING: Severity.WARNING,
    State.NEEDS_HUMAN: Severity.PAGE,
}
"""Moves that people are told of. The others are for the record, but for a rollback that is held up: somebody is ill."""


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
    if deadline is not None:
        changes["deadline_at"] = now + deadline
    if guards is not None:
        changes["guards"] = guards
    moved = remediations.move(tx, remediation, to, now=now, outcome=sentence, **changes)
    if moved is not None:
        severity = _severity(remediation, to)
        events.append(
            tx,
            Event(
                f"remediation.{to}",
                severity or Severity.INFO,
                f"{remediation.remedy} of {remediation.endpoint}: {sentence}",
                now,
                remediation.endpoint,
                {"remediation": remediation.id, "from": remediation.from_version, "to": remediation.to_version},
                dedup_key=f"{remediation.id}:{to}" if severity else "",
            ),
        )
    return moved


def move_alone(
    store: Store, remediation: Remediation, to: State, sentence: str, *, now: datetime, **changes: Any
) -> Stepped:
    """Move in a transaction of its own."""
    with store.begin() as tx:
        return stepped(remediation, move(tx, remediation, to, sentence, now=now, **changes), sentence)


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
    )


def _severity(remediation: Remediation, to: State) -> Severity | None:
    if to is State.BLOCKED and remediation.remedy is Remedy.ROLLBACK:
        return Severity.WARNING
    return SEVERITY.get(to)
