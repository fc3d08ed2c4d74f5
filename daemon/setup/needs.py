"""Which rights a configuration needs, and what for: settings in, needs out. Pure, and the least that will do."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

from daemon.config.endpoint import EndpointSettings
from daemon.config.mlflow import RegistryKind
from daemon.config.settings import Settings
from daemon.domain.found import Kind
from daemon.domain.remediation import Mode, Remedy
from daemon.domain.table_name import TableName, table_name

OBSERVE = "observe"
ACTING = (Mode.APPROVE, Mode.AUTO)


@dataclass(frozen=True, slots=True)
class Need:
    kind: Kind
    object: str
    right: str
    """A privilege of Unity Catalog, or a level of permission."""
    purposes: tuple[str, ...]
    """`observe`, and the remedies that cannot act without it."""
    now: bool
    """Whether the configured modes ask for it."""


def needs(settings: Settings, endpoint: EndpointSettings) -> list[Need]:
    """Return the needs of one endpoint, each once, those of `observe` first."""
    merged: dict[tuple[Kind, str, str], Need] = {}
    for need in (*_observing(settings, endpoint), *_acting(settings, endpoint)):
        key = (need.kind, need.object, need.right)
        known = merged.get(key)
        purposes = tuple(dict.fromkeys((*(known.purposes if known else ()), *need.purposes)))
        merged[key] = Need(*key, purposes, need.now or (known is not None and known.now))
    return list(merged.values())


def warehouse_of(settings: Settings) -> str:
    """Return the id of the warehouse that reads, empty without one."""
    if settings.workspace.warehouse_id:
        return settings.workspace.warehouse_id
    asked = any(endpoint.reader == "warehouse" for endpoint in settings.endpoints)
    return os.environ.get("DATABRICKS_WAREHOUSE_ID", "") if asked else ""


def acts(endpoint: EndpointSettings, remedy: Remedy) -> bool:
    return endpoint.mode.of(remedy) in ACTING


def _observing(settings: Settings, endpoint: EndpointSettings) -> Iterator[Need]:
    yield Need(Kind.ENDPOINT, endpoint.name, "CAN_VIEW", (OBSERVE,), now=True)
    for text in (endpoint.table, endpoint.labels.table, _baseline(endpoint)):
        if text and (name := table_name(text)):
            yield from _reading(name)
            if endpoint.reader == "delta":
                yield Need(Kind.SCHEMA, f"{name.catalog}.{name.schema}", "EXTERNAL_USE_SCHEMA", (OBSERVE,), now=True)
    history = settings.workspace.served_entities_table
    if history and (name := table_name(history)):
        yield from _reading(name)
    if endpoint.reader == "warehouse":
        yield Need(Kind.WAREHOUSE, warehouse_of(settings), "CAN_USE", (OBSERVE,), now=True)
    if model := _unity_model(settings, endpoint):
        yield Need(Kind.MODEL, str(model), "EXECUTE", (OBSERVE,), now=True)
        yield from _within(model)


def _acting(settings: Settings, endpoint: EndpointSettings) -> Iterator[Need]:
    if endpoint.retrain.job_id is not None:
        job = str(endpoint.retrain.job_id)
        yield Need(Kind.JOB, job, "CAN_MANAGE_RUN", (Remedy.RETRAIN,), now=acts(endpoint, Remedy.RETRAIN))
    for remedy in (Remedy.PROMOTE, Remedy.ROLLBACK):
        now = acts(endpoint, remedy)
        yield Need(Kind.ENDPOINT, endpoint.name, "CAN_MANAGE", (remedy,), now=now)
        if model := _unity_model(settings, endpoint):
            yield Need(Kind.MODEL, str(model), "MANAGE", (remedy,), now=now)
    if model := _unity_model(settings, endpoint):
        for remedy, asked in _tagging(endpoint):
            if asked:
                yield Need(Kind.MODEL, str(model), "APPLY_TAG", (remedy,), now=acts(endpoint, remedy))


def _tagging(endpoint: EndpointSettings) -> tuple[tuple[Remedy, bool], ...]:
    return (
        (Remedy.PROMOTE, endpoint.promote.approval_tag is not None),
        (Remedy.ARCHIVE, endpoint.archive.folder is not None),
    )


def _reading(name: TableName) -> Iterator[Need]:
    yield Need(Kind.TABLE, str(name), "SELECT", (OBSERVE,), now=True)
    yield from _within(name)


def _within(name: TableName) -> Iterator[Need]:
    yield Need(Kind.SCHEMA, f"{name.catalog}.{name.schema}", "USE_SCHEMA", (OBSERVE,), now=True)
    yield Need(Kind.CATALOG, name.catalog, "USE_CATALOG", (OBSERVE,), now=True)


def _baseline(endpoint: EndpointSettings) -> str:
    path = str(endpoint.baseline.path or "")
    return path if path.startswith("uc://") else ""


def _unity_model(settings: Settings, endpoint: EndpointSettings) -> TableName | None:
    return table_name(endpoint.model) if settings.mlflow.registry is RegistryKind.UNITY else None
