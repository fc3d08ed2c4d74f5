"""The three registries are one: what is done through one is seen through the others, with the SDK's own calls."""

import uuid
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue, NotFound, PermissionDenied
from mlflow import MlflowClient

from daemon.adapters.databricks import DatabricksClient, DatabricksRuns, UnityRegistry, WorkspaceRegistry
from daemon.adapters.mlflow import vended_files
from daemon.config.fields import Secret
from daemon.config.settings import Workspace
from daemon.domain.registry import Deployment, DeploymentJob, Stage
from daemon.ports import PlatformError
from playground.process import Playground

MLFLOW = "/api/2.0/mlflow/unity-catalog"


@pytest.fixture
def model(registry: MlflowClient) -> str:
    """Register three versions through MLflow, and return the model's name of three levels."""
    name = f"main.tests.{uuid.uuid4().hex[:8]}-model"
    registry.create_registered_model(name)
    for _ in range(3):
        run = registry.create_run("0").info.run_id
        registry.log_text(run, "flavors: {}\n", "model/MLmodel")
        registry.log_metric(run, "auc", 0.7)
        registry.create_model_version(name, f"runs:/{run}/model", run)
    return name


@pytest.fixture
def client(playground: Playground, tmp_path: Path) -> DatabricksClient:
    token = tmp_path / "token"
    token.write_text(playground.address.token)
    return DatabricksClient(Workspace(host=playground.address.host, token=Secret(file=token)))


def test_the_sdk_lists_all_versions_over_pages_of_which_one_is_empty(workspace: WorkspaceClient, model: str) -> None:
    found = list(workspace.model_versions.list(model))
    assert sorted(v.version or 0 for v in found) == [1, 2, 3]
    assert [v.version for v in found] != [1, 2, 3]
    assert {v.status.value for v in found if v.status} == {"READY"}
    assert all(v.run_id and v.created_at and not v.aliases for v in found)


def test_an_alias_is_the_same_one_everywhere(
    playground: Playground, workspace: WorkspaceClient, registry: MlflowClient, model: str
) -> None:
    before = len(playground.control.effects())
    workspace.registered_models.set_alias(model, "champion", version_num=2)
    assert registry.get_model_version_by_alias(model, "champion").version in (2, "2")
    assert workspace.model_versions.get_by_alias(model, "champion").version == 2
    shown = workspace.registered_models.get(model, include_aliases=True).aliases or []
    assert [(a.alias_name, a.version_num) for a in shown] == [("champion", 2)]
    named = workspace.model_versions.get(model, 2, include_aliases=True).aliases or []
    assert [a.alias_name for a in named] == ["champion"]
    workspace.registered_models.delete_alias(model, "champion")
    with pytest.raises(NotFound):
        workspace.model_versions.get_by_alias(model, "champion")
    effects = [e for e in playground.control.effects(after=before) if model in str(e["path"])]
    assert [(e["method"], e["status"]) for e in effects] == [("PUT", 200), ("DELETE", 200)]


def test_a_tag_may_not_have_the_characters_that_unity_catalog_forbids(
    workspace: WorkspaceClient, registry: MlflowClient, model: str
) -> None:
    def tag(key: str) -> None:
        body = {"name": model, "version": "1", "key": key, "value": "2026-03-01T00:00"}
        workspace.api_client.do("POST", f"{MLFLOW}/model-versions/set-tag", body=body)

    for character in ".,-=/:":
        with pytest.raises(InvalidParameterValue, match="is not valid"):
            tag(f"mlsteward{character}stale_since")
    tag("mlsteward_stale_since")
    assert registry.get_model_version(model, "1").tags == {"mlsteward_stale_since": "2026-03-01T00:00"}


def test_a_name_of_fewer_levels_is_none_of_unity_catalogs(workspace: WorkspaceClient) -> None:
    with pytest.raises(NotFound, match="three levels"):
        workspace.registered_models.get("flight_delay")


def test_stages_move_and_a_request_waits_for_somebody_who_may(
    workspace: WorkspaceClient,
    registry: MlflowClient,
    client: DatabricksClient,
    model: str,
    playground: Playground,
) -> None:
    legacy = WorkspaceRegistry(client, DatabricksRuns(client))
    legacy.set_stage(model, 1, Stage.PRODUCTION)
    playground.control.lock_stages(model)
    with pytest.raises(PermissionDenied):
        workspace.model_registry.transition_stage(
            name=model, version="2", stage="Production", archive_existing_versions=False
        )
    for _ in range(2):
        with pytest.raises(PlatformError, match="approve the transition request"):
            legacy.set_stage(model, 2, Stage.PRODUCTION)
    (request,) = workspace.model_registry.list_transition_requests(model, "2")
    assert request.to_stage == "Production"
    assert legacy.version(model, 2).stage is Stage.NONE
    workspace.model_registry.approve_transition_request(
        name=model, version="2", stage="Production", archive_existing_versions=False
    )
    assert legacy.version(model, 2).stage is Stage.PRODUCTION
    assert registry.get_model_version(model, "1").current_stage == "Production"
    assert list(workspace.model_registry.list_transition_requests(model, "2")) == []


def test_a_request_that_is_refused_is_gone(workspace: WorkspaceClient, model: str) -> None:
    wanted: dict[str, Any] = {"name": model, "version": "3", "stage": "Staging"}
    workspace.model_registry.create_transition_request(**wanted)
    workspace.model_registry.reject_transition_request(**wanted)
    with pytest.raises(NotFound):
        workspace.model_registry.reject_transition_request(**wanted)


@pytest.mark.parametrize("files_api", [True, False])
def test_files_are_the_same_by_either_way(
    playground: Playground, client: DatabricksClient, model: str, tmp_path: Path, files_api: bool
) -> None:
    playground.control.hand_out_files(by_api=files_api)
    try:
        UnityRegistry(client, DatabricksRuns(client), vended_files).download(model, 2, tmp_path / "out")
    finally:
        playground.control.hand_out_files(by_api=True)
    assert (tmp_path / "out" / "MLmodel").read_text() == "flavors: {}\n"


def test_a_deployment_job_is_told_of_once_it_is_connected(
    playground: Playground, client: DatabricksClient, model: str
) -> None:
    unity = UnityRegistry(client, DatabricksRuns(client), vended_files)
    run = {"run_id": "9", "run_state": "APPROVAL", "current_task_name": "Approval_Check"}
    job = {"job_id": "7", "state": "CONNECTED", "runs": {"3": run}}
    playground.control.connect_deployment_job(model, job)
    assert unity.deployment_job(model, 2) == DeploymentJob("7", True, Deployment.NONE, "CONNECTED")
    waits = DeploymentJob("7", True, Deployment.WAITS, "CONNECTED, APPROVAL, at Approval_Check")
    assert unity.deployment_job(model, 3) == waits
    playground.control.connect_deployment_job(model, None)
    assert unity.deployment_job(model, 3) is None
