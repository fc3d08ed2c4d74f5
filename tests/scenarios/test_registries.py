"""A retraining and its promotion with the real registries: each reaches the same MLflow server in its own way."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient

from daemon.adapters.databricks import DatabricksClient, DatabricksRuns, UnityRegistry, WorkspaceRegistry
from daemon.adapters.mlflow import MlflowRegistry, vended_files
from daemon.config.fields import Secret
from daemon.config.mlflow import Mlflow
from daemon.config.remedies import Gate, Promote
from daemon.config.settings import Workspace
from daemon.domain.finding import Against
from daemon.domain.registry import Stage
from daemon.domain.remediation import Remedy, State
from daemon.ports import Registry
from playground.process import Playground
from tests.contracts.test_registry import DESCRIBED
from tests.remediate import stories
from tests.remediate.stories import DRIFT, JOB, Story

RULES = Promote(gates=(Gate(metric="auc", min=0.6, champion="champion_auc"),), canary=(10, 50))


@dataclass
class Place:
    """A story whose registry is real, and the hand that registers there."""

    story: Story
    registry: Registry
    model: str
    register: Callable[[Mapping[str, str]], int]

    def ends(self) -> list[tuple[Remedy, State]]:
        return [(r.remedy, r.state) for r in self.story.history()]


@pytest.fixture
def place(playground: Playground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Place]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    uri, token, folder = playground.address.mlflow, tmp_path / "token", tmp_path / "files"
    token.write_text(playground.address.token)
    for name, content in DESCRIBED.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    client, mlflow = (
        DatabricksClient(Workspace(host=playground.address.host, token=Secret(file=token))),
        MlflowClient(uri),
    )

    def begin(kind: str, **rules: Any) -> Place:
        model = f"main.stories.{kind}-{uuid.uuid4().hex[:8]}"
        registries: dict[str, Registry] = {
            "mlflow": MlflowRegistry(Mlflow(tracking_uri=uri)),
            "unity": UnityRegistry(client, DatabricksRuns(client), vended_files),
            "workspace": WorkspaceRegistry(client, DatabricksRuns(client)),
        }
        registry = registries[kind]

        def register(tags: Mapping[str, str]) -> int:
            run = mlflow.create_run("0").info.run_id
            for name, value in (("auc", 0.7), ("champion_auc", 0.69)):
                mlflow.log_metric(run, name, value)
            mlflow.log_artifacts(run, str(folder), "model")
            return int(mlflow.create_model_version(model, f"runs:/{run}/model", run, dict(tags)).version)

        mlflow.create_registered_model(model)
        assert register({}) == 1
        registry.set_alias(model, "champion", 1)
        monkeypatch.setattr(stories, "MODEL", model)
        story = Story(tmp_path, promote=RULES.model_copy(update=rules))
        story.doors = replace(story.doors, registry=registry)
        key = "mlsteward_remediation" if kind == "unity" else "mlsteward.remediation"
        story.jobs.on_success(JOB, lambda told: register({key: told["remediation"]}))
        return Place(story, registry, model, register)

    return begin


def retrains(place: Place) -> None:
    place.story.fires(DRIFT, against=Against.BASELINE)
    place.story.propose(Remedy.RETRAIN)


@pytest.mark.parametrize(("kind", "stages"), [("mlflow", True), ("workspace", True), ("unity", False)])
def test_a_challenger_is_found_tried_promoted_and_named(place: Callable[..., Place], kind: str, stages: bool) -> None:
    at = place(kind, stages=stages)
    if stages:
        at.registry.set_stage(at.model, 1, Stage.PRODUCTION)
    retrains(at)
    at.story.live()
    assert at.ends() == [(Remedy.RETRAIN, State.SUCCEEDED), (Remedy.PROMOTE, State.SUCCEEDED)]
    assert at.registry.alias(at.model, "champion") == 2
    assert dict(at.story.traffic())[2] == 100
    staged = [Stage.ARCHIVED, Stage.PRODUCTION] if stages else [Stage.NONE, Stage.NONE]
    assert [v.stage for v in at.registry.versions(at.model)] == staged
    at.story.close()


def test_a_promotion_stands_back_from_a_deployment_job_until_it_is_gone(
    place: Callable[..., Place], playground: Playground
) -> None:
    at = place("unity")
    playground.control.connect_deployment_job(at.model, {"job_id": "7", "state": "CONNECTED", "runs": {}})
    retrains(at)
    at.story.live(until=State.BLOCKED)
    blocked = at.story.newest()
    assert (blocked.remedy, blocked.state) == (Remedy.PROMOTE, State.BLOCKED)
    (guard,) = [g for g in blocked.guards if not g.passed]
    assert guard.guard == "deployment"
    assert "deployment job 7 of Databricks: CONNECTED; it promotes by itself" in guard.detail
    assert at.registry.alias(at.model, "champion") == 1
    playground.control.connect_deployment_job(at.model, None)
    at.story.live()
    assert at.ends()[-1] == (Remedy.PROMOTE, State.SUCCEEDED)
    assert at.registry.alias(at.model, "champion") == 2
    at.story.close()


def test_where_stages_are_not_its_own_to_move_it_asks_waits_and_goes_on(
    place: Callable[..., Place], playground: Playground
) -> None:
    at = place("workspace", stages=True)
    at.registry.set_stage(at.model, 1, Stage.PRODUCTION)
    playground.control.lock_stages(at.model)
    retrains(at)
    answered: list[str] = []
    for _ in range(150):
        at.story.tick()
        at.story.attempt(at.story.step)
        if not at.story.opened():
            break
        for version in [str(v.version) for v in at.registry.versions(at.model)]:
            path = f"/api/2.0/mlflow/transition-requests/list?name={at.model}&version={version}"
            for request in playground.control.call("GET", path).get("requests", []):
                wanted = {"name": at.model, "version": version, "stage": request["to_stage"]}
                playground.control.call("POST", "/api/2.0/mlflow/transition-requests/approve", wanted)
                answered.append(f"{version} to {request['to_stage']}")
    assert at.ends()[-1] == (Remedy.PROMOTE, State.SUCCEEDED)
    assert answered == ["2 to Staging", "2 to Production", "1 to Archived"]
    assert [v.stage for v in at.registry.versions(at.model)] == [Stage.ARCHIVED, Stage.PRODUCTION]
    at.story.close()


def test_somebody_who_moves_the_alias_in_unity_catalog_by_hand_wins(
    place: Callable[..., Place], playground: Playground
) -> None:
    at = place("unity")
    retrains(at)
    at.story.live(until=State.EXECUTING)
    while at.story.newest().remedy is not Remedy.PROMOTE:
        at.story.live(until=State.EXECUTING)
    third = at.register({})
    path = f"/api/2.1/unity-catalog/models/{at.model}/aliases/champion"
    playground.control.call("PUT", path, {"version_num": third})
    at.story.live()
    assert at.ends()[-1] == (Remedy.PROMOTE, State.SUPERSEDED)
    assert f"somebody pointed champion at version {third}" in at.story.newest().outcome
    assert at.registry.alias(at.model, "champion") == third
    at.story.close()
