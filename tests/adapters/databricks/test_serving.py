import logging
from collections.abc import Mapping
from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from databricks.sdk.service.serving import ServedEntityInput

from daemon.adapters.databricks import DatabricksClient, DatabricksServing
from daemon.adapters.databricks.serving import SETTINGS
from daemon.domain.serving import EndpointState, ServedEntity, Update, traffic
from daemon.domain.sources import EndpointMetrics
from daemon.ports import PlatformError
from tests.adapters.local_server import Answer, LocalServer

LIST = "/api/2.0/serving-endpoints"
PATH = f"{LIST}/flights"
METRICS = f"{PATH}/metrics"
INVOKE = "/serving-endpoints/flights/served-models/delay-3/invocations"

SHOWN: dict[str, Any] = {
    "name": "delay-3",
    "entity_name": "prod.air.delay",
    "entity_version": "3",
    "workload_size": "Small",
    "workload_type": "GPU_OF_TOMORROW",
    "scale_to_zero_enabled": False,
    "environment_vars": {"KEY": "{{secrets/scope/key}}"},
    "instance_profile_arn": "arn:aws:iam::1:instance-profile/x",
    "burst_scaling_enabled": False,
    "provisioned_model_units": 2,
    "creator": "ann@example.com",
    "creation_timestamp": 1_700_000_000_000,
    "state": {"deployment": "DEPLOYMENT_READY", "deployment_state_message": ""},
}
"""An entity as the API's reference shows it, with every setting that it may have, and one value no SDK knows."""

BODY = {key: value for key, value in SHOWN.items() if key not in ("creator", "creation_timestamp", "state")}


def endpoint(*entities: dict[str, Any], **shown: Any) -> dict[str, Any]:
    config = {"config_version": 7, "served_entities": list(entities or [SHOWN])}
    state = {"ready": "READY", "config_update": "NOT_UPDATING"}
    return {"name": "flights", "state": state, "config": config} | shown


@pytest.fixture
def serving(client: DatabricksClient) -> DatabricksServing:
    return DatabricksServing(client)


def state_of(server: LocalServer, serving: DatabricksServing, shown: dict[str, Any]) -> EndpointState:
    server.on("GET", PATH, Answer(shown))
    return serving.state("flights")


def test_everything_that_an_update_wants_back_is_kept(server: LocalServer, serving: DatabricksServing) -> None:
    (served,) = state_of(server, serving, endpoint()).served
    assert (served.name, served.model, served.version) == ("delay-3", "prod.air.delay", 3)
    server.on("PUT", f"{PATH}/config", Answer({"name": "flights"}))
    serving.update("flights", [replace(served, version=2, name="delay-2")])
    assert server.to(f"{PATH}/config")[0].json == {
        "served_entities": [BODY | {"name": "delay-2", "entity_version": "2"}],
        "traffic_config": {"routes": [{"served_model_name": "delay-2", "traffic_percentage": 100}]},
    }


def test_every_setting_that_the_sdk_can_send_is_among_those_kept() -> None:
    described = {"name", "entity_name", "entity_version", "external_model"}
    assert set(SETTINGS) == {field.name for field in fields(ServedEntityInput)} - described


def test_scale_to_zero_is_always_said(server: LocalServer, serving: DatabricksServing) -> None:
    shown = {key: value for key, value in SHOWN.items() if key != "scale_to_zero_enabled"}
    (served,) = state_of(server, serving, endpoint(shown)).served
    server.on("PUT", f"{PATH}/config", Answer({"name": "flights"}))
    serving.update("flights", [served])
    assert server.to(f"{PATH}/config")[0].json["served_entities"][0]["scale_to_zero_enabled"] is False


def test_a_size_in_numbers_goes_back_without_the_size_in_words(server: LocalServer, serving: DatabricksServing) -> None:
    shown = SHOWN | {"min_provisioned_concurrency": 0, "max_provisioned_concurrency": 4}
    (served,) = state_of(server, serving, endpoint(shown)).served
    server.on("PUT", f"{PATH}/config", Answer({"name": "flights"}))
    serving.update("flights", [served])
    (sent,) = server.to(f"{PATH}/config")[0].json["served_entities"]
    assert "workload_size" not in sent
    assert (sent["min_provisioned_concurrency"], sent["max_provisioned_concurrency"]) == (0, 4)


@pytest.mark.parametrize("key", ["served_model_name", "served_entity_name"])
def test_shares_are_read_under_either_name(server: LocalServer, serving: DatabricksServing, key: str) -> None:
    routes = [{key: "delay-3", "traffic_percentage": 90}, {key: "delay-4", "traffic_percentage": 10}]
    shown = endpoint(SHOWN, SHOWN | {"name": "delay-4", "entity_version": "4"})
    shown["config"]["traffic_config"] = {"routes": routes}
    assert traffic(state_of(server, serving, shown).served) == {3: 90, 4: 10}


def test_a_single_entity_without_routes_has_all_the_traffic(server: LocalServer, serving: DatabricksServing) -> None:
    assert traffic(state_of(server, serving, endpoint()).served) == {3: 100}


@pytest.mark.parametrize(
    ("word", "update"),
    [
        ("NOT_UPDATING", Update.NONE),
        ("IN_PROGRESS", Update.IN_PROGRESS),
        ("UPDATE_FAILED", Update.FAILED),
        ("UPDATE_CANCELED", Update.FAILED),
        ("UPDATE_PONDERED", Update.UNKNOWN),
        (None, Update.UNKNOWN),
    ],
)
def test_an_update_state_that_nobody_knows_is_unknown(
    server: LocalServer, serving: DatabricksServing, word: str | None, update: Update
) -> None:
    state = {"ready": "READY", "config_update": word}
    assert state_of(server, serving, endpoint(state=state)).update is update


@pytest.mark.parametrize("ready", ["NOT_READY", "STOPPED", None])
def test_only_ready_is_ready(server: LocalServer, serving: DatabricksServing, ready: str | None) -> None:
    state = {"ready": ready, "config_update": "NOT_UPDATING"}
    assert not state_of(server, serving, endpoint(state=state)).ready


@pytest.mark.parametrize("state", [{"deployment": "DEPLOYMENT_RECOVERING"}, {"deployment": "DOZING"}, {}, None])
def test_only_a_ready_deployment_is_ready(
    server: LocalServer, serving: DatabricksServing, state: dict[str, str] | None
) -> None:
    (served,) = state_of(server, serving, endpoint(SHOWN | {"state": state})).served
    assert not served.ready


def test_what_is_pending_is_told(server: LocalServer, serving: DatabricksServing) -> None:
    pending = {"config_version": 8, "served_entities": [SHOWN | {"name": "delay-4", "entity_version": "4"}]}
    state = state_of(server, serving, endpoint(pending_config=pending))
    assert state.config_version == 7
    assert state.pending is not None
    assert traffic(state.pending) == {4: 100}


@pytest.mark.parametrize(
    "foreign",
    [
        {"name": "gpt", "external_model": {"name": "gpt", "provider": "openai", "task": "llm/v1/chat"}},
        {"name": "llama", "entity_name": "system.ai.llama", "entity_version": "2", "foundation_model": {"name": "x"}},
        {"name": "spec", "entity_name": "prod.air.features"},
    ],
)
def test_what_is_no_registered_version_is_left_alone(
    server: LocalServer, serving: DatabricksServing, foreign: dict[str, Any]
) -> None:
    (served,) = state_of(server, serving, endpoint(foreign)).served
    assert served.foreign
    with pytest.raises(PlatformError, match=served.name) as caught:
        serving.update("flights", [served])
    assert caught.value.permanent
    assert server.to(f"{PATH}/config") == []


GATEWAY = {"catalog_name": "prod", "schema_name": "logs", "table_name_prefix": "fl", "enabled": True}
CAPTURE = {
    "catalog_name": "old",
    "schema_name": "logs",
    "enabled": True,
    "state": {"payload_table": {"name": "flights_payload", "status": "SUCCESS"}},
}


@pytest.mark.parametrize(
    ("gateway", "capture", "table"),
    [
        (GATEWAY, None, "prod.logs.fl_payload"),
        (GATEWAY | {"table_name_prefix": None}, None, "prod.logs.flights_payload"),
        (GATEWAY, CAPTURE, "prod.logs.fl_payload"),
        (GATEWAY | {"enabled": False}, CAPTURE, "old.logs.flights_payload"),
        (None, CAPTURE, "old.logs.flights_payload"),
        (None, CAPTURE | {"enabled": False}, None),
        (None, CAPTURE | {"state": {}}, None),
        (None, None, None),
    ],
)
def test_the_inference_table_is_found_where_databricks_names_it(
    server: LocalServer, serving: DatabricksServing, gateway: object, capture: object, table: str | None
) -> None:
    shown = endpoint(ai_gateway={"inference_table_config": gateway})
    shown["config"]["auto_capture_config"] = capture
    assert state_of(server, serving, shown).table == table


@pytest.mark.parametrize(
    "shown",
    [
        endpoint({"entity_name": "m", "entity_version": "1"}),
        endpoint(config={"config_version": "new", "served_entities": []}),
        endpoint(config={"served_entities": "many"}),
        endpoint(state="fine"),
    ],
)
def test_a_state_that_makes_no_sense_is_not_believed(
    server: LocalServer, serving: DatabricksServing, shown: dict[str, Any]
) -> None:
    with pytest.raises(PlatformError) as caught:
        state_of(server, serving, shown)
    assert not caught.value.permanent


@pytest.mark.parametrize(
    "refusal",
    [
        Answer({"error_code": "RESOURCE_CONFLICT", "message": "is being updated"}, 409),
        Answer({"error_code": "INVALID_STATE", "message": "is being updated"}, 400),
    ],
)
def test_a_conflict_says_that_an_update_is_under_way(
    server: LocalServer, serving: DatabricksServing, refusal: Answer
) -> None:
    server.on("PUT", f"{PATH}/config", refusal)
    with pytest.raises(PlatformError, match="under way") as caught:
        serving.update("flights", [ServedEntity("delay-3", "m", 3, 100)])
    assert not caught.value.permanent


def test_names_stay_within_their_path(server: LocalServer, serving: DatabricksServing) -> None:
    with pytest.raises(PlatformError):
        serving.state("../jobs/x?y=1")
    assert server.asked[-1].path == f"{LIST}/..%2Fjobs%2Fx%3Fy%3D1"


class TestServingAnywhere:
    def listed(self, name: str, version: str, update: str = "NOT_UPDATING") -> dict[str, Any]:
        """Return an endpoint as the list shows it: neither shares nor what is pending."""
        entity = {"name": "m", "entity_name": "prod.air.delay", "entity_version": version}
        state = {"ready": "READY", "config_update": update}
        return {"name": name, "state": state, "config": {"served_entities": [entity]}}

    def test_every_endpoint_counts_and_so_does_what_is_pending(
        self, server: LocalServer, serving: DatabricksServing
    ) -> None:
        external = {"name": "gpt", "config": {"served_entities": [{"name": "gpt", "external_model": {}}]}}
        endpoints = [self.listed("a", "1"), self.listed("b", "3"), self.listed("c", "3", "IN_PROGRESS"), external]
        server.on("GET", LIST, Answer({"endpoints": endpoints}))
        pending = {"served_entities": [SHOWN | {"entity_version": "5"}, SHOWN | {"entity_name": "other"}]}
        server.on("GET", f"{LIST}/c", Answer(self.listed("c", "3", "IN_PROGRESS") | {"pending_config": pending}))
        server.on("GET", f"{LIST}/gpt", Answer(external))
        assert serving.serving_anywhere("prod.air.delay") == {1, 3, 5}
        assert serving.serving_anywhere("prod.air.nobody") == frozenset()

    @pytest.mark.parametrize("answer", [{}, {"endpoints": []}, {"endpoints": [{"no": "name"}]}, {"endpoints": 7}])
    def test_an_empty_workspace_is_not_believed(
        self, server: LocalServer, serving: DatabricksServing, answer: dict[str, Any]
    ) -> None:
        server.on("GET", LIST, Answer(answer))
        with pytest.raises(PlatformError) as caught:
            serving.serving_anywhere("prod.air.delay")
        assert not caught.value.permanent


PAYLOAD: Mapping[str, object] = {"dataframe_records": [{"x": 1.5}]}


class TestQuery:
    def ask(self, server: LocalServer, serving: DatabricksServing, answer: Answer) -> tuple[int, float]:
        server.on("POST", INVOKE, answer)
        return serving.query("flights", "delay-3", PAYLOAD)

    @pytest.mark.parametrize("status", [200, 400, 404, 415, 429, 500, 502, 503, 504])
    def test_what_a_version_answers_is_an_answer_and_asked_for_once(
        self, server: LocalServer, serving: DatabricksServing, status: int
    ) -> None:
        found, ms = self.ask(server, serving, Answer({"predictions": [1.0]}, status, {"Retry-After": "60"}))
        assert found == status
        assert 0 < ms < 20_000
        (asked,) = server.to(INVOKE)
        assert asked.json == {**PAYLOAD, "client_request_id": "mlsteward"}, "so that it is not taken for traffic"
        assert asked.headers["authorization"].startswith("Bearer ")
        assert asked.headers["user-agent"].startswith("mlsteward/")

    @pytest.mark.parametrize(("status", "permanent"), [(401, False), (403, True)])
    def test_being_locked_out_says_nothing_about_the_version(
        self, server: LocalServer, serving: DatabricksServing, status: int, permanent: bool
    ) -> None:
        with pytest.raises(PlatformError) as caught:
            self.ask(server, serving, Answer({"message": "no"}, status))
        assert caught.value.permanent == permanent

    def test_a_login_page_is_no_good_answer(self, server: LocalServer, serving: DatabricksServing) -> None:
        server.on("GET", "/login", Answer(b"<html>log in</html>"))
        assert self.ask(server, serving, Answer(b"", 302, {"Location": "/login"}))[0] == 302

    def test_no_answer_is_an_error_that_may_pass(self, server: LocalServer, impatient: DatabricksClient) -> None:
        with pytest.raises(PlatformError) as caught:
            self.ask(server, DatabricksServing(impatient), Answer(hang=True))
        assert not caught.value.permanent

    def test_an_example_with_nan_in_it_is_sent(self, server: LocalServer, serving: DatabricksServing) -> None:
        server.on("POST", INVOKE, Answer())
        assert serving.query("flights", "delay-3", {"inputs": [float("nan")]})[0] == 200
        assert server.to(INVOKE)[0].body == b'{"inputs": [NaN], "client_request_id": "mlsteward"}'


def test_what_an_endpoint_says_of_its_last_minute_is_asked_as_text(
    server: LocalServer, serving: DatabricksServing
) -> None:
    text = b"# TYPE request_4xx_count_total gauge\nrequest_4xx_count_total 7 1788718020000\n"
    server.on("GET", METRICS, Answer(text, headers={"Content-Type": "text/plain"}))
    at = datetime(2026, 9, 6, 18, 7, tzinfo=UTC)
    assert serving.metrics("flights") == EndpointMetrics(at=at, errors_4xx=7)
    assert server.to(METRICS)[0].headers["accept"] == "text/plain"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "INVALID_PARAMETER_VALUE"),
        (403, "PERMISSION_DENIED"),
        (404, "RESOURCE_DOES_NOT_EXIST"),
        (404, "ENDPOINT_NOT_FOUND"),
        (501, "NOT_IMPLEMENTED"),
    ],
)
def test_an_endpoint_that_exports_nothing_is_told_of_once(
    server: LocalServer, serving: DatabricksServing, caplog: pytest.LogCaptureFixture, status: int, code: str
) -> None:
    caplog.set_level(logging.INFO, "daemon")
    server.on("GET", METRICS, Answer({"error_code": code, "message": "none"}, status))
    assert [serving.metrics("flights") for _ in range(3)] == [None] * 3
    assert [r.getMessage() for r in caplog.records if "before a model is asked is not seen" in r.getMessage()] == [
        r.getMessage() for r in caplog.records if r.name == "daemon.adapters.databricks.serving"
    ]
    assert sum(r.name == "daemon.adapters.databricks.serving" for r in caplog.records) == 1


def test_gauges_that_nobody_knows_are_none(server: LocalServer, serving: DatabricksServing) -> None:
    server.on("GET", METRICS, Answer(b"up 1\n", headers={"Content-Type": "text/plain"}))
    assert serving.metrics("flights") is None


@pytest.mark.parametrize(
    "answer", [Answer(b"<html>log in</html>"), Answer(b"\xff\xfe"), Answer(b"", 500), Answer({"message": "no"}, 401)]
)
def test_trouble_is_no_answer_about_metrics(server: LocalServer, serving: DatabricksServing, answer: Answer) -> None:
    server.on("GET", METRICS, answer)
    with pytest.raises(PlatformError, match="read the metrics of endpoint flights") as caught:
        serving.metrics("flights")
    assert not caught.value.permanent
