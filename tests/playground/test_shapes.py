"""What the real API takes: the real SDK's requests are of those shapes, and what is not is told."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.service.serving import Route, ServedEntityInput, TrafficConfig
from databricks.sdk.service.sql import (
    Disposition,
    ExecuteStatementRequestOnWaitTimeout,
    Format,
    StatementParameterListItem,
)
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from playground.recorder import Recorded
from playground.shapes import SHAPES, unlike
from tests.small_workspace import SmallWorkspace

ENTITY = ServedEntityInput(name="m-3", entity_name="a.b.m", entity_version="3", scale_to_zero_enabled=False)
ROUTES = TrafficConfig([Route(served_entity_name="m-3", traffic_percentage=100)])
SENT: dict[str, Callable[[WorkspaceClient], object]] = {
    "serving_endpoints.get": lambda w: w.serving_endpoints.get("flights"),
    "serving_endpoints.list": lambda w: list(w.serving_endpoints.list()),
    "serving_endpoints.update_config": lambda w: w.serving_endpoints.update_config(
        "flights", served_entities=[ENTITY], traffic_config=ROUTES
    ),
    "serving_endpoints.export_metrics": lambda w: w.serving_endpoints.export_metrics("flights"),
    "jobs.get": lambda w: w.jobs.get(7),
    "jobs.run_now": lambda w: w.jobs.run_now(7, job_parameters={"model": "m"}, idempotency_token="t"),
    "jobs.get_run": lambda w: w.jobs.get_run(5),
    "tables.get": lambda w: w.tables.get("a.b.t"),
    "metastores.summary": lambda w: w.metastores.summary(),
    "statement_execution.execute_statement": lambda w: w.statement_execution.execute_statement(
        "SELECT :a",
        "w1",
        parameters=[StatementParameterListItem(name="a", type="INT", value="1")],
        disposition=Disposition.EXTERNAL_LINKS,
        format=Format.ARROW_STREAM,
        wait_timeout="30s",
        on_wait_timeout=ExecuteStatementRequestOnWaitTimeout.CONTINUE,
    ),
    "statement_execution.get_statement": lambda w: w.statement_execution.get_statement("01ef"),
    "statement_execution.get_chunk": lambda w: w.statement_execution.get_statement_result_chunk_n("01ef", 0),
    "statement_execution.cancel": lambda w: w.statement_execution.cancel_execution("01ef"),
    "warehouses.get": lambda w: w.warehouses.get("w1"),
    "registered_models.get": lambda w: w.registered_models.get("a.b.m", include_aliases=True),
    "registered_models.set_alias": lambda w: w.registered_models.set_alias("a.b.m", "champion", 3),
    "model_versions.get": lambda w: w.model_versions.get("a.b.m", 3, include_aliases=True),
    "model_versions.list": lambda w: list(w.model_versions.list("a.b.m")),
    "model_versions.get_by_alias": lambda w: w.model_versions.get_by_alias("a.b.m", "champion"),
    "current_user.me": lambda w: w.current_user.me(),
    "model_registry.get_model": lambda w: w.model_registry.get_model("m"),
    "model_registry.transition_stage": lambda w: w.model_registry.transition_stage(
        "m", "3", "Staging", archive_existing_versions=False
    ),
    "model_registry.list_transition_requests": lambda w: list(w.model_registry.list_transition_requests("m", "3")),
    "model_registry.create_transition_request": lambda w: w.model_registry.create_transition_request(
        "m", "3", "Staging", comment="by somebody"
    ),
    "experiments.get_run": lambda w: w.experiments.get_run("abc"),
    "files.list": lambda w: list(w.files.list_directory_contents("/Models/a")),
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallWorkspace]:
    with SmallWorkspace(tmp_path_factory.mktemp("workspace")) as small:
        small.control.fault("/api/.*", status=404)
        yield small


@pytest.mark.parametrize("name", SENT)
def test_the_sdk_sends_what_is_known(small: SmallWorkspace, name: str) -> None:
    workspace = WorkspaceClient(host=small.host, token=small.token)
    small.control.record()
    with suppress(DatabricksError):
        SENT[name](workspace)
    asked = [Recorded(**one) for one in small.control.requests()]
    assert asked
    assert unlike(asked) == {}


TOLD_BY_MLFLOW: dict[str, Callable[[MlflowClient], object]] = {
    "set-tag": lambda client: client.set_model_version_tag("a.b.m", "3", "mlsteward_stale", "yes"),
    "model-versions/get": lambda client: client.get_model_version("a.b.m", "3"),
    "registered-models/get": lambda client: client.get_registered_model("a.b.m"),
}


@pytest.mark.parametrize("name", TOLD_BY_MLFLOW)
def test_mlflow_s_client_sends_what_is_known(small: SmallWorkspace, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in {"DATABRICKS_HOST": small.host, "DATABRICKS_TOKEN": small.token}.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    small.control.record()
    with suppress(MlflowException):
        TOLD_BY_MLFLOW[name](MlflowClient("databricks", "databricks-uc"))
    asked = [Recorded(**one) for one in small.control.requests()]
    assert any(name in one.path for one in asked)
    assert unlike(asked) == {}


def put(**body: Any) -> Recorded:
    return Recorded("PUT", "/api/2.0/serving-endpoints/flights/config", {}, body, "")


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (Recorded("DELETE", "/api/2.0/serving-endpoints/flights", {}, {}, ""), "not known to have it"),
        (Recorded("GET", "/api/2.0/serving-endpoints/flights/more/config", {}, {}, ""), "not known to have it"),
        (Recorded("GET", "/api/2.2/jobs/runs/get", {}, {}, ""), "query lacks run_id"),
        (Recorded("GET", "/api/2.2/jobs/runs/get", {"run_id": "5", "all": "1"}, {}, ""), "query has all"),
        (Recorded("POST", "/api/2.2/jobs/run-now", {}, {"job_id": "7"}, ""), "body.job_id is '7', not int"),
        (Recorded("POST", "/api/2.2/jobs/run-now", {}, {"job_id": True}, ""), "body.job_id is True, not int"),
        (
            Recorded("POST", "/api/2.2/jobs/run-now", {}, {"job_id": 7, "job_parameters": {"rows": 5}}, ""),
            "body.job_parameters is {'rows': 5}, not a map of str",
        ),
        (put(served_entities={}), "body.served_entities is {}, not a list"),
        (put(served_entities=[{"entity_name": "m", "entity_version": "3"}]), "lacks scale_to_zero_enabled"),
        (
            put(traffic_config={"routes": [{"traffic_percentage": "100"}]}),
            "body.traffic_config.routes[0].traffic_percentage is '100', not int",
        ),
        (put(traffic_config=[]), "body.traffic_config is [], not an object"),
        (
            Recorded("GET", "/api/2.1/unity-catalog/models/a.b.m", {"include_aliases": "True"}, {}, ""),
            "query.include_aliases is 'True', not one of false, true",
        ),
    ],
)
def test_what_no_workspace_would_understand_is_told(request_: Recorded, words: str) -> None:
    (told,) = unlike([request_]).values()
    assert words in told


def test_no_two_shapes_are_of_the_same_request() -> None:
    assert len({(shape.method, shape.path) for shape in SHAPES}) == len(SHAPES)


def test_nothing_is_wrong_with_what_is_left_out() -> None:
    assert unlike([put(), Recorded("GET", "/api/2.0/fs/directories/Models/a/b", {}, {}, "")]) == {}
