"""Workspaces as a survey would tell of them."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from daemon.config.settings import Settings, with_defaults
from daemon.domain.found import (
    FoundEndpoint,
    FoundJob,
    FoundWarehouse,
    LoggedTo,
    Logging,
    Meeting,
    Presence,
    Principal,
    Rights,
)
from daemon.domain.registry import JOB_PARAMETERS
from daemon.domain.serving import EndpointState, ServedEntity, Update
from daemon.setup.needs import needs
from daemon.setup.seen import Answer, Seen, SeenEndpoint

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
ROBOT = "11111111-2222-3333-4444-555555555555"
ME = Principal(ROBOT, frozenset({"users"}))
MEETING = Meeting(ME, "https://w.example.com", "oauth-m2m", NOW, NOW + timedelta(hours=1))
TABLE = "main.ml.flights_payload"
MODEL = "main.ml.flights"
JOB = FoundJob(101, "retrain flights", dict.fromkeys(JOB_PARAMETERS, ""))
WAREHOUSE = FoundWarehouse("abc", "Starter", "STOPPED", serverless=True)


def entity(model: str = MODEL, version: int = 3, percent: int = 100, *, foreign: bool = False) -> ServedEntity:
    return ServedEntity(f"e-{version}-{percent}", model, version, percent, foreign=foreign)


def found(name: str = "flights", *entities: ServedEntity, **changes: Any) -> FoundEndpoint:
    served = entities or (entity(),)
    state = EndpointState(name, 1, served, ready=True, update=Update.NONE)
    gateway = LoggedTo(Logging.GATEWAY, TABLE, enabled=True)
    return replace(FoundEndpoint(state, f"id-{name}", "ana@example.com", "CAN_MANAGE", logs=(gateway,)), **changes)


def settings(**endpoint: Any) -> Settings:
    """Return a configuration of one endpoint in Unity Catalog, with everything on observe."""
    raw: dict[str, Any] = {
        "workspace": {"host": "https://w.example.com", "warehouse_id": "abc"},
        "mlflow": {"tracking_uri": "databricks"},
        "endpoints": [{"name": "flights", "table": TABLE, "model": MODEL, "retrain": {"job_id": 101}, **endpoint}],
    }
    return Settings.model_validate(with_defaults(raw))


AUTO: dict[str, Any] = {"mode": dict.fromkeys(("retrain", "promote", "rollback"), "auto")}


def seen(configured: Settings, *, endpoint: Mapping[str, Any] | None = None, **changes: Any) -> Seen:
    """Return a workspace in which nothing is missing, but for the changes."""
    endpoints = {
        e.name: replace(
            SeenEndpoint(
                Answer(found(e.name)), Answer(Presence.THERE), Answer(JOB), Answer(NOW - timedelta(minutes=5))
            ),
            **(endpoint or {}),
        )
        for e in configured.endpoints
    }
    asked = {need for e in configured.endpoints for need in needs(configured, e)}
    rights = {(need.kind, need.object): Answer(Rights({}, owner="")) for need in asked}
    for need in asked:
        known = rights[need.kind, need.object].value
        assert known is not None
        rights[need.kind, need.object] = Answer(Rights({**known.holders, need.right: frozenset({ROBOT})}))
    return replace(
        Seen(
            Answer(MEETING),
            timedelta(seconds=1),
            warehouse=Answer(WAREHOUSE),
            endpoints=endpoints,
            rights=rights,
        ),
        **changes,
    )
