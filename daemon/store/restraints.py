"""Restraints: who forbade what, where, why, until when. Lifted ones stay: they belong to the record."""

from collections.abc import Collection
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, or_, select, update

from daemon.domain.restraint import Restraint, RestraintKind
from daemon.store.engine import Tx
from daemon.store.tables import restraint as table
from daemon.store.upsert import insert, new_id


def impose(tx: Tx, restraint: Restraint) -> Restraint:
    """Add the restraint and return it with its id."""
    row = {name: value for name, value in asdict(restraint).items() if name != "id"}
    return replace(restraint, id=new_id(tx.execute(insert(tx, table), row)))


def in_force(tx: Tx, now: datetime, endpoint: str | None = None) -> list[Restraint]:
    """Return what holds now, for the whole fleet or for one endpoint, oldest first."""
    unlifted = select(table).where(table.c.lifted_at.is_(None)).order_by(table.c.id)
    unended = or_(table.c.until.is_(None), table.c.until > now)
    found = [_restraint(row) for row in tx.execute(unlifted.where(unended))]
    return [one for one in found if one.holds_at(now) and (endpoint is None or one.concerns(endpoint))]


def lift(tx: Tx, kinds: Collection[RestraintKind], endpoint: str, *, by: str, now: datetime) -> list[Restraint]:
    """Lift what is in force, or still to come, of these kinds at exactly this endpoint (empty: the fleet's own)."""
    mine = (table.c.endpoint == endpoint) & table.c.kind.in_(kinds) & table.c.lifted_at.is_(None)
    going_on = or_(table.c.until.is_(None), table.c.until > now)
    lifted = [_restraint(row) for row in tx.execute(select(table).where(mine, going_on).order_by(table.c.id))]
    for one in lifted:
        tx.execute(update(table).where(table.c.id == one.id).values(lifted_at=now, lifted_by=by))
    return lifted


def prolong(tx: Tx, restraint: Restraint, until: datetime) -> None:
    tx.execute(update(table).where(table.c.id == restraint.id).values(until=until))


def _restraint(row: Row[Any]) -> Restraint:
    return Restraint(**dict(row._mapping) | {"kind": RestraintKind(row.kind)})
