"""Events: the record of what happened, and the queue of what people are still to be told."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select, update

from daemon.domain.event import Event, Severity
from daemon.store.engine import Tx
from daemon.store.tables import DUE, KEYED
from daemon.store.tables import event as table
from daemon.store.upsert import insert, new_id


def append(tx: Tx, event: Event) -> Event | None:
    """Add the event and return it with its id; None where one with its key is there already."""
    row = {column.name: getattr(event, column.name) for column in table.c if column.name != "id"}
    statement = insert(tx, table).on_conflict_do_nothing(index_elements=[table.c.dedup_key], index_where=KEYED)
    result = tx.execute(statement, row)
    return replace(event, id=new_id(result)) if result.rowcount == 1 else None


def due(tx: Tx, limit: int) -> list[Event]:
    """Return events that are to be sent and were not, oldest first."""
    rows = tx.execute(select(table).where(DUE).order_by(table.c.at, table.c.id).limit(limit))
    return [_event(row) for row in rows]


def delivered(tx: Tx, event: Event, now: datetime) -> None:
    """Take it off the queue: nobody is still to be told."""
    _changed(tx, event, delivered_at=now)


def attempted(tx: Tx, event: Event, now: datetime) -> Event:
    """Count an attempt to send it, and return it with that."""
    return _changed(tx, event, attempts=event.attempts + 1, tried_at=now)


def taken(tx: Tx, event: Event, channel: str) -> Event:
    """Record that a channel took it, and return it with that."""
    return _changed(tx, event, taken=(*event.taken, channel))


def history(tx: Tx, endpoint: str | None = None, *, limit: int) -> list[Event]:
    """Return events, newest first."""
    query = select(table).order_by(table.c.at.desc(), table.c.id.desc()).limit(limit)
    rows = tx.execute(query if endpoint is None else query.where(table.c.endpoint == endpoint))
    return [_event(row) for row in rows]


def of_kind(tx: Tx, kind: str, endpoint: str, *, until: datetime) -> list[Event]:
    """Return the endpoint's events of the kind that happened before `until`, oldest first."""
    mine = (table.c.kind == kind, table.c.endpoint == endpoint, table.c.at < until)
    return [_event(row) for row in tx.execute(select(table).where(*mine).order_by(table.c.at, table.c.id))]


def newest(tx: Tx, kind: str, endpoint: str | None = None) -> Event | None:
    """Return the newest event of the kind."""
    query = select(table).where(table.c.kind == kind).order_by(table.c.at.desc(), table.c.id.desc()).limit(1)
    row = tx.execute(query if endpoint is None else query.where(table.c.endpoint == endpoint)).first()
    return None if row is None else _event(row)


def last_of(tx: Tx, kinds: Collection[str], endpoint: str) -> Event | None:
    """Return the event of these kinds that was added last, whatever the clock said then."""
    mine = (table.c.kind.in_(kinds), table.c.endpoint == endpoint)
    row = tx.execute(select(table).where(*mine).order_by(table.c.id.desc()).limit(1)).first()
    return None if row is None else _event(row)


def _changed(tx: Tx, event: Event, **changes: Any) -> Event:
    tx.execute(update(table).where(table.c.id == event.id).values(changes))
    return replace(event, **changes)


def _event(row: Row[Any]) -> Event:
    kinds = {"severity": Severity(row.severity), "taken": tuple(row.taken)}
    return Event(**dict(row._mapping) | kinds)
