"""A workspace with serving endpoints whose updates take as many looks as a test wants."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from daemon.domain.serving import EndpointState, ServedEntity, Update, entity_name
from daemon.domain.sources import EndpointMetrics
from daemon.ports import PlatformError
from tests.fakes.ledger import Fake, Ledger


@dataclass
class _Endpoint:
    model: str
    served: tuple[ServedEntity, ...]
    table: str | None
    config_version: int = 1
    pending: tuple[ServedEntity, ...] | None = None
    looks_left: int | None = None
    update: Update = Update.NONE
    ready: bool = True
    unknown: bool = False
    next_fails: bool = False
    fails: bool = False


class FakeServing(Fake):
    """`looks`: the look at which an update shows as done; None: only `complete` and `fail` end it."""

    def __init__(self, ledger: Ledger | None = None, *, looks: int | None = 1) -> None:
        super().__init__("serving", ledger)
        self.looks = looks
        self.answers: dict[tuple[str, int], tuple[int, float]] = {}
        self.queries: list[tuple[str, str, Mapping[str, object]]] = []
        self.says: dict[str, EndpointMetrics] = {}
        """What an endpoint says of its last minute; one that is not here exports nothing."""
        self._endpoints: dict[str, _Endpoint] = {}

    def state(self, endpoint: str) -> EndpointState:
        self._ask("state")
        it = self._find(endpoint)
        self._look(endpoint, it)
        return EndpointState(
            endpoint=endpoint,
            config_version=it.config_version,
            served=it.served,
            ready=it.ready,
            update=Update.UNKNOWN if it.unknown else it.update,
            pending=it.pending,
            table=it.table,
        )

    def serving_anywhere(self, model: str) -> frozenset[int]:
        self._ask("serving_anywhere")
        if not self._endpoints:
            raise PlatformError("the workspace lists no endpoints at all", permanent=False)
        entities = (e for it in self._endpoints.values() for e in (*it.served, *(it.pending or ())))
        return frozenset(e.version for e in entities if e.model == model)

    def update(self, endpoint: str, served: Sequence[ServedEntity]) -> None:
        self._ask("update")
        it = self._find(endpoint)
        if it.update is Update.IN_PROGRESS:
            raise PlatformError(f"an update of {endpoint} is under way", permanent=False)
        if sum(e.percent for e in served) != 100 or len({e.name for e in served}) != len(served):
            raise PlatformError("traffic must sum to 100 over entities of different names", permanent=True)
        loads = {(e.name, e.version) for e in served} - {(e.name, e.version) for e in it.served}
        self._begin(it, tuple(served))
        self._did("update", endpoint, traffic={e.version: e.percent for e in served}, loads=sorted(loads))

    def metrics(self, endpoint: str) -> EndpointMetrics | None:
        self._ask("metrics")
        self._find(endpoint)
        return self.says.get(endpoint)

    def query(self, endpoint: str, entity: str, payload: Mapping[str, object]) -> tuple[int, float]:
        self._ask("query")
        it = self._find(endpoint)
        self.queries.append((endpoint, entity, payload))
        version = next((e.version for e in it.served if e.name == entity), None)
        return (404, 1.0) if version is None else self.answers.get((endpoint, version), (200, 5.0))

    def add(
        self,
        endpoint: str,
        model: str,
        traffic: Mapping[int, int],
        *,
        table: str | None = None,
        settings: Mapping[str, object] | None = None,
    ) -> None:
        """Create an endpoint."""
        template = ServedEntity("", model, 0, 0, settings or {"scale_to_zero_enabled": False})
        self._endpoints[endpoint] = _Endpoint(model, _entities(template, traffic), table)

    def rename(self, endpoint: str, version: int, name: str) -> None:
        """Let a served entity be called otherwise than Databricks would call it."""
        it = self._find(endpoint)
        it.served = tuple(replace(e, name=name) if e.version == version else e for e in it.served)

    def deploy(self, endpoint: str, traffic: Mapping[int, int]) -> None:
        """Do what a person does by hand: change what is served, at once."""
        self.deploying(endpoint, traffic)
        self.complete(endpoint)

    def deploying(self, endpoint: str, traffic: Mapping[int, int]) -> None:
        """Begin what a person does by hand."""
        it = self._find(endpoint)
        self._begin(it, _entities(it.served[0], traffic))

    def serves(self, endpoint: str) -> Mapping[int, int]:
        """Tell what serves, to somebody who is no user: no update goes on by it, and nothing fails."""
        return {e.version: e.percent for e in self._find(endpoint).served}

    def brings(self, endpoint: str) -> Mapping[int, int]:
        """Tell which versions an update under way will give traffic to, likewise; none: nothing is under way."""
        it = self._find(endpoint)
        under_way = (it.pending or ()) if it.update is Update.IN_PROGRESS else ()
        return {e.version: e.percent for e in under_way if e.percent}

    def updating(self, endpoint: str) -> bool:
        """Tell whether an update is under way, likewise."""
        return self._find(endpoint).update is Update.IN_PROGRESS

    def complete(self, endpoint: str) -> None:
        it = self._find(endpoint)
        if it.pending is not None:
            it.served, it.config_version = it.pending, it.config_version + 1
        it.pending, it.looks_left, it.update = None, None, Update.NONE

    def fail(self, endpoint: str) -> None:
        """End the pending update as failed: what served goes on serving."""
        it = self._find(endpoint)
        it.looks_left, it.update = None, Update.FAILED

    def fail_update(self, endpoint: str) -> None:
        """Let the next update end as failed."""
        self._find(endpoint).next_fails = True

    def unready(self, endpoint: str, ready: bool = False) -> None:
        self._find(endpoint).ready = ready

    def unknown(self, endpoint: str, unknown: bool = True) -> None:
        """Answer with an update state that nobody knows."""
        self._find(endpoint).unknown = unknown

    def _find(self, endpoint: str) -> _Endpoint:
        if endpoint not in self._endpoints:
            raise PlatformError(f"endpoint {endpoint} does not exist", permanent=True, missing=True)
        return self._endpoints[endpoint]

    def _begin(self, it: _Endpoint, served: tuple[ServedEntity, ...]) -> None:
        it.pending, it.update, it.looks_left = served, Update.IN_PROGRESS, self.looks
        it.fails, it.next_fails = it.next_fails, False

    def _look(self, endpoint: str, it: _Endpoint) -> None:
        if it.looks_left is None:
            return
        it.looks_left -= 1
        if it.looks_left <= 0:
            (self.fail if it.fails else self.complete)(endpoint)


def _entities(template: ServedEntity, traffic: Mapping[int, int]) -> tuple[ServedEntity, ...]:
    return tuple(
        replace(template, name=entity_name(template.model, v), version=v, percent=p) for v, p in sorted(traffic.items())
    )
