"""What the adapters do together, in a workspace whose servers and models are real."""

import time
from datetime import timedelta
from itertools import count
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from mlflow import MlflowClient

from daemon.adapters.databricks import DatabricksClient, DatabricksServing
from daemon.adapters.mlflow import MlflowRegistry
from daemon.config.fields import Secret
from daemon.config.mlflow import Mlflow
from daemon.config.settings import Workspace
from daemon.domain.schema import Kind, Role
from daemon.domain.serving import Update, entity_name
from daemon.ports import PlatformError
from playground.process import Playground

REGISTERED = "flight_delay"
PATIENCE = timedelta(seconds=10)
_numbers = count(1)


@pytest.fixture
def token(playground: Playground, tmp_path: Path) -> Path:
    """The file of a token of one's own."""
    path = tmp_path / "token"
    path.write_text(playground.control.issue_token())
    return path


@pytest.fixture
def serving(playground: Playground, token: Path) -> DatabricksServing:
    host = playground.address.host
    return DatabricksServing(
        DatabricksClient(Workspace(host=host, token=Secret(file=token), timeout=PATIENCE, retry_for=PATIENCE))
    )


@pytest.fixture
def registry(playground: Playground) -> MlflowRegistry:
    return MlflowRegistry(Mlflow(tracking_uri=playground.address.mlflow))


@pytest.fixture
def mlflow_client(playground: Playground) -> MlflowClient:
    return MlflowClient(playground.address.mlflow)


def create_endpoint(playground: Playground, serving: DatabricksServing, model: str) -> str:
    """Serve version 1 of the model at an endpoint of one's own."""
    name = f"adapters-{next(_numbers)}"
    entity = {"name": entity_name(model, 1), "entity_name": model, "entity_version": "1", "scale_to_zero_enabled": True}
    body = {"name": name, "config": {"served_entities": [entity]}}
    playground.control.call("POST", "/api/2.0/serving-endpoints", body)
    deadline = time.monotonic() + 40
    while serving.state(name).update is Update.IN_PROGRESS and time.monotonic() < deadline:
        time.sleep(0.05)
    return name


def own_version(registry: MlflowRegistry, mlflow_client: MlflowClient, model: str, folder: Path) -> None:
    """Register a model whose version 1 has files of its own, equal to those of a real version."""
    registry.download(REGISTERED, 1, folder)
    run_id = mlflow_client.create_run("0").info.run_id
    mlflow_client.log_artifacts(run_id, str(folder), "model")
    mlflow_client.create_registered_model(model)
    mlflow_client.create_model_version(model, f"runs:/{run_id}/model", run_id)


def test_the_input_example_of_a_version_is_a_request_that_it_answers(
    playground: Playground, registry: MlflowRegistry, serving: DatabricksServing
) -> None:
    endpoint = create_endpoint(playground, serving, REGISTERED)
    example = registry.input_example(REGISTERED, 1)
    assert example is not None
    assert serving.query(endpoint, entity_name(REGISTERED, 1), example)[0] == 200
    assert serving.query(endpoint, entity_name(REGISTERED, 1), {"dataframe_records": [{"hour": "?"}]})[0] == 400


def test_a_real_signature_is_read(registry: MlflowRegistry) -> None:
    signature = registry.signature(REGISTERED, 1)
    kinds = {"hour": Kind.NUMERIC, "dep_delay": Kind.NUMERIC, "distance": Kind.NUMERIC}
    kinds |= {"carrier": Kind.CATEGORICAL, "origin": Kind.CATEGORICAL}
    assert {c.name: c.kind for c in signature.inputs} == kinds
    assert [(c.name, c.kind, c.role) for c in signature.outputs] == [("prediction", Kind.NUMERIC, Role.PREDICTION)]


def test_the_dataset_that_a_run_was_trained_on_is_fetched(registry: MlflowRegistry, tmp_path: Path) -> None:
    run_id = registry.version(REGISTERED, 1).run_id
    assert run_id is not None
    assert "auc" in registry.metrics(run_id)
    file = registry.training_data(run_id, tmp_path)
    assert file is not None
    assert {c.name for c in registry.signature(REGISTERED, 1).columns} <= set(pq.read_schema(file).names)


def test_a_restored_version_is_served_again(
    playground: Playground,
    registry: MlflowRegistry,
    mlflow_client: MlflowClient,
    serving: DatabricksServing,
    tmp_path: Path,
) -> None:
    own_version(registry, mlflow_client, "adapters_restored", tmp_path / "source")
    registry.download("adapters_restored", 1, tmp_path / "archive")
    registry.remove_artifacts("adapters_restored", 1)
    gone = create_endpoint(playground, serving, "adapters_restored")
    assert serving.state(gone).update is Update.FAILED
    registry.upload("adapters_restored", 1, tmp_path / "archive")
    endpoint = create_endpoint(playground, serving, "adapters_restored")
    example = registry.input_example("adapters_restored", 1)
    assert example is not None
    assert serving.query(endpoint, entity_name("adapters_restored", 1), example)[0] == 200


def test_files_that_a_copy_was_made_from_are_not_removed(
    registry: MlflowRegistry, mlflow_client: MlflowClient, tmp_path: Path
) -> None:
    own_version(registry, mlflow_client, "adapters_original", tmp_path / "source")
    mlflow_client.copy_model_version("models:/adapters_original/1", "adapters_copy")
    mlflow_client.copy_model_version("models:/adapters_copy/1", "adapters_copy_of_copy")
    for model in ("adapters_original", "adapters_copy", "adapters_copy_of_copy"):
        with pytest.raises(PlatformError, match="the same files") as caught:
            registry.remove_artifacts(model, 1)
        assert caught.value.permanent
    registry.download("adapters_copy", 1, tmp_path / "still")
    assert (tmp_path / "still" / "MLmodel").exists()


@pytest.mark.parametrize("status", [401, 403])
def test_an_expired_token_is_replaced_without_a_restart(
    playground: Playground, serving: DatabricksServing, token: Path, status: int
) -> None:
    assert serving.state("flight-delay").ready
    playground.control.expire_token(token=token.read_text(), status=status)
    with pytest.raises(PlatformError, match="renew the credentials") as caught:
        serving.state("flight-delay")
    assert not caught.value.permanent
    token.write_text(playground.control.issue_token())
    assert serving.state("flight-delay").ready


def test_upstream_trouble_is_an_answer_of_the_version(
    playground: Playground, registry: MlflowRegistry, serving: DatabricksServing
) -> None:
    endpoint = create_endpoint(playground, serving, REGISTERED)
    playground.control.outage(True, endpoints=[endpoint], status=503)
    try:
        status, _ = serving.query(endpoint, entity_name(REGISTERED, 1), registry.input_example(REGISTERED, 1) or {})
    finally:
        playground.control.outage(False, endpoints=[endpoint])
    assert status == 503
