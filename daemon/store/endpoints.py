"""What is remembered of an endpoint: how far it was read, what it served last, and which version an entity id is."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select

from daemon.domain.serving import EndpointState, ServedEntity, Update
from daemon.domain.sources import EndpointMetrics, Sources, TableCount
from daemon.domain.window import Window
from daemon.store.engine import Tx
from daemon.store.tables import endpoint as endpoints
from daemon.store.tables import served_entity
from daemon.store.upsert import upsert


def watermark(tx: Tx, endpoint: str) -> datetime | None:
    return tx.execute(select(endpoints.c.watermark).where(endpoints.c.name == endpoint)).scalar()


def save_watermark(tx: Tx, endpoint: str, moment: datetime) -> None:
    """Move the watermark forward. An earlier moment changes nothing."""
    mine = endpoints.c.watermark
    statement = upsert(
        tx, endpoints, columns=["watermark"], where=lambda new: or_(mine.is_(None), mine < new.watermark)
    )
    tx.execute(statement, {"name": endpoint, "watermark": moment})


def last_state(tx: Tx, endpoint: str) -> EndpointState | None:
    stored = tx.execute(select(endpoints.c.state).where(endpoints.c.name == endpoint)).scalar()
    return None if stored is None else _state(stored)


def differs(tx: Tx, state: EndpointState) -> bool:
    """Tell whether something else is served than what was recorded last, if anything was."""
    before = last_state(tx, state.endpoint)
    return before is None or _identity(before) != _identity(state)


def save_state(tx: Tx, state: EndpointState, now: datetime) -> bool:
    """Record what is served now. Return whether it is something else than what was recorded last, if anything was."""
    changed = differs(tx, state)
    row = {"name": state.endpoint, "state": _stored(state), **({"changed_at": now} if changed else {})}
    tx.execute(upsert(tx, endpoints, columns=row.keys() - {"name"}), row)
    return changed


def changed_at(tx: Tx, endpoint: str) -> datetime | None:
    """Return when what is served was first seen to be as it is."""
    return tx.execute(select(endpoints.c.changed_at).where(endpoints.c.name == endpoint)).scalar()


def sources(tx: Tx, endpoint: str) -> Sources:
    """Return what the endpoint's own gauges and its table said lately."""
    stored = tx.execute(select(endpoints.c.sources).where(endpoints.c.name == endpoint)).scalar()
    return Sources() if stored is None else _sources(stored)


def save_sources(tx: Tx, endpoint: str, known: Sources) -> None:
    row = {"name": endpoint, "sources": asdict(known)}
    tx.execute(upsert(tx, endpoints, columns=["sources"]), row)


def learned(tx: Tx, endpoint: str) -> dict[str, tuple[str, int]]:
    """Return served_entity_id -> (model, version), as far as it was learned."""
    rows = tx.execute(select(served_entity).where(served_entity.c.endpoint == endpoint))
    return {row.entity_id: (row.model, row.version) for row in rows}


def learn(tx: Tx, endpoint: str, entity_id: str, model: str, version: int, now: datetime) -> None:
    row = {"endpoint": endpoint, "entity_id": entity_id, "model": model, "version": version, "learned_at": now}
    tx.execute(upsert(tx, served_entity), row)


def _identity(state: EndpointState) -> tuple[int, frozenset[ServedEntity]]:
    """Return what makes two states the same: Databricks lists the entities in no particular order."""
    return state.config_version, frozenset(state.served)


def _stored(state: EndpointState) -> dict[str, Any]:
    """Return the state without the entities' settings: their environment may hold secrets, which nobody needs."""
    known = asdict(state)
    for entity in (*known["served"], *(known["pending"] or ())):
        entity["settings"] = {}
    return known


def _state(stored: Mapping[str, Any]) -> EndpointState:
    pending = stored["pending"]
    return EndpointState(
        endpoint=stored["endpoint"],
        config_version=stored["config_version"],
        served=tuple(ServedEntity(**entity) for entity in stored["served"]),
        ready=stored["ready"],
        update=Update(stored["update"]),
        pending=None if pending is None else tuple(ServedEntity(**entity) for entity in pending),
        table=stored["table"],
    )


def _sources(stored: Mapping[str, Any]) -> Sources:
    readings = (EndpointMetrics(**{**one, "at": _moment(one["at"])}) for one in stored["readings"])
    table = stored["table"]
    return Sources(
        tuple(readings), None if table is None else TableCount(**{**table, "window": _window(table["window"])})
    )


def _window(stored: Mapping[str, str]) -> Window:
    return Window(datetime.fromisoformat(stored["start"]), datetime.fromisoformat(stored["end"]))


def _moment(stored: str | None) -> datetime | None:
    return None if stored is None else datetime.fromisoformat(stored)
