"""An endpoint's configuration: read from a request, checked, and given back as Databricks gives it."""

import re
from dataclasses import dataclass
from typing import Any

from playground.errors import invalid

MAXIMUM_ENTITIES = 10
_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}")
_PASSED_ON = (
    "workload_size",
    "workload_type",
    "scale_to_zero_enabled",
    "environment_vars",
    "instance_profile_arn",
    "min_provisioned_concurrency",
    "max_provisioned_concurrency",
)


@dataclass(frozen=True)
class ServedEntity:
    """One registered version behind an endpoint."""

    name: str
    entity_name: str
    entity_version: str
    settings: dict[str, Any]
    created_ms: int

    def as_json(self, *, state: str, message: str, creator: str) -> dict[str, Any]:
        """Return the entity as GET shows it."""
        return {
            "name": self.name,
            "entity_name": self.entity_name,
            "entity_version": self.entity_version,
            **self.settings,
            "creation_timestamp": self.created_ms,
            "creator": creator,
            "state": {"deployment": state, "deployment_state_message": message},
        }


@dataclass(frozen=True)
class Config:
    """Served entities and their shares of the traffic in percent."""

    version: int
    entities: tuple[ServedEntity, ...]
    shares: dict[str, int]

    def as_json(self, *, state: str, message: str = "", creator: str) -> dict[str, Any]:
        """Return the configuration as GET shows it."""
        routes = [
            {"served_model_name": name, "served_entity_name": name, "traffic_percentage": share}
            for name, share in self.shares.items()
        ]
        entities = [entity.as_json(state=state, message=message, creator=creator) for entity in self.entities]
        models = [
            {"model_name": entity["entity_name"], "model_version": entity["entity_version"], **entity}
            for entity in entities
        ]
        return {
            "config_version": self.version,
            "served_entities": entities,
            "served_models": models,
            "traffic_config": {"routes": routes},
        }


def read_config(body: dict[str, Any], *, current: Config | None, now_ms: int) -> Config:
    """Return the configuration that a body asks for: each list it names replaces the whole list before."""
    given = body.get("served_entities")
    if given is None and current is None:
        raise invalid("served_entities must be given")
    entities = current.entities if given is None and current else _entities(given, now_ms=now_ms)
    traffic = body.get("traffic_config")
    names = [entity.name for entity in entities]
    if traffic is None and len(names) > 1:
        raise invalid("traffic_config must be given when more than one entity is served")
    shares = {names[0]: 100} if traffic is None else _shares(traffic, names=names)
    return Config(version=(current.version if current else 0) + 1, entities=entities, shares=shares)


def _entities(given: Any, *, now_ms: int) -> tuple[ServedEntity, ...]:
    if not isinstance(given, list) or not 0 < len(given) <= MAXIMUM_ENTITIES:
        raise invalid(f"served_entities must name 1 to {MAXIMUM_ENTITIES} entities")
    entities = tuple(_entity(item, now_ms=now_ms) for item in given)
    if len({entity.name for entity in entities}) < len(entities):
        raise invalid("the names of served entities must be unique")
    return entities


def _entity(item: Any, *, now_ms: int) -> ServedEntity:
    for name in ("entity_name", "entity_version"):
        if not isinstance(item, dict) or not isinstance(item.get(name), str) or not item[name]:
            raise invalid(f"each served entity needs a string {name}")
    if not isinstance(item.get("scale_to_zero_enabled"), bool):
        raise invalid("scale_to_zero_enabled must be set for each served entity")
    name = item.get("name") or f"{item['entity_name'].rpartition('.')[2]}-{item['entity_version']}"
    if not _NAME.fullmatch(name):
        raise invalid(f"{name!r} is no name for a served entity: letters, digits, - and _ only")
    settings = {key: item[key] for key in _PASSED_ON if item.get(key) is not None}
    sized = settings if "max_provisioned_concurrency" in settings else {"workload_size": "Small"} | settings
    return ServedEntity(name, item["entity_name"], item["entity_version"], {"workload_type": "CPU"} | sized, now_ms)


def _shares(traffic: Any, *, names: list[str]) -> dict[str, int]:
    routes = traffic.get("routes") if isinstance(traffic, dict) else None
    if not isinstance(routes, list) or not routes:
        raise invalid("traffic_config must have routes")
    shares: dict[str, int] = {}
    for route in routes:
        name = route.get("served_entity_name") or route.get("served_model_name")
        share = route.get("traffic_percentage")
        if name not in names or name in shares:
            raise invalid(f"a route must name each served entity at most once: {name!r}")
        if not isinstance(share, int) or not 0 <= share <= 100:
            raise invalid(f"traffic_percentage must be an integer from 0 to 100: {share!r}")
        shares[name] = share
    if sum(shares.values()) != 100:
        raise invalid(f"the traffic percentages must sum to 100, not to {sum(shares.values())}")
    return shares
