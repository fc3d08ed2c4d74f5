"""Restraints: who forbade what, where, why, until when. Lifted ones stay: they belong to the record."""

from collections.abc import Collection
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, or_, select, update

from daemon.domain.restraint import Restraint, RestraintKind
from daemon.store.engine import Tx
from daemon.store.tables import restraint as table
from daemon.store.upsert import insert, new_id


def impose(tx: Tx, restraint: Restraint) -> Restraint:
    """Add the restraint and return it with its id."""
    row = {name: value for name, value in asdict(restraint).items() if name != "id"}
    return replace(restraint, id=new_id(tx.execute(insert(tx, table), row)))


def unlifted(tx: Tx, now: datetime) -> list[Restraint]:
    """Return what is in force or still to come, anywhere, oldest first."""
    return _found(tx, table.c.lifted_at.is_(None) & _not_over(now))


def since(tx: Tx, kinds: Collection[RestraintKind], moment: datetime) -> list[Restraint]:
    """Return what of these kinds was in force at any time from the moment on, or is to be, oldest first."""
    lasted = or_(table.c.lifted_at > moment, table.c.lifted_at.is_(None) & _not_over(moment))
    return _found(tx, table.c.kind.in_(kinds) & lasted)


def in_force(tx: Tx, now: datetime, endpoint: str | None = None) -> list[Restraint]:
    """Return what holds now, for the whole fleet or for one endpoint, oldest first."""
    return [one for one in unlifted(tx, now) if one.holds_at(now) and (endpoint is None or one.concerns(endpoint))]


def between(tx: Tx, endpoint: str, since: datetime, until: datetime) -> list[Restraint]:
    """Return what concerned the endpoint at any time within `[since, until)`, lifted or not, oldest first."""
    lasted = or_(table.c.lifted_at.is_(None), table.c.lifted_at > since) & _not_over(since)
    return [one for one in _found(tx, lasted & (table.c.since < until)) if one.concerns(endpoint)]


def lift(tx: Tx, kinds: Collection[RestraintKind], endpoint: str, *, by: str, now: datetime) -> list[Restraint]:
    """Lift what is in force, or still to come, of these kinds at exactly this endpoint (empty: the fleet's own)."""
    mine = (table.c.endpoint == endpoint) & table.c.kind.in_(kinds) & table.c.lifted_at.is_(None)
    lifted = _found(tx, mine & _not_over(now))
    for one in lifted:
        tx.execute(update(table).where(table.c.id == one.id).values(lifted_at=now, lifted_by=by))
    return lifted


def prolong(tx: Tx, restraint: Restraint, until: datetime) -> None:
    tx.execute(update(table).where(table.c.id == restraint.id).values(until=until))


def _not_over(now: datetime) -> ColumnElement[bool]:
    return or_(table.c.until.is_(None), table.c.until > now)


def _found(tx: Tx, which: ColumnElement[bool]) -> list[Restraint]:
    return [_restraint(row) for row in tx.execute(select(table).where(which).order_by(table.c.id))]


def _restraint(row: Row[Any]) -> Restraint:
    return Restraint(**dict(row._mapping) | {"kind": RestraintKind(row.kind)})
