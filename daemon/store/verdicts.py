"""The record of versions: which served well, and which are never to be gone back to."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, or_, select

from daemon.domain.remediation import Standing, VersionVerdict
from daemon.store.engine import Tx
from daemon.store.tables import version_verdict as table
from daemon.store.upsert import upsert


def record(tx: Tx, endpoint: str) -> list[VersionVerdict]:
    """Return the verdicts on every version of the endpoint, oldest version first."""
    return _found(tx, table.c.endpoint == endpoint)


def of_model(tx: Tx, model: str) -> list[VersionVerdict]:
    """Return the verdicts on the model's versions, of every endpoint that has served them."""
    return _found(tx, table.c.model == model)


def set_standing(tx: Tx, verdict: VersionVerdict) -> None:
    """Record the verdict. Good never overwrites bad; of two alike, the later one stays."""
    tx.execute(upsert(tx, table, where=_yields), asdict(verdict))


def clear(tx: Tx, endpoint: str, version: int) -> None:
    """Forget what is known of the version: a person knows better."""
    tx.execute(delete(table).where(table.c.endpoint == endpoint, table.c.version == version))


def _yields(new: Any) -> ColumnElement[bool]:
    condemned = and_(table.c.standing == Standing.GOOD, new.standing == Standing.BAD)
    return or_(condemned, and_(table.c.standing == new.standing, table.c.set_at < new.set_at))


def _found(tx: Tx, which: ColumnElement[bool]) -> list[VersionVerdict]:
    rows = tx.execute(select(table).where(which).order_by(table.c.version, table.c.model, table.c.endpoint))
    return [VersionVerdict(**dict(row._mapping) | {"standing": Standing(row.standing)}) for row in rows]
