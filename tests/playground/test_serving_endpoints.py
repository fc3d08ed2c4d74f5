"""Endpoints as the SDK sees them: shown, created, updated one at a time, and failing in good order."""

from collections.abc import Callable
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, NotFound, OperationFailed, ResourceAlreadyExists, ResourceConflict
from databricks.sdk.service.serving import (
    EndpointCoreConfigInput,
    EndpointStateConfigUpdate,
    EndpointStateReady,
    ServedModelStateDeployment,
    ServingEndpointDetailed,
    TrafficConfig,
)

from playground.process import Playground
from tests.playground.conftest import Caller, entity, routes

NewEndpoint = Callable[..., str]


def _served(endpoint: ServingEndpointDetailed) -> dict[str | None, int | None]:
    """Return version -> share, joined over the name of the served entity."""
    assert endpoint.config and endpoint.config.traffic_config
    versions = {e.name: e.entity_version for e in endpoint.config.served_entities or []}
    return {
        versions[route.served_model_name]: route.traffic_percentage
        for route in endpoint.config.traffic_config.routes or []
    }


def test_the_two_named_endpoints_serve_version_1(workspace: WorkspaceClient) -> None:
    for name, registered_model in (("flight-delay", "flight_delay"), ("air-time", "air_time")):
        endpoint = workspace.serving_endpoints.get(name)
        assert endpoint.state
        assert endpoint.state.ready is EndpointStateReady.READY
        assert endpoint.state.config_update is EndpointStateConfigUpdate.NOT_UPDATING
        assert endpoint.pending_config is None
        assert endpoint.config and endpoint.config.served_entities
        (served,) = endpoint.config.served_entities
        assert (served.name, served.entity_name, served.entity_version) == (
            f"{registered_model}-1",
            registered_model,
            "1",
        )
        assert served.scale_to_zero_enabled is False
        assert served.state and served.state.deployment is ServedModelStateDeployment.DEPLOYMENT_READY
        assert endpoint.ai_gateway and endpoint.ai_gateway.inference_table_config
        assert endpoint.ai_gateway.inference_table_config.enabled


def test_a_route_echoes_its_entity_under_the_old_name_and_the_new(caller: Caller) -> None:
    endpoint = caller.request("GET", "/api/2.0/serving-endpoints/air-time").json()
    assert endpoint["config"]["traffic_config"]["routes"] == [
        {"served_model_name": "air_time-1", "served_entity_name": "air_time-1", "traffic_percentage": 100}
    ]


def test_the_list_is_a_summary_without_traffic(workspace: WorkspaceClient) -> None:
    listed = {endpoint.name: endpoint for endpoint in workspace.serving_endpoints.list()}
    assert {"flight-delay", "air-time"} <= set(listed)
    config = listed["air-time"].config
    assert config and config.served_entities
    assert config.served_entities[0].entity_name == "air_time"
    assert not hasattr(config, "traffic_config")


def test_an_update_is_pending_then_serves_under_the_next_config_version(
    workspace: WorkspaceClient, new_endpoint: NewEndpoint
) -> None:
    name = new_endpoint()
    wait = workspace.serving_endpoints.update_config(
        name,
        served_entities=[entity(), entity(name="second")],
        traffic_config=routes(**{"flight_delay-1": 90, "second": 10}),
    )
    pending = workspace.serving_endpoints.get(name)
    assert pending.state and pending.state.config_update is EndpointStateConfigUpdate.IN_PROGRESS
    assert pending.config and pending.config.config_version == 1
    assert len(pending.config.served_entities or []) == 1
    assert pending.pending_config and pending.pending_config.config_version == 2
    assert [e.name for e in pending.pending_config.served_entities or []] == ["flight_delay-1", "second"]
    done = wait.result()
    assert done.config and done.config.config_version == 2
    assert done.pending_config is None
    assert [r.traffic_percentage for r in (done.config.traffic_config or TrafficConfig()).routes or []] == [90, 10]


def test_a_second_update_is_refused_while_one_is_under_way(
    workspace: WorkspaceClient, new_endpoint: NewEndpoint, playground: Playground
) -> None:
    name = new_endpoint()
    wait = workspace.serving_endpoints.update_config(name, served_entities=[entity(name="to-be-loaded")])
    with pytest.raises(ResourceConflict):
        workspace.serving_endpoints.update_config(name, served_entities=[entity()])
    updated = wait.result()
    assert updated.config and updated.config.config_version == 2
    statuses = [e["status"] for e in playground.control.effects() if e["path"].endswith(f"/{name}/config")]
    assert statuses == [200, 409]


@pytest.mark.parametrize("name_of_version", ["missing", "unloadable"])
def test_a_version_that_cannot_be_loaded_leaves_the_old_one_serving(
    workspace: WorkspaceClient,
    new_endpoint: NewEndpoint,
    caller: Caller,
    registered: Callable[[str], int],
    name_of_version: str,
) -> None:
    name = new_endpoint()
    broken = entity(version=4711)
    if name_of_version == "unloadable":
        broken = entity("unloadable", registered("unloadable"))
    with pytest.raises(OperationFailed):
        workspace.serving_endpoints.update_config_and_wait(name, served_entities=[broken])
    failed = workspace.serving_endpoints.get(name)
    assert failed.state and failed.state.ready is EndpointStateReady.READY
    assert failed.state.config_update is EndpointStateConfigUpdate.UPDATE_FAILED
    assert failed.config and failed.config.config_version == 1
    assert failed.pending_config and failed.pending_config.served_entities
    state = failed.pending_config.served_entities[0].state
    assert state and state.deployment is ServedModelStateDeployment.DEPLOYMENT_FAILED
    assert state.deployment_state_message
    assert caller.score(name, {"dataframe_records": [FLIGHT]}).status == 200
    again = workspace.serving_endpoints.update_config_and_wait(name, served_entities=[entity()])
    assert again.config and again.config.config_version == 2
    assert again.pending_config is None


FLIGHT = {"hour": 8, "dep_delay": 3.0, "distance": 733.0, "carrier": "UA", "origin": "LGA"}


def test_traffic_alone_can_be_updated_and_what_is_listed_replaces_the_whole_list(
    workspace: WorkspaceClient, new_endpoint: NewEndpoint
) -> None:
    name = new_endpoint(entity(name="a"), entity(name="b"), traffic=routes(a=100, b=0))
    only_traffic = workspace.serving_endpoints.update_config_and_wait(name, traffic_config=routes(a=30, b=70))
    assert only_traffic.config and [e.name for e in only_traffic.config.served_entities or []] == ["a", "b"]
    assert [r.traffic_percentage for r in (only_traffic.config.traffic_config or TrafficConfig()).routes or []] == [
        30,
        70,
    ]
    replaced = workspace.serving_endpoints.update_config_and_wait(name, served_entities=[entity(name="b")])
    assert _served(replaced) == {"1": 100}
    assert replaced.config and [e.name for e in replaced.config.served_entities or []] == ["b"]


def _entity_json(**differences: Any) -> dict[str, Any]:
    return entity(name="a").as_dict() | differences


def _route_json(share: object, name: str = "a") -> dict[str, Any]:
    return {"served_model_name": name, "traffic_percentage": share}


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ({"served_entities": [{"entity_name": "flight_delay", "entity_version": "1"}]}, "scale_to_zero_enabled"),
        ({"served_entities": [_entity_json(entity_version=1)]}, "entity_version"),
        ({"served_entities": [_entity_json(name="no spaces")]}, "no spaces"),
        ({"served_entities": [_entity_json(), _entity_json()]}, "unique"),
        ({"served_entities": []}, "served_entities"),
        ({"served_entities": [_entity_json(), _entity_json(name="b")]}, "traffic_config"),
        ({"traffic_config": {"routes": [_route_json(100, "nobody")]}}, "nobody"),
        ({"served_entities": [_entity_json()], "traffic_config": {"routes": [_route_json(99)]}}, "sum to 100"),
        ({"served_entities": [_entity_json()], "traffic_config": {"routes": [_route_json(101)]}}, "0 to 100"),
        ({"served_entities": [_entity_json()], "traffic_config": {"routes": [_route_json(10.5)]}}, "integer"),
        ([1, 2], "JSON object"),
    ],
)
def test_a_wrong_configuration_is_refused_and_changes_nothing(
    caller: Caller, playground: Playground, body: object, names: str
) -> None:
    path = "/api/2.0/serving-endpoints/air-time"
    before, seen = caller.request("GET", path).json(), len(playground.control.effects())
    answer = caller.request("PUT", f"{path}/config", body)
    assert (answer.status, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert names in answer.json()["message"]
    assert caller.request("GET", path).json() == before
    effects = [effect for effect in playground.control.effects(after=seen) if effect["path"] == f"{path}/config"]
    assert [(effect["method"], effect["body"], effect["status"]) for effect in effects] == [("PUT", body, 400)]


def test_what_is_not_there_is_not_found(workspace: WorkspaceClient) -> None:
    with pytest.raises(NotFound):
        workspace.serving_endpoints.get("nobody")
    with pytest.raises(NotFound):
        workspace.serving_endpoints.update_config("nobody", served_entities=[entity()])


def test_a_name_is_given_once(workspace: WorkspaceClient) -> None:
    with pytest.raises(ResourceAlreadyExists):
        config = EndpointCoreConfigInput("air-time", served_entities=[entity()])
        workspace.serving_endpoints.create("air-time", config=config)
    with pytest.raises(BadRequest):
        workspace.serving_endpoints.create("without-config")
