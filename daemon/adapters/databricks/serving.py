"""The port Serving: one endpoint's state, its update, and a request to one of its served entities."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from daemon.adapters.databricks.client import DatabricksClient, Json
from daemon.adapters.databricks.gauges import read_gauges
from daemon.domain.serving import OURS, EndpointState, ServedEntity, Update
from daemon.domain.sources import EndpointMetrics
from daemon.ports import PlatformError

log = logging.getLogger(__name__)
ENDPOINTS = "/api/2.0/serving-endpoints"

SETTINGS = (
    "burst_scaling_enabled",
    "environment_vars",
    "instance_profile_arn",
    "max_provisioned_concurrency",
    "max_provisioned_throughput",
    "min_provisioned_concurrency",
    "min_provisioned_throughput",
    "provisioned_model_units",
    "scale_to_zero_enabled",
    "workload_size",
    "workload_type",
)
"""What an entity shows and wants back. An update replaces entities whole: what is left out is lost."""

UPDATES = {
    "NOT_UPDATING": Update.NONE,
    "IN_PROGRESS": Update.IN_PROGRESS,
    "UPDATE_FAILED": Update.FAILED,
    "UPDATE_CANCELED": Update.FAILED,
}


class DatabricksServing:
    def __init__(self, client: DatabricksClient) -> None:
        self._client = client
        self._without_metrics: set[str] = set()
        """Endpoints of which it was logged that they export none."""

    def state(self, endpoint: str) -> EndpointState:
        return self._client.get(
            _path(endpoint), lambda shown: read_state(endpoint, shown), what=f"read endpoint {endpoint}"
        )

    def serving_anywhere(self, model: str) -> frozenset[int]:
        what = f"list the endpoints that serve {model}"
        listed = self._client.get(ENDPOINTS, _listed, what=what)
        if not listed:
            # Not even the endpoint that is watched: whoever believed this would archive what serves.
            raise PlatformError(f"could not {what}: the workspace lists none at all", permanent=False)
        # The list leaves out what is pending.
        states = [it if it.update is Update.NONE else self.state(it.endpoint) for it in listed]
        entities = (entity for it in states for entity in (*it.served, *(it.pending or ())))
        return frozenset(entity.version for entity in entities if entity.model == model)

    def update(self, endpoint: str, served: Sequence[ServedEntity]) -> None:
        what = f"update endpoint {endpoint}"
        if trouble := _trouble(served):
            raise PlatformError(f"could not {what}: {trouble}", permanent=True)
        body = {
            "served_entities": [_entity_body(entity) for entity in served],
            "traffic_config": {
                "routes": [{"served_model_name": e.name, "traffic_percentage": e.percent} for e in served]
            },
        }
        self._client.send("PUT", f"{_path(endpoint)}/config", body, lambda _: None, what=what)

    def metrics(self, endpoint: str) -> EndpointMetrics | None:
        what, why = f"read the metrics of endpoint {endpoint}", "it exports none that are known here"
        try:
            found = self._client.text(f"{_path(endpoint)}/metrics", read_gauges, what=what)
        except PlatformError as error:
            if not error.permanent:
                raise
            found, why = None, str(error)
        if found is not None:
            self._without_metrics.discard(endpoint)
        elif endpoint not in self._without_metrics:
            self._without_metrics.add(endpoint)
            log.info("what endpoint %s refuses before a model is asked is not seen: %s", endpoint, why)
        return found

    def query(self, endpoint: str, entity: str, payload: Mapping[str, object]) -> tuple[int, float]:
        path = f"/serving-endpoints/{_quoted(endpoint)}/served-models/{_quoted(entity)}/invocations"
        named = {**payload, "client_request_id": OURS}
        return self._client.measure(path, named, what=f"send a request to {entity} of endpoint {endpoint}")


def _path(endpoint: str) -> str:
    return f"{ENDPOINTS}/{_quoted(endpoint)}"


def _quoted(name: str) -> str:
    return quote(name, safe="")


def _listed(answer: Json) -> list[EndpointState]:
    return [read_state(shown["name"], shown) for shown in answer.get("endpoints") or []]


def read_state(endpoint: str, shown: Json) -> EndpointState:
    state, config = shown.get("state") or {}, shown.get("config") or {}
    pending = shown.get("pending_config")
    return EndpointState(
        endpoint=endpoint,
        config_version=int(config.get("config_version") or 0),
        served=_served(config),
        ready=state.get("ready") == "READY",
        update=UPDATES.get(str(state.get("config_update")), Update.UNKNOWN),
        pending=_served(pending) if pending else None,
        table=_table(endpoint, shown),
    )


def _served(config: Json) -> tuple[ServedEntity, ...]:
    entities = config.get("served_entities") or []
    routes = (config.get("traffic_config") or {}).get("routes") or []
    percents: dict[str, int] = {}
    for route in routes:
        name = route.get("served_entity_name") or route["served_model_name"]
        percents[name] = percents.get(name, 0) + int(route.get("traffic_percentage") or 0)
    if not routes and len(entities) == 1:
        percents = {entities[0]["name"]: 100}
    return tuple(_entity(shown, percents.get(shown["name"], 0)) for shown in entities)


def _entity(shown: Json, percent: int) -> ServedEntity:
    version = str(shown.get("entity_version") or "")
    return ServedEntity(
        name=shown["name"],
        model=str(shown.get("entity_name") or ""),
        version=int(version) if version.isdecimal() else 0,
        percent=percent,
        settings={name: shown[name] for name in SETTINGS if shown.get(name) is not None},
        ready=(shown.get("state") or {}).get("deployment") == "DEPLOYMENT_READY",
        foreign=bool(shown.get("external_model") or shown.get("foundation_model")) or not version.isdecimal(),
    )


def _table(endpoint: str, shown: Json) -> str | None:
    gateway = (shown.get("ai_gateway") or {}).get("inference_table_config") or {}
    if gateway.get("enabled"):
        prefix = gateway.get("table_name_prefix") or endpoint
        return f"{gateway['catalog_name']}.{gateway['schema_name']}.{prefix}_payload"
    capture = (shown.get("config") or {}).get("auto_capture_config") or {}
    payload = (capture.get("state") or {}).get("payload_table") or {}
    if capture.get("enabled") and payload.get("name"):
        return f"{capture['catalog_name']}.{capture['schema_name']}.{payload['name']}"
    return None


def _trouble(served: Sequence[ServedEntity]) -> str:
    """Return what is wrong with an update that must not even be asked for, empty where nothing is."""
    if foreign := [e.name for e in served if e.foreign]:
        return f"{', '.join(foreign)}: the settings of external models are not shown in full and would be lost"
    if (total := sum(e.percent for e in served)) != 100:
        return f"the traffic must sum to 100 %, not to {total} %"
    if len({e.name for e in served}) != len(served):
        return "two served entities have the same name"
    return ""


def _entity_body(entity: ServedEntity) -> dict[str, Any]:
    settings = dict(entity.settings)
    if "max_provisioned_concurrency" in settings:
        # Databricks takes one way to say the size, not both; the numbers are the exact one.
        settings.pop("workload_size", None)
    return {
        "name": entity.name,
        "entity_name": entity.model,
        "entity_version": str(entity.version),
        # An update must say it, even where the answer did not.
        "scale_to_zero_enabled": False,
        **settings,
    }
