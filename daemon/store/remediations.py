"""Remediations and their journals.

A remediation is proposed once, moved by compare-and-swap, and at most one is in flight for each endpoint. A step is a
row before each call to the world, closed once the world has been looked at.
"""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, Table, case, func, literal, select, text, update
from sqlalchemy.exc import IntegrityError

from daemon.domain.remediation import IN_FLIGHT, MOVES, OPEN, GuardResult, Remediation, Remedy, State, Step, StepState
from daemon.store.engine import Tx
from daemon.store.tables import PROPOSED
from daemon.store.tables import remediation as table
from daemon.store.tables import remediation_step as journal
from daemon.store.types import UtcTime
from daemon.store.upsert import insert

DISPATCH = 0x6D6C6469
"""The number that PostgreSQL knows the dispatch lock by."""


def propose(tx: Tx, remediation: Remediation) -> bool:
    """Add the proposal. Return False where the endpoint has one of the same remedy already."""
    statement = insert(tx, table).on_conflict_do_nothing(
        index_elements=[table.c.endpoint, table.c.remedy], index_where=PROPOSED
    )
    return tx.execute(statement, _row(remediation)).rowcount == 1


def opened(tx: Tx, endpoint: str | None = None) -> list[Remediation]:
    """Return what is open, in flight first, then proposals, oldest first."""
    waiting = case((table.c.state.in_(IN_FLIGHT), 0), else_=1)
    query = select(table).where(table.c.state.in_(OPEN)).order_by(waiting, table.c.created_at, table.c.id)
    rows = tx.execute(query if endpoint is None else query.where(table.c.endpoint == endpoint))
    return [_remediation(row) for row in rows]


def get(tx: Tx, remediation_id: str) -> Remediation | None:
    """Return the remediation of this id, or the only one whose id starts so."""
    begins = table.c.id.startswith(remediation_id, autoescape=True)
    exact = table.c.id == remediation_id
    rows = tx.execute(select(table).where(begins).order_by(exact.desc()).limit(2)).all()
    if not rows or (len(rows) == 2 and rows[0].id != remediation_id):
        return None
    return _remediation(rows[0])


def move(tx: Tx, remediation: Remediation, to: State, *, now: datetime, **changes: Any) -> Remediation | None:
    """Move the remediation on if it is still in the state that we know, and return it as it is then.

    Return None where somebody was faster, or another one is in flight on the endpoint. Raise ValueError where
    there is no such move.
    """
    if to not in MOVES.get(remediation.state, frozenset()):
        raise ValueError(f"a remediation does not move from {remediation.state} to {to}")
    after = _row(replace(remediation, state=to, updated_at=now, **changes))
    changed = {name: after[name] for name in {"state", "updated_at", *changes}}
    unmoved = (table.c.id == remediation.id) & (table.c.state == remediation.state)
    try:
        # a savepoint, because PostgreSQL gives up the whole transaction where an index refuses
        with tx.begin_nested():
            moved = tx.execute(update(table).where(unmoved).values(changed)).rowcount == 1
    except IntegrityError:
        if to in IN_FLIGHT and _other_in_flight(tx, remediation):
            return None
        raise
    return _exactly(tx, remediation.id) if moved else None


def history(tx: Tx, endpoint: str | None = None, *, limit: int) -> list[Remediation]:
    """Return remediations in any state, newest first."""
    query = select(table).order_by(table.c.created_at.desc(), table.c.id.desc()).limit(limit)
    rows = tx.execute(query if endpoint is None else query.where(table.c.endpoint == endpoint))
    return [_remediation(row) for row in rows]


def ended(tx: Tx, endpoint: str, remedy: Remedy, *, limit: int = 20) -> list[datetime]:
    """Return when runs of the remedy ended here, shadowed and rejected ones included, newest first.

    Cooldowns count from these: from the end of the verification, not from the call.
    """
    mine = (table.c.endpoint == endpoint) & (table.c.remedy == remedy)
    # a person who said no is not asked again at the next look
    ran = table.c.began_at.is_not(None) | table.c.state.in_((State.SHADOWED, State.REJECTED))
    query = select(table.c.updated_at).where(mine, ran, table.c.state.not_in(OPEN))
    return list(tx.execute(query.order_by(table.c.updated_at.desc()).limit(limit)).scalars())


def begun_since(tx: Tx, since: datetime) -> list[Remediation]:
    """Return what was let loose on the world, or would have been, since then: budgets are spent by these."""
    shadowed = (table.c.state == State.SHADOWED) & (table.c.updated_at >= since)
    begun = (table.c.began_at >= since) | shadowed
    return [_remediation(row) for row in tx.execute(select(table).where(begun).order_by(table.c.created_at))]


def last_begun(tx: Tx, endpoint: str, remedy: Remedy) -> datetime | None:
    """Return when the remedy was last let loose here, or would have been."""
    mine = (table.c.endpoint == endpoint) & (table.c.remedy == remedy)
    began = case((table.c.state == State.SHADOWED, table.c.updated_at), else_=table.c.began_at)
    return tx.execute(select(func.max(began, type_=UtcTime)).where(mine)).scalar()


def lock_dispatch(tx: Tx) -> None:
    """Let one transaction at a time decide what begins: two that count the same budget would both find it unspent.

    SQLite's writers are alone anyway.
    """
    if tx.dialect.name == "postgresql":
        tx.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": DISPATCH})


def steps(tx: Tx, remediation_id: str) -> list[Step]:
    """Return the journal of the remediation, in order."""
    rows = tx.execute(select(journal).where(journal.c.remediation_id == remediation_id).order_by(journal.c.n))
    return [_step(row) for row in rows]


def write_intent(tx: Tx, step: Step) -> None:
    """Write down what is about to be done. No two intents may carry one token."""
    tx.execute(insert(tx, journal), _values(journal, step) | {"state": StepState.INTENT})


def count_call(tx: Tx, step: Step, now: datetime) -> bool:
    """Count a call that is about to be made. Return False where the step is closed: then it must not be made."""
    called = {"calls": journal.c.calls + 1, "started_at": func.coalesce(journal.c.started_at, literal(now, UtcTime))}
    return tx.execute(update(journal).where(_open(step)).values(called)).rowcount == 1


def count_answer(tx: Tx, step: Step, result: Mapping[str, object]) -> bool:
    """Note that the call was answered, and how. Return False where the step is closed."""
    return _write(tx, step, result=result, answers=journal.c.calls)


def note(tx: Tx, step: Step, result: Mapping[str, object]) -> bool:
    """Add to what is known of an open step, such as the id of the run it started. Return False where it is closed."""
    return _write(tx, step, result=result)


def close_step(tx: Tx, step: Step, state: StepState, result: Mapping[str, object], now: datetime) -> bool:
    """Close the step; what was noted before stays. Return False where somebody has closed it already."""
    if state is StepState.INTENT:
        raise ValueError("a step does not close as an intent")
    return _write(tx, step, result=result, state=state, ended_at=now)


def _exactly(tx: Tx, remediation_id: str) -> Remediation:
    return _remediation(tx.execute(select(table).where(table.c.id == remediation_id)).one())


def _other_in_flight(tx: Tx, remediation: Remediation) -> bool:
    others = (table.c.endpoint == remediation.endpoint) & (table.c.id != remediation.id)
    return tx.execute(select(table.c.id).where(others, table.c.state.in_(IN_FLIGHT))).first() is not None


def _row(remediation: Remediation) -> dict[str, Any]:
    return _values(table, remediation) | {"guards": [asdict(guard) for guard in remediation.guards]}


def _values(columns_of: Table, noun: Remediation | Step) -> dict[str, Any]:
    """Return the fields that have a column of their name: all of them."""
    return {column.name: getattr(noun, column.name) for column in columns_of.c}


def _remediation(row: Row[Any]) -> Remediation:
    return Remediation(
        **dict(row._mapping)
        | {
            "remedy": Remedy(row.remedy),
            "state": State(row.state),
            "guards": tuple(GuardResult(**guard) for guard in row.guards),
        }
    )


def _write(tx: Tx, step: Step, *, result: Mapping[str, object], **columns: Any) -> bool:
    # the lock keeps two notes at once from losing one; SQLite's writers are alone anyway
    known = tx.execute(select(journal.c.result).where(_open(step)).with_for_update()).scalar()
    if known is None:
        return False
    tx.execute(update(journal).where(_open(step)).values(result={**known, **result}, **columns))
    return True


def _open(step: Step) -> ColumnElement[bool]:
    mine = (journal.c.remediation_id == step.remediation_id) & (journal.c.n == step.n)
    return mine & (journal.c.state == StepState.INTENT)


def _step(row: Row[Any]) -> Step:
    return Step(**dict(row._mapping) | {"state": StepState(row.state)})
