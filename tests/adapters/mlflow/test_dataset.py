import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from daemon.adapters.mlflow import MlflowRegistry
from daemon.config.mlflow import Mlflow
from daemon.ports import PlatformError
from tests.adapters.local_server import Answer, LocalServer

RUN = "f" * 32
RUNS = "/api/2.0/mlflow/runs/get"


@pytest.fixture
def registry(server: LocalServer) -> MlflowRegistry:
    return MlflowRegistry(Mlflow(tracking_uri=server.url))


def run(*datasets: tuple[str, dict[str, Any]]) -> Answer:
    """Return a run with datasets, each a context and a source, as the MLflow server shows it."""
    inputs = [
        {
            "tags": [{"key": "mlflow.data.context", "value": context}],
            "dataset": {"name": "d", "digest": "1", "source_type": "any", "source": json.dumps(source)},
        }
        for context, source in datasets
    ]
    info = {"run_id": RUN, "experiment_id": "0", "status": "FINISHED", "artifact_uri": "mlflow-artifacts:/0/run"}
    return Answer({"run": {"info": info, "data": {}, "inputs": {"dataset_inputs": inputs}}})


def test_a_file_at_an_url_is_fetched(server: LocalServer, registry: MlflowRegistry, tmp_path: Path) -> None:
    server.on("GET", RUNS, run(("training", {"url": f"{server.url}/data/tr%20ain.CSV?v=1"})))
    server.on("GET", "/data/tr%20ain.CSV", Answer(b"a,b\n1,2\n"))
    file = registry.training_data(RUN, tmp_path / "new" / "folder")
    assert file == tmp_path / "new" / "folder" / "tr ain.CSV"
    assert file.read_bytes() == b"a,b\n1,2\n"


def test_a_file_that_travels_compressed_arrives_as_it_is(
    server: LocalServer, registry: MlflowRegistry, tmp_path: Path
) -> None:
    server.on("GET", RUNS, run(("training", {"url": f"{server.url}/train.csv"})))
    server.on("GET", "/train.csv", Answer(gzip.compress(b"a,b\n"), headers={"Content-Encoding": "gzip"}))
    file = registry.training_data(RUN, tmp_path)
    assert file is not None
    assert file.read_bytes() == b"a,b\n"


@pytest.mark.parametrize("host", ["{url}", "http://127.0.0.1:9"])
def test_the_signature_of_an_address_is_told_nobody(
    server: LocalServer, registry: MlflowRegistry, tmp_path: Path, host: str
) -> None:
    source = {"url": f"{host.format(url=server.url)}/train.csv?X-Amz-Signature=s3cr3t"}
    server.on("GET", RUNS, run(("training", source)))
    server.on("GET", "/train.csv", Answer({}, 403))
    with pytest.raises(PlatformError, match=r"train\.csv") as caught:
        registry.training_data(RUN, tmp_path)
    assert "s3cr3t" not in str(caught.value)
    assert not caught.value.permanent
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_file_on_this_machine_is_copied(
    server: LocalServer, registry: MlflowRegistry, tmp_path: Path, scheme: str
) -> None:
    source = tmp_path / "train.parquet"
    source.write_bytes(b"PAR1")
    server.on("GET", RUNS, run(("training", {"uri": f"{scheme}{source}"})))
    (tmp_path / "out").mkdir()
    file = registry.training_data(RUN, tmp_path / "out")
    assert file == tmp_path / "out" / "train.parquet"
    assert file.read_bytes() == source.read_bytes() == b"PAR1"


@pytest.mark.parametrize(
    "source",
    [
        "mlflow-artifacts:/0/run/artifacts/data/train.parquet",
        "{url}/api/2.0/mlflow-artifacts/artifacts/0/run/artifacts/data/train.parquet",
    ],
)
def test_a_file_on_the_mlflow_server_is_fetched_by_the_clients_own_way_in(
    server: LocalServer, registry: MlflowRegistry, tmp_path: Path, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "let-me-in")
    path = "/api/2.0/mlflow-artifacts/artifacts/0/run/artifacts/data/train.parquet"
    server.on("GET", RUNS, run(("training", {"url": source.format(url=server.url)})))
    server.on("GET", "/api/2.0/mlflow-artifacts/artifacts", Answer({"files": []}))
    server.on("GET", path, Answer(b"PAR1"))
    file = registry.training_data(RUN, tmp_path)
    assert file == tmp_path / "train.parquet"
    assert file.read_bytes() == b"PAR1"
    assert server.to(path)[0].headers["authorization"] == "Bearer let-me-in"


@pytest.mark.parametrize(
    "datasets",
    [
        (),
        (("eval", {"url": "http://127.0.0.1:9/x.csv"}),),
        (("training", {"path": "dbfs:/delta/flights"}),),
        (("training", {"delta_table_name": "prod.air.flights", "delta_table_version": 3}),),
        (("training", {"tags": {"mlflow.source.name": "train.py"}}),),
        (("training", {"uri": "s3://bucket/folder"}),),
        (("training", {"uri": "s3://bucket/model.pkl"}),),
    ],
)
def test_what_is_no_training_file_is_none(
    server: LocalServer, registry: MlflowRegistry, tmp_path: Path, datasets: tuple[tuple[str, dict[str, Any]], ...]
) -> None:
    server.on("GET", RUNS, run(*datasets))
    assert registry.training_data(RUN, tmp_path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_delta_table_is_named_in_the_log(
    server: LocalServer, registry: MlflowRegistry, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.on("GET", RUNS, run(("training", {"delta_table_name": "prod.air.flights"})))
    registry.training_data(RUN, tmp_path)
    assert "prod.air.flights" in caplog.text


def test_a_file_that_is_gone_is_missing(server: LocalServer, registry: MlflowRegistry, tmp_path: Path) -> None:
    for gone in (f"{server.url}/gone.csv", str(tmp_path / "gone.csv")):
        server.on("GET", RUNS, run(("training", {"url": gone})))
        with pytest.raises(PlatformError) as caught:
            registry.training_data(RUN, tmp_path / "out")
        assert caught.value.permanent
        assert caught.value.missing


def test_a_store_that_needs_another_package_says_so(
    server: LocalServer, registry: MlflowRegistry, tmp_path: Path
) -> None:
    server.on("GET", RUNS, run(("training", {"uri": "gs://bucket/train.parquet"})))
    with pytest.raises(PlatformError, match="install it beside mlsteward") as caught:
        registry.training_data(RUN, tmp_path)
    assert caught.value.permanent
