"""A serving endpoint: what it serves, what it is about to serve, and the way from one to the other."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from playground.endpoint_config import Config, ServedEntity
from playground.errors import ApiError, missing
from playground.gauges import Gauges
from playground.inference_table import InferenceTable
from playground.scoring import Scorer
from playground.served_entities import served_entity_id
from playground.split import Split

Load = Callable[[ServedEntity], Scorer]
"""Brings a version into memory; blocks, and raises what keeps it from loading."""
Announce = Callable[["Endpoint", Config], None]
"""Makes a configuration known outside before it takes traffic; blocks."""


@dataclass(frozen=True)
class Serving:
    """A configuration in memory, ready for requests."""

    config: Config
    scorers: dict[str, Scorer]
    split: Split


@dataclass
class Endpoint:
    """Belongs to the event loop: its fields change between two awaits, never during one."""

    name: str
    table: InferenceTable
    creator: str
    created_at: datetime
    serving: Serving | None = None
    pending: Config | None = None
    pending_since: datetime | None = None
    update: str = "NOT_UPDATING"
    failure: str = ""
    gauges: Gauges = field(default_factory=Gauges)
    updated_at: datetime = field(init=False)

    def __post_init__(self) -> None:
        self.id = hashlib.md5(self.name.encode(), usedforsecurity=False).hexdigest()
        self.updated_at = self.created_at

    @property
    def config(self) -> Config | None:
        """The configuration that takes traffic."""
        return self.serving.config if self.serving else None

    def lacks(self, config: Config) -> bool:
        """Whether a configuration names an entity that does not stand ready, under that name and in that version."""
        ready = self.config.entities if self.config else ()
        return not {_place(e) for e in config.entities} <= {_place(e) for e in ready}

    def begin(self, config: Config) -> None:
        """Accept a new configuration, unless one is still on its way."""
        if self.update == "IN_PROGRESS":
            raise ApiError(
                409,
                "RESOURCE_CONFLICT",
                f"Endpoint {self.name} is being updated and cannot be updated until that has ended.",
            )
        self.pending, self.pending_since = config, datetime.now(UTC)
        self.update, self.failure, self.updated_at = "IN_PROGRESS", "", datetime.now(UTC)

    async def deploy(self, *, load: Load, announce: Announce, seconds: float) -> None:
        """Load what is pending and let it take the traffic; on failure the old configuration serves on."""
        config = self.pending
        assert config is not None, "begin() comes first"
        pause = asyncio.create_task(asyncio.sleep(seconds))
        try:
            scorers = await asyncio.to_thread(self._load, config, load)
            await pause
            await asyncio.to_thread(announce, self, config)
        except Exception as error:
            await pause
            self.update, self.failure = "UPDATE_FAILED", f"{type(error).__name__}: {error}"
        else:
            self.serving = Serving(config, scorers, Split(config.shares))
            self.pending, self.pending_since, self.update = None, None, "NOT_UPDATING"
        self.updated_at = datetime.now(UTC)

    def route(self, served: str | None) -> tuple[ServedEntity, Scorer]:
        """Return who takes the next request: the entity that was asked for, or the next one by the shares."""
        if self.serving is None:
            raise ApiError(400, "INVALID_STATE", f"Endpoint {self.name} is not ready.")
        name = served or self.serving.split.next()
        if name not in self.serving.scorers:
            raise missing(f"Endpoint {self.name} does not serve {name}.")
        entity = next(entity for entity in self.serving.config.entities if entity.name == name)
        return entity, self.serving.scorers[name]

    def served_entity_id(self, entity: ServedEntity) -> str:
        """Return the id under which the inference table knows an entity."""
        return served_entity_id(self.id, entity.entity_name, entity.entity_version)

    def as_json(self) -> dict[str, Any]:
        """Return the endpoint as GET shows it."""
        shown: dict[str, Any] = {
            **self.as_summary(),
            "permission_level": "CAN_MANAGE",
            "route_optimized": False,
            "tags": [],
        }
        if self.config:
            shown["config"] = self.config.as_json(state="DEPLOYMENT_READY", creator=self.creator)
        if self.pending and self.pending_since:
            state = "DEPLOYMENT_FAILED" if self.failure else "DEPLOYMENT_CREATING"
            shown["pending_config"] = {
                **self.pending.as_json(state=state, message=self.failure, creator=self.creator),
                "start_time": milliseconds(self.pending_since),
            }
        return shown

    def as_summary(self) -> dict[str, Any]:
        """Return the endpoint as the list shows it: names and versions, but neither traffic nor what is pending."""
        entities = [
            {"name": e.name, "entity_name": e.entity_name, "entity_version": e.entity_version}
            for e in (self.config.entities if self.config else ())
        ]
        return {
            "name": self.name,
            "id": self.id,
            "creator": self.creator,
            "creation_timestamp": milliseconds(self.created_at),
            "last_updated_timestamp": milliseconds(self.updated_at),
            "state": {"ready": "READY" if self.serving else "NOT_READY", "config_update": self.update},
            "config": {"served_entities": entities},
            "ai_gateway": {
                "inference_table_config": {
                    "catalog_name": "playground",
                    "schema_name": "serving",
                    "table_name_prefix": self.name,
                    "enabled": True,
                }
            },
        }

    def _load(self, config: Config, load: Load) -> dict[str, Scorer]:
        loaded = self._loaded()
        return {e.name: loaded.get((e.entity_name, e.entity_version)) or load(e) for e in config.entities}

    def _loaded(self) -> dict[tuple[str, str], Scorer]:
        if self.serving is None:
            return {}
        entities = self.serving.config.entities
        return {(e.entity_name, e.entity_version): self.serving.scorers[e.name] for e in entities}


def _place(entity: ServedEntity) -> tuple[str, str, str]:
    return entity.name, entity.entity_name, entity.entity_version


def milliseconds(at: datetime) -> int:
    """Return a time as Databricks writes it."""
    return int(at.timestamp() * 1000)
