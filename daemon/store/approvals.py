"""Approvals: a person's word on a plan, or on one step of it. A gate is answered once: the first word counts."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import Row, select

from daemon.domain.remediation import Approval
from daemon.store.engine import Tx
from daemon.store.tables import approval as table
from daemon.store.upsert import insert


def answer(tx: Tx, approval: Approval) -> bool:
    """Record the word. Return False where the gate was answered before."""
    statement = insert(tx, table).on_conflict_do_nothing(index_elements=list(table.primary_key))
    return tx.execute(statement, asdict(approval)).rowcount == 1


def of(tx: Tx, remediation_id: str) -> dict[str, Approval]:
    """Return gate -> the word on it."""
    rows = tx.execute(select(table).where(table.c.remediation_id == remediation_id))
    return {row.gate: _approval(row) for row in rows}


def _approval(row: Row[Any]) -> Approval:
    return Approval(**dict(row._mapping))
