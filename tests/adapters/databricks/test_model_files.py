"""Files of versions: by the way that the workspace offers, and never to a place outside of their folder."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from daemon.adapters.databricks import DatabricksClient, DatabricksRuns, UnityRegistry, WorkspaceRegistry
from daemon.config.fields import Secret
from daemon.config.settings import Workspace
from daemon.ports import PlatformError
from tests.adapters.databricks.test_fence import Gate
from tests.adapters.databricks.test_unity import recorded
from tests.adapters.local_server import Answer, LocalServer

NAME, ROOT = "main.ml.churn", "/Models/main/ml/churn/3"
UNITY = "/api/2.0/mlflow/unity-catalog"
ASKED = f"{UNITY}/registered-models:is-databricks-sdk-models-artifact-repository-enabled"
VEND, WHERE = f"{UNITY}/model-versions/generate-temporary-credentials", f"{UNITY}/model-versions/get-download-uri"
DIRECTORIES, FILES = f"/api/2.0/fs/directories{ROOT}", f"/api/2.0/fs/files{ROOT}"
SIGN = "/api/2.0/fs/create-download-url"
MLMODEL = b"""signature: {inputs: '[{"type": "double", "name": "x"}]'}"""
YES = Answer({"is_databricks_sdk_models_artifact_repository_enabled": True})
UNKNOWN = Answer({"error_code": "NOT_IMPLEMENTED", "message": "no such question"}, 501)


def entry(path: str, *, folder: bool = False) -> dict[str, Any]:
    return {"path": f"{ROOT}/{path}", "is_directory": folder, "name": path.rpartition("/")[2]}


class Cloud:
    """A storage that holds one file, and remembers the credentials that it was opened with."""

    def __init__(self) -> None:
        self.opened: list[tuple[str, Mapping[str, Any]]] = []

    def __call__(self, location: str, credentials: Callable[[], Mapping[str, Any]]) -> "Cloud":
        self.opened.append((location, credentials()))
        return self

    def list_artifacts(self, path: str | None = None) -> list[Any]:
        return [] if path else [SimpleNamespace(path="MLmodel", is_dir=False)]

    def download_artifacts(self, artifact_path: str, dst_path: str) -> str:
        target = Path(dst_path) / artifact_path
        target.write_bytes(MLMODEL)
        return str(target)


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def registry(client: DatabricksClient, cloud: Cloud) -> UnityRegistry:
    return UnityRegistry(client, DatabricksRuns(client), cloud)


def offers_files(server: LocalServer) -> None:
    server.on("GET", ASKED, YES)
    server.on(
        "GET",
        DIRECTORIES,
        Answer({"contents": [entry("data", folder=True)], "next_page_token": "more"}),
        Answer({"contents": [entry("MLmodel")]}),
    )
    server.on("GET", f"{DIRECTORIES}/data", Answer({"contents": [entry("data/a b.bin"), entry("data/empty")]}))
    server.on("GET", f"{FILES}/MLmodel", Answer(MLMODEL))
    server.on("GET", f"{FILES}/data/a%20b.bin", Answer(bytes(range(256)) * 9000))
    server.on("GET", f"{FILES}/data/empty", Answer(b""))


def test_by_the_files_api(
    server: LocalServer, registry: UnityRegistry, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    offers_files(server)
    registry.download(NAME, 3, tmp_path / "out")
    assert (tmp_path / "out" / "MLmodel").read_bytes() == MLMODEL
    assert (tmp_path / "out" / "data" / "a b.bin").read_bytes() == bytes(range(256)) * 9000
    assert (tmp_path / "out" / "data" / "empty").read_bytes() == b""
    assert "are read by the files API" in caplog.text
    assert {asked.headers["authorization"] for asked in server.asked[1:]} == {server.asked[1].headers["authorization"]}


def test_the_way_is_asked_for_once(server: LocalServer, registry: UnityRegistry, tmp_path: Path) -> None:
    offers_files(server)
    registry.download(NAME, 3, tmp_path / "one")
    offers_files(server)
    registry.download(NAME, 3, tmp_path / "two")
    assert len(server.to(ASKED)) == 1


def test_by_signed_addresses_which_are_shown_no_credentials(
    server: LocalServer, registry: UnityRegistry, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    server.on("GET", ASKED, Answer({}))
    server.on("POST", VEND, Answer({"credentials": {"storage_mode": "DEFAULT_STORAGE"}}))
    server.on("GET", DIRECTORIES, Answer({"contents": [entry("MLmodel")]}))
    signed = {"url": f"{server.url}/bucket/MLmodel?sig=s3cr3t", "headers": [{"name": "X-Key", "value": "k"}]}
    server.on("POST", SIGN, Answer(signed))
    server.on("GET", "/bucket/MLmodel", Answer(MLMODEL))
    registry.download(NAME, 3, tmp_path)
    assert (tmp_path / "MLmodel").read_bytes() == MLMODEL
    (got,) = server.to("/bucket/MLmodel")
    assert got.headers["x-key"] == "k"
    assert "authorization" not in got.headers
    assert server.to(SIGN)[0].json == {"path": f"{ROOT}/MLmodel"}
    assert "signed addresses" in caplog.text


def test_what_a_storage_signs_stands_in_no_message(
    server: LocalServer, registry: UnityRegistry, tmp_path: Path
) -> None:
    server.on("GET", ASKED, Answer({}))
    server.on("POST", VEND, Answer({"credentials": {"storage_mode": "DEFAULT_STORAGE"}}))
    server.on("GET", DIRECTORIES, Answer({"contents": [entry("MLmodel")]}))
    server.on("POST", SIGN, Answer({"url": f"{server.url}/gone?sig=s3cr3t"}))
    with pytest.raises(PlatformError, match="the storage behind the workspace refuses it") as caught:
        registry.download(NAME, 3, tmp_path)
    assert "s3cr3t" not in str(caught.value)


@pytest.mark.parametrize("question", [Answer({}), UNKNOWN])
def test_by_vended_credentials(
    server: LocalServer,
    registry: UnityRegistry,
    cloud: Cloud,
    tmp_path: Path,
    question: Answer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    server.on("GET", ASKED, question)
    credentials = {"aws_temp_credentials": {"access_key_id": "AKIA"}, "expiration_time": "1"}
    server.on("POST", VEND, Answer({"credentials": credentials}))
    server.on("GET", WHERE, Answer({"artifact_uri": "s3://bucket/models/3"}))
    assert registry.signature(NAME, 3).inputs[0].name == "x"
    assert cloud.opened == [("s3://bucket/models/3", credentials)]
    assert "vended credentials" in caplog.text
    body = {"name": NAME, "version": "3", "operation": "MODEL_VERSION_OPERATION_READ"}
    assert ("POST", VEND, {}, body) in recorded(server)


def test_a_package_that_is_not_installed_is_named(server: LocalServer, client: DatabricksClient) -> None:
    def opened(location: str, credentials: Callable[[], Mapping[str, Any]]) -> Cloud:
        raise ModuleNotFoundError("No module named 'azure'")

    server.on("GET", ASKED, Answer({}))
    server.on("POST", VEND, Answer({"credentials": {}}))
    server.on("GET", WHERE, Answer({"artifact_uri": "abfss://c@a.dfs.core.windows.net/3"}))
    with pytest.raises(PlatformError, match=r"No module named 'azure' .*install that package") as caught:
        UnityRegistry(client, DatabricksRuns(client), opened).signature(NAME, 3)
    assert caught.value.permanent


def test_whatever_a_cloud_raises_leaves_as_ours_and_quotes_nothing(
    server: LocalServer, client: DatabricksClient
) -> None:
    def opened(location: str, credentials: Callable[[], Mapping[str, Any]]) -> Cloud:
        raise RuntimeError("SignatureDoesNotMatch for key AKIA/s3cr3t")

    server.on("GET", ASKED, Answer({}))
    server.on("POST", VEND, Answer({"credentials": {}}))
    server.on("GET", WHERE, Answer({"artifact_uri": "s3://bucket/3"}))
    with pytest.raises(PlatformError) as caught:
        UnityRegistry(client, DatabricksRuns(client), opened).signature(NAME, 3)
    assert not caught.value.permanent
    assert "s3cr3t" not in str(caught.value)


def test_looking_at_files_goes_on_behind_a_fence(server: LocalServer, token: Path, cloud: Cloud) -> None:
    """Credentials and signed addresses are asked for by POST, and change nothing."""
    server.on("GET", ASKED, Answer({}))
    server.on("POST", VEND, Answer({"credentials": {}}))
    server.on("GET", WHERE, Answer({"artifact_uri": "s3://bucket/3"}))
    gate = Gate(0)
    client = DatabricksClient(Workspace(host=server.url, token=Secret(file=token)), fence=gate)
    assert UnityRegistry(client, DatabricksRuns(client), cloud).signature(NAME, 3).inputs[0].name == "x"
    assert gate.asked == 0


@pytest.mark.parametrize("path", ["../evil", "data/../../evil"])
def test_no_file_is_written_outside_of_its_folder(
    server: LocalServer, registry: UnityRegistry, tmp_path: Path, path: str
) -> None:
    server.on("GET", ASKED, YES)
    server.on("GET", DIRECTORIES, Answer({"contents": [entry(path)]}))
    with pytest.raises(PlatformError, match="no place below a folder") as caught:
        registry.download(NAME, 3, tmp_path / "out")
    assert caught.value.permanent
    assert not (tmp_path / "evil").exists()


def test_a_version_without_files_is_missing(server: LocalServer, registry: UnityRegistry, tmp_path: Path) -> None:
    server.on("GET", ASKED, YES)
    server.on("GET", DIRECTORIES, Answer({"contents": []}))
    with pytest.raises(PlatformError, match="has no artifacts") as caught:
        registry.download(NAME, 3, tmp_path)
    assert caught.value.missing
    with pytest.raises(PlatformError, match="no MLmodel file"):
        registry.signature(NAME, 3)


def test_the_older_registry_lists_and_signs_each_file(
    server: LocalServer, client: DatabricksClient, tmp_path: Path
) -> None:
    files, sign = (
        "/api/2.0/mlflow/model-versions/list-artifacts",
        "/api/2.0/mlflow/model-versions/get-signed-download-uri",
    )
    server.on(
        "GET",
        files,
        Answer({"files": [{"path": "MLmodel", "is_dir": False}], "next_page_token": "more"}),
        Answer({"files": [{"path": "data", "is_dir": True}]}),
        Answer({"files": [{"path": "data/x", "is_dir": False, "file_size": 0}]}),
    )
    server.on("GET", sign, Answer({"signed_uri": f"{server.url}/bucket/1"}))
    server.on("GET", "/bucket/1", Answer(MLMODEL))
    WorkspaceRegistry(client, DatabricksRuns(client)).download("churn", 3, tmp_path / "out")
    out = tmp_path / "out"
    assert sorted(str(p.relative_to(out)) for p in out.rglob("*")) == ["MLmodel", "data", "data/x"]
    named = {"name": "churn", "version": "3"}
    assert [query for _, path, query, _ in recorded(server) if path == files] == [
        named,
        {**named, "page_token": "more"},
        {**named, "path": "data"},
    ]
    assert [query for _, path, query, _ in recorded(server) if path == sign] == [
        {**named, "path": "MLmodel"},
        {**named, "path": "data/x"},
    ]
