"""The contract of the port Registry."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag

from daemon.adapters.databricks import DatabricksClient, DatabricksRuns, UnityRegistry, WorkspaceRegistry
from daemon.adapters.mlflow import MlflowRegistry, vended_files
from daemon.config.mlflow import Mlflow
from daemon.domain.registry import Stage
from daemon.domain.schema import Column, Kind, Role, Signature
from daemon.ports import PlatformError, Registry
from playground.process import Playground
from tests.fakes import FakeRegistry

METRICS = {"auc": 0.71, "champion_auc": 0.69}
EXAMPLE = {"dataframe_split": {"columns": ["distance", "carrier"], "data": [[733.0, "UA"], [200.0, "AA"]]}}
SIGNATURE = Signature(
    (Column("distance", Kind.NUMERIC), Column("carrier", Kind.CATEGORICAL, required=False)),
    (Column("prediction", Kind.NUMERIC, Role.PREDICTION),),
)
MLMODEL = """\
flavors: {}
saved_input_example_info:
  artifact_path: input_example.json
  pandas_orient: split
  serving_input_path: serving_input_example.json
  type: dataframe
signature:
  inputs: '[{"type": "double", "name": "distance", "required": true},
    {"type": "string", "name": "carrier", "required": false}]'
  outputs: '[{"type": "double", "required": true}]'
  params: null
"""
BARE = {"MLmodel": b"flavors: {}\n", "data/weights.bin": bytes(range(256)), "data/empty": b""}
DESCRIBED = BARE | {"MLmodel": MLMODEL.encode(), "serving_input_example.json": json.dumps(EXAMPLE).encode()}
_numbers = count(1)


@dataclass(frozen=True)
class World:
    registry: Registry
    add: Callable[[str, bool], int]
    """Register a model's next version from a run with METRICS; if described, with SIGNATURE, EXAMPLE and a dataset."""
    prefix: str = ""
    has_stages: bool = True
    keeps_artifacts: bool = False
    """Files go only with their version, and never come back to it."""

    def new(self, versions: int = 1, *, described: bool = False) -> str:
        """Register a new model with some versions, and return its name."""
        model = f"{self.prefix}contract-registry_{next(_numbers)}"
        assert [self.add(model, described) for _ in range(versions)] == list(range(1, versions + 1))
        return model

    def run_id(self, model: str) -> str:
        run_id = self.registry.version(model, 1).run_id
        assert run_id is not None
        return run_id


@pytest.fixture(params=["fake", "mlflow", "unity", "workspace"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    """All but the fake are the same MLflow server, reached by three ways."""
    if request.param == "fake":
        return _fake(tmp_path)
    playground: Playground = request.getfixturevalue("playground")
    uri = playground.address.mlflow
    add = _adds(uri, tmp_path)
    if request.param == "mlflow":
        return World(MlflowRegistry(Mlflow(tracking_uri=uri)), add)
    client: DatabricksClient = request.getfixturevalue("client")
    runs = DatabricksRuns(client)
    if request.param == "unity":
        unity = UnityRegistry(client, runs, vended_files)
        return World(unity, add, "main.contracts.", has_stages=False, keeps_artifacts=True)
    return World(WorkspaceRegistry(client, runs), add, keeps_artifacts=True)


def test_a_version_tells_what_it_is(world: World) -> None:
    model = world.new()
    version = world.registry.version(model, 1)
    assert (version.model, version.version, version.ready, version.aliases) == (model, 1, True, ())
    assert dict(version.tags) == {}
    assert version.run_id
    assert version.created_at.utcoffset() == timedelta(0)
    assert version.created_at > datetime(2020, 1, 1, tzinfo=UTC)


def test_what_is_not_there_is_missing_for_good(world: World, tmp_path: Path) -> None:
    model, folder = world.new(), tmp_path / "out"
    folder.mkdir()
    it = world.registry
    calls: list[Callable[[], Any]] = [
        lambda: it.version(model, 9),
        lambda: it.versions("nobody"),
        lambda: it.alias("nobody", "champion"),
        lambda: it.set_alias(model, "champion", 9),
        lambda: it.set_tag(model, 9, "key", "value"),
        *([lambda: it.set_stage(model, 9, Stage.STAGING)] if world.has_stages else []),
        lambda: it.signature(model, 9),
        lambda: it.input_example(model, 9),
        lambda: it.metrics("0" * 32),
        lambda: it.training_data("0" * 32, folder),
        lambda: it.download(model, 9, folder),
        lambda: it.upload(model, 9, folder),
        lambda: it.remove_artifacts(model, 9),
    ]
    for call in calls:
        with pytest.raises(PlatformError) as caught:
            call()
        assert caught.value.permanent
        assert caught.value.missing
    assert it.alias(model, "champion") is None


def test_versions_come_oldest_first_with_their_aliases(world: World) -> None:
    model = world.new(versions=3)
    world.registry.set_alias(model, "champion", 2)
    world.registry.set_alias(model, "previous", 1)
    world.registry.set_alias(model, "kept", 2)
    found = [(v.version, v.aliases) for v in world.registry.versions(model)]
    assert found == [(1, ("previous",)), (2, ("champion", "kept")), (3, ())]
    assert world.registry.version(model, 2).aliases == ("champion", "kept")


def test_an_alias_moves_to_the_version_it_is_set_to(world: World) -> None:
    model = world.new(versions=2)
    world.registry.set_alias(model, "champion", 1)
    assert world.registry.alias(model, "champion") == 1
    world.registry.set_alias(model, "champion", 2)
    world.registry.set_alias(model, "champion", 2)
    assert world.registry.alias(model, "champion") == 2
    assert world.registry.version(model, 1).aliases == ()


def test_a_tag_is_kept_and_replaced(world: World) -> None:
    model = world.new()
    world.registry.set_tag(model, 1, "mlsteward.stale", "2026-11-23")
    world.registry.set_tag(model, 1, "mlsteward.stale", "")
    world.registry.set_tag(model, 1, "owner", "ops")
    assert dict(world.registry.version(model, 1).tags) == {"mlsteward.stale": "", "owner": "ops"}
    assert dict(world.registry.versions(model)[0].tags) == {"mlsteward.stale": "", "owner": "ops"}


def test_a_version_is_moved_from_stage_to_stage_and_nobody_else_with_it(world: World) -> None:
    model = world.new(versions=2)
    assert [v.stage for v in world.registry.versions(model)] == [Stage.NONE, Stage.NONE]
    if not world.has_stages:
        _refuses(lambda: world.registry.set_stage(model, 1, Stage.PRODUCTION), "has no stages")
        assert world.registry.version(model, 1).stage is Stage.NONE
        return
    world.registry.set_stage(model, 1, Stage.PRODUCTION)
    for stage in (Stage.STAGING, Stage.PRODUCTION, Stage.PRODUCTION):
        world.registry.set_stage(model, 2, stage)
        assert world.registry.version(model, 2).stage is stage
        assert world.registry.version(model, 1).stage is Stage.PRODUCTION
    world.registry.set_stage(model, 1, Stage.ARCHIVED)
    assert [v.stage for v in world.registry.versions(model)] == [Stage.ARCHIVED, Stage.PRODUCTION]
    world.registry.set_stage(model, 1, Stage.NONE)
    assert world.registry.version(model, 1).stage is Stage.NONE


def test_what_was_logged_with_a_version_is_found(world: World, tmp_path: Path) -> None:
    model = world.new(described=True)
    assert world.registry.signature(model, 1) == SIGNATURE
    assert world.registry.input_example(model, 1) == EXAMPLE
    assert dict(world.registry.metrics(world.run_id(model))) == METRICS
    file = world.registry.training_data(world.run_id(model), tmp_path / "data")
    assert file is not None
    assert file.parent == tmp_path / "data"
    assert file.suffix == ".parquet"
    assert pq.read_table(file).column("distance").to_pylist() == [733.0, 200.0]


def test_what_was_not_logged_is_said_to_be_absent(world: World, tmp_path: Path) -> None:
    model = world.new()
    with pytest.raises(PlatformError, match="signature") as caught:
        world.registry.signature(model, 1)
    assert caught.value.permanent
    assert not caught.value.missing
    assert world.registry.input_example(model, 1) is None
    assert world.registry.training_data(world.run_id(model), tmp_path) is None


def test_artifacts_come_back_bit_for_bit_and_leave_the_record_alone(world: World, tmp_path: Path) -> None:
    model, archive, again = world.new(described=True), tmp_path / "archive", tmp_path / "again"
    before = world.registry.version(model, 1)
    world.registry.download(model, 1, archive)
    assert _files(archive) == DESCRIBED
    if world.keeps_artifacts:
        _refuses(lambda: world.registry.remove_artifacts(model, 1), "they go only with the version")
        _refuses(lambda: world.registry.upload(model, 1, archive), "takes none for a version that is there")
        world.registry.download(model, 1, again)
        assert _files(again) == DESCRIBED
        assert world.registry.version(model, 1) == before
        return

    world.registry.remove_artifacts(model, 1)
    world.registry.remove_artifacts(model, 1)
    with pytest.raises(PlatformError) as caught:
        world.registry.download(model, 1, again)
    assert caught.value.permanent
    assert caught.value.missing
    assert world.registry.version(model, 1) == before

    world.registry.upload(model, 1, archive)
    world.registry.upload(model, 1, archive)
    world.registry.download(model, 1, again)
    assert _files(again) == DESCRIBED
    assert world.registry.signature(model, 1) == SIGNATURE


def test_removing_one_version_leaves_the_others(world: World, tmp_path: Path) -> None:
    model = world.new(versions=2)
    if world.keeps_artifacts:
        _refuses(lambda: world.registry.remove_artifacts(model, 1), "they go only with the version")
    else:
        world.registry.remove_artifacts(model, 1)
    world.registry.download(model, 2, tmp_path / "second")
    assert _files(tmp_path / "second") == BARE


def test_a_version_is_loadable_while_it_and_its_files_are_there(world: World) -> None:
    model = world.new(versions=2)
    assert world.registry.loadable(model, 2)
    assert not world.registry.loadable(model, 9)
    if not world.keeps_artifacts:
        world.registry.remove_artifacts(model, 2)
        assert not world.registry.loadable(model, 2)


def test_where_nobody_has_connected_a_deployment_job_there_is_none(world: World) -> None:
    assert world.registry.deployment_job(world.new(), 1) is None


def _refuses(call: Callable[[], object], words: str) -> None:
    """Assert that it is refused for good, by the registry's nature and not by an accident."""
    with pytest.raises(PlatformError, match=words) as caught:
        call()
    assert caught.value.permanent
    assert not caught.value.missing


def _files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def _written(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def _training_file(folder: Path) -> Path:
    path = folder / "training.parquet"
    pq.write_table(pa.table({"distance": [733.0, 200.0], "carrier": ["UA", "AA"]}), path)
    return path


def _fake(folder: Path) -> World:
    registry, training = FakeRegistry(folder / "registry"), _training_file(folder)

    def add(model: str, described: bool) -> int:
        if not described:
            return registry.add(model, metrics=METRICS, files=BARE)
        return registry.add(
            model, metrics=METRICS, files=DESCRIBED, signature=SIGNATURE, example=EXAMPLE, training=training
        )

    return World(registry, add)


def _adds(uri: str, folder: Path) -> Callable[[str, bool], int]:
    client = MlflowClient(uri)
    bare, described = _written(folder / "bare", BARE), _written(folder / "described", DESCRIBED)

    def add(model: str, is_described: bool) -> int:
        run = client.create_run("0").info
        for name, value in METRICS.items():
            client.log_metric(run.run_id, name, value)
        client.log_artifacts(run.run_id, str(described if is_described else bare), "model")
        if is_described:
            client.log_artifact(run.run_id, str(_training_file(folder)), "dataset")
            client.log_inputs(run.run_id, [_dataset(f"{uri}/api/2.0/mlflow-artifacts/artifacts/0/{run.run_id}")])
        if not client.search_registered_models(f"name = '{model}'"):
            client.create_registered_model(model)
        return int(client.create_model_version(model, f"runs:/{run.run_id}/model", run.run_id).version)

    return add


def _dataset(run: str) -> DatasetInput:
    source = json.dumps({"url": f"{run}/artifacts/dataset/training.parquet"})
    return DatasetInput(Dataset("flights", "digest", "http", source), [InputTag("mlflow.data.context", "training")])
