"""Runs on the workspace's tracking server: metrics, and the data that they were trained on wherever it lies."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from daemon.adapters.databricks import DatabricksClient, DatabricksRuns
from daemon.ports import PlatformError
from tests.adapters.local_server import Answer, LocalServer

RUN = "f" * 32
GET, SIGN = "/api/2.0/mlflow/runs/get", "/api/2.0/mlflow/artifacts/credentials-for-read"


@pytest.fixture
def runs(client: DatabricksClient) -> DatabricksRuns:
    return DatabricksRuns(client)


def run(source: dict[str, Any] | None = None, context: str = "training", **metrics: object) -> Answer:
    shown = [{"key": key, "value": value, "timestamp": "1", "step": "0"} for key, value in metrics.items()]
    dataset = {"name": "d", "digest": "1", "source_type": "any", "source": json.dumps(source)}
    given = [{"tags": [{"key": "mlflow.data.context", "value": context}], "dataset": dataset}] if source else []
    return Answer({"run": {"info": {"run_id": RUN}, "data": {"metrics": shown}, "inputs": {"dataset_inputs": given}}})


def test_metrics_are_read(server: LocalServer, runs: DatabricksRuns) -> None:
    server.on("GET", GET, run(auc=0.7, evaluation_rows="5000", odd="NaN"))
    found = runs.metrics(RUN)
    assert (found["auc"], found["evaluation_rows"]) == (0.7, 5000.0)
    assert found["odd"] != found["odd"]
    assert server.to(GET)[0].path == f"{GET}?run_id={RUN}"


def test_a_run_without_anything_is_read_as_that(server: LocalServer, runs: DatabricksRuns, tmp_path: Path) -> None:
    server.on("GET", GET, Answer({"run": {"info": {}}}))
    assert runs.metrics(RUN) == {}
    assert runs.training_data(RUN, tmp_path) is None


@pytest.mark.parametrize(
    "source",
    [
        {"uri": f"runs:/{RUN}/data/train%20set.parquet"},
        {"uri": f"dbfs:/databricks/mlflow-tracking/77/{RUN}/artifacts/data/train%20set.parquet"},
    ],
)
def test_an_artifact_of_a_run_comes_by_a_signed_address(
    server: LocalServer, runs: DatabricksRuns, tmp_path: Path, source: dict[str, str]
) -> None:
    server.on("GET", GET, run(source))
    server.on("POST", SIGN, Answer({"credential_infos": [{"signed_uri": f"{server.url}/bucket/1", "headers": []}]}))
    server.on("GET", "/bucket/1", Answer(b"PAR1"))
    file = runs.training_data(RUN, tmp_path / "data")
    assert file == tmp_path / "data" / "train set.parquet"
    assert file.read_bytes() == b"PAR1"
    assert server.to(SIGN)[0].json == {"run_id": RUN, "path": ["data/train set.parquet"]}
    assert "authorization" not in server.to("/bucket/1")[0].headers


@pytest.mark.parametrize("prefix", ["", "dbfs:"])
def test_a_file_in_a_volume_comes_by_the_files_api(
    server: LocalServer, runs: DatabricksRuns, tmp_path: Path, prefix: str
) -> None:
    server.on("GET", GET, run({"path": f"{prefix}/Volumes/main/ml/data/train.csv"}))
    server.on("GET", "/api/2.0/fs/files/Volumes/main/ml/data/train.csv", Answer(b"a\n1\n"))
    file = runs.training_data(RUN, tmp_path)
    assert file is not None
    assert file.read_bytes() == b"a\n1\n"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"delta_table_name": "main.ml.flights"}, "no Parquet or CSV file"),
        ({"path": "dbfs:/user/hive/warehouse/flights"}, "no Parquet or CSV file"),
        ({"uri": "s3://bucket/train.parquet"}, "baseline.path"),
        ({"path": "/tmp/train.csv"}, "baseline.path"),
    ],
)
def test_what_cannot_be_read_from_here_is_none_and_says_so(
    server: LocalServer,
    runs: DatabricksRuns,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    source: dict[str, str],
    words: str,
) -> None:
    caplog.set_level(logging.WARNING)
    server.on("GET", GET, run(source))
    assert runs.training_data(RUN, tmp_path) is None
    assert words in caplog.text


def test_a_dataset_of_another_context_is_not_what_it_was_trained_on(
    server: LocalServer, runs: DatabricksRuns, tmp_path: Path
) -> None:
    server.on("GET", GET, run({"uri": "https://x/train.csv"}, context="eval"))
    assert runs.training_data(RUN, tmp_path) is None


def test_a_run_that_is_not_there_is_missing(server: LocalServer, runs: DatabricksRuns) -> None:
    server.on("GET", GET, Answer({"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no run"}, 404))
    with pytest.raises(PlatformError) as caught:
        runs.metrics(RUN)
    assert caught.value.missing
