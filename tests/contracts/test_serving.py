"""The contract of the port Serving."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from mlflow import MlflowClient

from daemon.adapters.databricks import DatabricksClient, DatabricksServing
from daemon.domain.serving import ServedEntity, Update, entity_name, traffic, with_traffic
from daemon.domain.sources import EndpointMetrics
from daemon.ports import PlatformError, Serving
from daemon.remediate.load import send
from playground.process import Playground
from tests.contracts.conftest import Until
from tests.fakes import FakeServing

MODEL = "contract_serving"
SETTINGS = {
    "workload_size": "Medium",
    "workload_type": "CPU_LARGE",
    "scale_to_zero_enabled": True,
    "environment_vars": {"REGION": "{{secrets/scope/region}}"},
}
FLIGHT = {"hour": 17, "dep_delay": 30.0, "distance": 733.0, "carrier": "UA", "origin": "EWR"}
PAYLOAD: Mapping[str, object] = {"dataframe_records": [FLIGHT]}
_numbers = count(1)


@dataclass(frozen=True)
class World:
    serving: Serving
    create: Callable[[], str]
    """Make an endpoint that gives all traffic to version 1 of MODEL; version 2 is registered."""
    make_updates_fail: Callable[[str], int]
    """Return a version that the endpoint's next update cannot bring up."""
    until: Until
    tell: Callable[[str], None]
    """Have the endpoint export what it answered."""

    def settled(self, endpoint: str) -> bool:
        return self.serving.state(endpoint).update is not Update.IN_PROGRESS

    def updated(self, endpoint: str, percents: Mapping[int, int]) -> None:
        self.serving.update(endpoint, with_traffic(self.serving.state(endpoint).served, MODEL, percents))
        self.until(lambda: self.settled(endpoint))


@pytest.fixture(params=["fake", "playground"])
def world(request: pytest.FixtureRequest, until: Until) -> World:
    if request.param == "fake":
        return _fake(until)
    return _real(request.getfixturevalue("client"), request.getfixturevalue("playground"), until)


def test_an_endpoint_tells_what_it_serves(world: World) -> None:
    state = world.serving.state(world.create())
    assert (state.config_version, state.ready, state.update, state.pending) == (1, True, Update.NONE, None)
    (served,) = state.served
    assert served == ServedEntity(entity_name(MODEL, 1), MODEL, 1, 100)
    assert dict(served.settings) == SETTINGS
    assert served.ready
    assert not served.foreign
    assert state.table == f"playground.serving.{state.endpoint}_payload"


def test_an_unknown_endpoint_is_missing_for_good(world: World) -> None:
    entity = ServedEntity("m-1", MODEL, 1, 100)
    calls: list[Callable[[], Any]] = [
        lambda: world.serving.state("nobody"),
        lambda: world.serving.update("nobody", [entity]),
    ]
    for call in calls:
        with pytest.raises(PlatformError) as caught:
            call()
        assert caught.value.permanent
        assert caught.value.missing


def test_an_update_returns_before_it_is_done_and_keeps_the_settings(world: World) -> None:
    endpoint = world.create()
    before = world.serving.state(endpoint)
    world.serving.update(endpoint, with_traffic(before.served, MODEL, {1: 90, 2: 10}))
    under_way = world.serving.state(endpoint)
    assert under_way.update is Update.IN_PROGRESS
    assert under_way.served == before.served
    assert under_way.config_version == 1
    assert under_way.pending is not None
    assert traffic(under_way.pending) == {1: 90, 2: 10}

    world.until(lambda: world.settled(endpoint))
    after = world.serving.state(endpoint)
    assert (after.config_version, after.update, after.pending, after.ready) == (2, Update.NONE, None, True)
    assert traffic(after.served) == {1: 90, 2: 10}
    assert [dict(entity.settings) for entity in after.served] == [SETTINGS, SETTINGS]


def test_a_second_update_is_refused_while_one_is_under_way(world: World) -> None:
    endpoint = world.create()
    served = world.serving.state(endpoint).served
    world.serving.update(endpoint, with_traffic(served, MODEL, {1: 90, 2: 10}))
    with pytest.raises(PlatformError, match="under way") as caught:
        world.serving.update(endpoint, with_traffic(served, MODEL, {1: 50, 2: 50}))
    assert not caught.value.permanent
    assert not caught.value.missing
    world.until(lambda: world.settled(endpoint))
    assert traffic(world.serving.state(endpoint).served) == {1: 90, 2: 10}


def test_traffic_that_does_not_sum_to_100_is_refused_for_good(world: World) -> None:
    endpoint = world.create()
    (served,) = world.serving.state(endpoint).served
    for wrong in ([replace(served, percent=99)], [], [served, replace(served, percent=0)]):
        with pytest.raises(PlatformError) as caught:
            world.serving.update(endpoint, wrong)
        assert caught.value.permanent
    assert world.serving.state(endpoint).config_version == 1


def test_the_same_configuration_again_is_a_new_configuration(world: World) -> None:
    endpoint = world.create()
    world.updated(endpoint, {1: 100})
    assert world.serving.state(endpoint).config_version == 2


def test_a_failed_update_leaves_what_served_and_lets_the_next_one_in(world: World) -> None:
    endpoint = world.create()
    broken = world.make_updates_fail(endpoint)
    world.updated(endpoint, {broken: 100})
    failed = world.serving.state(endpoint)
    assert failed.update is Update.FAILED
    assert failed.ready
    assert (failed.config_version, traffic(failed.served)) == (1, {1: 100})
    assert failed.pending is not None
    assert traffic(failed.pending) == {broken: 100}

    world.updated(endpoint, {2: 100})
    assert world.serving.state(endpoint).update is Update.NONE
    assert traffic(world.serving.state(endpoint).served) == {2: 100}


def test_every_version_that_serves_or_is_about_to_serve_anywhere_is_known(world: World) -> None:
    one, other = world.create(), world.create()
    world.updated(one, {1: 0, 2: 100})
    broken = world.make_updates_fail(other)
    world.updated(other, {broken: 100})
    assert {1, 2, broken} <= world.serving.serving_anywhere(MODEL)
    assert world.serving.serving_anywhere("nobodys_model") == frozenset()


def test_an_entity_without_traffic_answers_when_it_is_asked_for(world: World) -> None:
    endpoint = world.create()
    world.updated(endpoint, {1: 100, 2: 0})
    assert [e.percent for e in world.serving.state(endpoint).served] == [100, 0]
    status, ms = world.serving.query(endpoint, entity_name(MODEL, 2), PAYLOAD)
    assert status == 200
    assert 0 < ms < 10_000


def test_several_requests_at_once_are_each_answered_by_the_entity_that_was_asked(world: World) -> None:
    endpoint = world.create()
    world.updated(endpoint, {1: 100, 2: 0})
    entities = [entity_name(MODEL, version) for version in (1, 2, 7)]
    one, two, nobody = send(world.serving, endpoint, entities, PAYLOAD, requests=8, at_once=4)
    assert (len(one.ms), len(two.ms), nobody.refused) == (8, 8, (404,) * 8)
    assert all(0 < ms < 10_000 for ms in one.ms + two.ms)


def test_an_entity_that_is_not_served_answers_404(world: World) -> None:
    status, _ = world.serving.query(world.create(), entity_name(MODEL, 7), PAYLOAD)
    assert status == 404


def test_an_endpoint_says_what_it_answered_in_its_last_minute(world: World) -> None:
    endpoint = world.create()
    for _ in range(3):
        world.serving.query(endpoint, entity_name(MODEL, 1), PAYLOAD)
    world.serving.query(endpoint, entity_name(MODEL, 7), PAYLOAD)
    world.tell(endpoint)
    said = world.serving.metrics(endpoint)
    assert said is not None
    assert (said.requests, said.errors_4xx, said.errors_5xx) == (4, 1, 0)
    assert said.at is not None
    assert abs(said.at - datetime.now(UTC)) < timedelta(minutes=1)
    for share in (said.cpu_percent, said.memory_percent):
        assert share is not None
        assert 0 < share <= 100
    assert said.provisioned_concurrency == 4


def _fake(until: Until) -> World:
    serving = FakeServing(looks=2)

    def create() -> str:
        name = f"contract-serving-{next(_numbers)}"
        serving.add(name, MODEL, {1: 100}, table=f"playground.serving.{name}_payload", settings=SETTINGS)
        return name

    def make_updates_fail(endpoint: str) -> int:
        serving.fail_update(endpoint)
        return 99

    def tell(endpoint: str) -> None:
        serving.says[endpoint] = EndpointMetrics(datetime.now(UTC), 4, 1, 0, 0.5, 20, 4)

    return World(serving, create, make_updates_fail, until, tell)


def _real(client: DatabricksClient, playground: Playground, until: Until) -> World:
    serving = DatabricksServing(client)
    _register(playground)

    def create() -> str:
        name = f"contract-serving-{next(_numbers)}"
        entity = {"name": entity_name(MODEL, 1), "entity_name": MODEL, "entity_version": "1", **SETTINGS}
        body = {"name": name, "config": {"served_entities": [entity]}}
        playground.control.call("POST", "/api/2.0/serving-endpoints", body)
        until(lambda: serving.state(name).update is Update.NONE)
        return name

    return World(serving, create, lambda _: 99, until, lambda _: None)


def _register(playground: Playground) -> None:
    """Register two versions, which are copies of a real one."""
    registry = MlflowClient(playground.address.mlflow)
    versions = playground.address.endpoints["flight-delay"].registered_model
    if not registry.search_registered_models(f"name = '{MODEL}'"):
        for _ in range(2):
            registry.copy_model_version(f"models:/{versions}/1", MODEL)
