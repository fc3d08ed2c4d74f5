"""The state of the workspace: endpoints, jobs, tokens, outages and the effects log, all in one event loop."""

import asyncio
import tempfile
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

from playground.access import Access
from playground.catalog import SERVING, Catalog
from playground.effects import Effects
from playground.endpoint import Endpoint
from playground.endpoint_config import Config, ServedEntity, read_config
from playground.errors import ApiError, missing
from playground.faults import Faults
from playground.inference_table import InferenceTable
from playground.jobs import Jobs
from playground.outage import Outage
from playground.recorder import Recorder
from playground.registry import Registry
from playground.scoring import Scorer, load
from playground.served_entities import ServedEntities
from playground.tokens import Tokens
from playground.warehouse import Warehouse

WORKSPACE_ID = "2013000000000001"
USER = "operator@playground.example"
USER_ID = "2013000000000042"
_SCORING_THREADS = 4


@dataclass(frozen=True)
class Pace:
    """How slow the workspace is on purpose."""

    deploy_seconds: float = 1.0
    """A configuration with something new to load takes at least this long."""
    switch_seconds: float = 0.2
    """One that only divides the traffic anew takes this long, or as long as loading where that is quicker."""
    flush_seconds: float = 1.0
    """Rows reach an inference table this late."""
    start_seconds: float = 1.0
    """A SQL warehouse that sleeps takes this long to wake."""


@dataclass
class Workspace:
    """Everything the API reads and changes."""

    root: Path
    pace: Pace
    registry: Registry
    effects: Effects = field(default_factory=Effects)
    tokens: Tokens = field(default_factory=Tokens)
    access: Access = field(default_factory=lambda: Access(USER))
    outage: Outage = field(default_factory=Outage)
    faults: Faults = field(default_factory=Faults)
    recorder: Recorder = field(default_factory=Recorder)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    shown: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What endpoints show besides, by their names; a name that no endpoint has is one that only shows itself."""
    catalog: Catalog = field(default_factory=Catalog)
    credentials: dict[str, Any] = field(default_factory=dict)
    """What Unity Catalog lends to those who read files."""
    lent: list[str] = field(default_factory=list)
    """The tables that credentials were lent for, one after the other."""

    def __post_init__(self) -> None:
        self.jobs = Jobs(self.root / "jobs")
        tables = self.root / "tables"
        self.served_entities = ServedEntities(
            tables / "system" / "serving" / "served_entities", workspace_id=WORKSPACE_ID
        )
        self.catalog.register("system.serving.served_entities", self.served_entities.path.resolve().as_uri())
        self.warehouse = Warehouse(self.catalog, start_seconds=self.pace.start_seconds)
        self.scoring = ThreadPoolExecutor(_SCORING_THREADS, thread_name_prefix="scoring")
        self._background: set[asyncio.Task[None]] = set()

    def endpoint(self, name: str) -> Endpoint:
        """Return an endpoint, or refuse."""
        if name not in self.endpoints:
            raise missing(f"Endpoint with name '{name}' does not exist.")
        return self.endpoints[name]

    def listed(self) -> list[dict[str, Any]]:
        """Return all endpoints as the list shows them."""
        shown = {name: endpoint.as_summary() for name, endpoint in self.endpoints.items()}
        return [_over(shown.get(name, {"name": name}), self.shown.get(name)) for name in {**shown, **self.shown}]

    def show(self, name: str) -> dict[str, Any]:
        """Return an endpoint as GET shows it, or refuse."""
        if name in self.shown and name not in self.endpoints:
            return _over({"name": name}, self.shown[name])
        return _over(self.endpoint(name).as_json(), self.shown.get(name))

    def create_endpoint(self, name: str, body: dict[str, Any]) -> Endpoint:
        """Add an endpoint with an inference table of its own and begin to deploy its first configuration."""
        if name in self.endpoints:
            raise ApiError(409, "RESOURCE_ALREADY_EXISTS", f"Endpoint with name '{name}' already exists.")
        config = read_config(body, current=None, now_ms=_now_ms())
        table = InferenceTable(
            self.root / "tables" / f"{name}_payload", flush_seconds=self.pace.flush_seconds, rng=Random(name)
        )
        self.catalog.register(f"{SERVING}.{name}_payload", table.path.resolve().as_uri())
        endpoint = Endpoint(name, table, creator=USER, created_at=datetime.now(UTC))
        self.endpoints[name] = endpoint
        self._in_background(table.run())
        self._deploy(endpoint, config)
        return endpoint

    def update_endpoint(self, endpoint: Endpoint, body: dict[str, Any]) -> Config:
        """Begin to deploy another configuration, unless one is on its way already."""
        config = read_config(body, current=endpoint.config, now_ms=_now_ms())
        self._deploy(endpoint, config)
        return config

    async def flush(self) -> None:
        """Write all inference tables now."""
        await asyncio.gather(*(endpoint.table.flush() for endpoint in self.endpoints.values()))

    async def stop(self) -> None:
        """End all runs and write what is left."""
        await self.jobs.stop()
        for task in self._background:
            task.cancel()
        await self.flush()
        self.scoring.shutdown()
        self.warehouse.close()

    def _deploy(self, endpoint: Endpoint, config: Config) -> None:
        endpoint.begin(config)
        loading, switching = self.pace.deploy_seconds, self.pace.switch_seconds
        seconds = loading if endpoint.lacks(config) else min(loading, switching)
        work = endpoint.deploy(load=self._load, announce=self._announce, seconds=seconds)
        self._in_background(work)

    def _load(self, entity: ServedEntity) -> Scorer:
        served = self.root / "served"
        served.mkdir(exist_ok=True)
        # A folder for each load: two endpoints may load the same version at the same time.
        folder = tempfile.mkdtemp(prefix=f"{entity.entity_name}-{entity.entity_version}-", dir=served)
        return load(entity.entity_name, entity.entity_version, into=Path(folder))

    def _announce(self, endpoint: Endpoint, config: Config) -> None:
        self.served_entities.record(config, endpoint_id=endpoint.id, endpoint_name=endpoint.name, now=datetime.now(UTC))

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


def _over(below: dict[str, Any], above: dict[str, Any] | None) -> dict[str, Any]:
    return {key: value for key, value in {**below, **(above or {})}.items() if value is not None}


def _now_ms() -> int:
    return int(datetime.now(UTC).timestamp() * 1000)
