"""What the training job's author is told is what the daemon does, and the example really trains and registers."""

import importlib.util
import re
import uuid
from pathlib import Path
from types import ModuleType
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
import yaml
from mlflow import MlflowClient

from daemon.adapters.databricks import DatabricksClient, DatabricksRuns, UnityRegistry
from daemon.adapters.databricks.jobs import RESULTS, STATES
from daemon.adapters.mlflow import vended_files
from daemon.config.fields import Secret
from daemon.config.settings import Workspace
from daemon.domain.registry import JOB_PARAMETERS
from daemon.domain.remediation import Remedy
from daemon.remediate.retrain import TAG, registered
from playground.process import Playground
from tests.remediate.stories import START, proposal

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "training-job.md").read_text()


@pytest.fixture(scope="module")
def train() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bundle_train", DOCS / "bundle" / "src" / "train.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def job() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((DOCS / "bundle" / "databricks.yml").read_text())
    return dict(found["resources"]["jobs"]["retrain"])


def test_the_page_names_every_parameter_and_no_other() -> None:
    assert tuple(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE)) == JOB_PARAMETERS


def test_the_page_names_every_state_that_the_daemon_knows() -> None:
    assert {word for word in (*STATES, *RESULTS) if f"`{word}`" not in PAGE} == set()


def test_the_bundle_declares_every_parameter_and_hands_it_on(train: ModuleType) -> None:
    retrain = job()
    assert tuple(p["name"] for p in retrain["parameters"]) == JOB_PARAMETERS
    assert {p["default"] for p in retrain["parameters"]} == {""}
    (task,) = retrain["tasks"]
    python = task["spark_python_task"]
    assert (DOCS / "bundle" / python["python_file"]).is_file()
    handed = [f"--{name}={{{{job.parameters.{name}}}}}" for name in JOB_PARAMETERS]
    assert python["parameters"][2:] == handed
    assert train.TOLD == JOB_PARAMETERS
    assert retrain["max_concurrent_runs"] == 1
    assert task["environment_key"] in {e["environment_key"] for e in retrain["environments"]}
    assert {p["level"] for p in retrain["permissions"]} == {"CAN_MANAGE_RUN"}


def rows(n: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    found = pd.DataFrame({"tenure": rng.normal(size=n), "spend": rng.normal(size=n)})
    return found.assign(label=(found["tenure"] + rng.normal(size=n) > 0).astype(int))


def test_the_example_registers_what_the_daemon_asks_for(
    train: ModuleType, playground: Playground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "true")
    uri, token, model = playground.address.mlflow, tmp_path / "token", f"main.docs.churn-{uuid.uuid4().hex[:6]}"
    token.write_text(playground.address.token)
    client = DatabricksClient(Workspace(host=playground.address.host, token=Secret(file=token)))
    registry = UnityRegistry(client, DatabricksRuns(client), vended_files)
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment("docs")
    told = dict.fromkeys(JOB_PARAMETERS, "") | {"model": model}
    assert train.retrain(rows(1_000), "label", told) == 1
    one = proposal(Remedy.RETRAIN, START)
    assert train.retrain(rows(2_000), "label", told | {"champion_version": "1", "remediation": one.id}) == 2

    found = registered(registry.versions(model), one, since=START)
    assert found.version == 2
    version = registry.version(model, 2)
    assert version.tags[TAG] == one.id
    assert MlflowClient(uri).get_model_version(model, "2").tags == {"mlsteward_remediation": one.id}
    metrics = registry.metrics(version.run_id or "")
    assert metrics["evaluation_rows"] == 500
    assert metrics["auc"] == pytest.approx(metrics["champion_auc"], abs=0.05)
    assert [c.name for c in registry.signature(model, 2).inputs] == ["tenure", "spend"]
    assert registry.input_example(model, 2)
    dataset = registry.training_data(version.run_id or "", tmp_path / "data")
    assert dataset is not None
    trained_on = pd.read_parquet(dataset)
    assert (len(trained_on), list(trained_on.columns)) == (1_500, ["tenure", "spend", "label"])


def test_the_example_ends_with_a_reason_where_there_are_too_few_rows(train: ModuleType) -> None:
    with pytest.raises(SystemExit, match="999 labelled rows since ever, 1000 are needed"):
        train.retrain(rows(999), "label", dict.fromkeys(JOB_PARAMETERS, ""))
