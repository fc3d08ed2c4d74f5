"""Every request that an adapter can send to a workspace: one table.

Each row sends its request through the adapter that a loop would use, after others that it needs first. What a door
makes of the request's failure is what the table of errors says (`daemon/adapters/databricks/errors.py`), unless the
row says otherwise and why.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from io import BytesIO
from pathlib import Path
from typing import Any, NoReturn

import pyarrow as pa

from daemon.adapters.databricks import (
    DatabricksClient,
    DatabricksJobs,
    DatabricksRuns,
    DatabricksServing,
    UnityRegistry,
    WorkspaceRegistry,
)
from daemon.adapters.databricks.catalog import UnityCatalog
from daemon.adapters.databricks.files import FilesApi
from daemon.adapters.databricks.model_files import UnityFiles, WorkspaceFiles
from daemon.adapters.tables.dialect import Question
from daemon.adapters.warehouse import Statements
from daemon.config.settings import Workspace
from daemon.domain.registry import Stage
from daemon.domain.serving import ServedEntity
from daemon.domain.table_name import TableName, table_name

UC, MLFLOW = "/api/2.1/unity-catalog", "/api/2.0/mlflow"
MODEL, ALIAS, RUN, ID = "main.air.delay", "champion", "abc", "01ef-23ab"
ENDPOINTS, STATEMENTS, VERSIONS = (
    "/api/2.0/serving-endpoints",
    "/api/2.0/sql/statements",
    f"{UC}/models/{MODEL}/versions",
)
STORAGE, ELSEWHERE = "/_results/0/0", "/_results/0/train.parquet"
QUESTION = Question("SELECT 1 AS a", {})


class Reading(Enum):
    """What a door makes of a failed request, where it is not simply told."""

    TOLD = "as the table of errors says"
    ANSWER = "a refusal is an answer: whoever asked wants to know the status"
    TRANSIENT = "whatever it is, asking again may help: links end, and storage has hiccups"
    MAY_COME = "what is missing may come"
    ANEW = "what is gone is there again once it was asked for anew"
    MISSING_IS_NONE = "what is missing is told as such, and is no error"
    NOT_EXPORTED = "not every endpoint, nor every workspace, has it"
    PERMANENT_IS_NONE = "what will never be told is done without"
    ALL_IS_NONE = "it is done without"
    NEVER_ALONE = "another error led here, and is the one that is told"
    ASKS_INSTEAD = "whoever may not do it asks somebody to"
    NEVER_MISSING = "what the registry refused at first is told for good"


@dataclass(frozen=True)
class Doors:
    """Everything that speaks to a workspace, over one client."""

    client: DatabricksClient
    settings: Workspace
    folder: Path

    @property
    def serving(self) -> DatabricksServing:
        return DatabricksServing(self.client)

    @property
    def jobs(self) -> DatabricksJobs:
        return DatabricksJobs(self.client)

    @property
    def catalog(self) -> UnityCatalog:
        return UnityCatalog(self.client)

    @property
    def unity(self) -> UnityRegistry:
        return UnityRegistry(self.client, self.runs, _nowhere)

    @property
    def workspace(self) -> WorkspaceRegistry:
        return WorkspaceRegistry(self.client, self.runs)

    @property
    def runs(self) -> DatabricksRuns:
        return DatabricksRuns(self.client)

    @property
    def statements(self) -> Statements:
        return Statements(self.client, self.settings, pauses=(0.0,))

    def ask(self) -> Any:
        return self.statements.table(QUESTION, what="read main.ml.t")

    @property
    def target(self) -> Path:
        return self.folder / "file"


@dataclass(frozen=True)
class Request:
    """One request: what is sent, what it answers, and how a door comes to send it."""

    method: str
    path: str
    """A regular expression of the whole path, as it is sent."""
    answer: Any
    """What the workspace says where all is well; text goes out as it is."""
    call: Callable[[Doors], object]
    mutates: bool = False
    reading: Reading = Reading.TOLD
    before: Sequence[tuple[str, str, int, Any]] = ()
    """Requests that the call makes as well: method, path, status, answer."""
    ends_well: bool = True
    """False where the call fails whatever this request answers: that is why it is sent."""
    takes_text: bool = False
    """Any content will do: it is a file."""

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"

    def is_for(self, method: str, path: str) -> bool:
        return method == self.method and re.fullmatch(self.path, path) is not None


class _Empty:
    """A cloud without a file."""

    def list_artifacts(self, path: str | None = None) -> list[Any]:
        return []

    def download_artifacts(self, artifact_path: str, dst_path: str) -> str:
        raise FileNotFoundError(artifact_path)


def _nowhere(location: str, credentials: Callable[[], Any]) -> NoReturn:
    raise LookupError(f"no cloud is near {location}")


def _table(text: str) -> TableName:
    found = table_name(text)
    assert found is not None
    return found


def _version(aliases: Sequence[Any] = ()) -> dict[str, Any]:
    return {"version": 3, "created_at": 1_700_000_000_000, "status": "READY", "tags": [], "aliases": list(aliases)}


def _old_version() -> dict[str, Any]:
    return {"name": MODEL, "version": "3", "creation_timestamp": 1_700_000_000_000, "status": "READY"}


def _succeeded(**more: Any) -> dict[str, Any]:
    about = {"total_chunk_count": 0, "total_row_count": 0, "schema": {"columns": [{"name": "a", "type_name": "INT"}]}}
    return {"statement_id": ID, "status": {"state": "SUCCEEDED"}, "manifest": about | more, "result": {}}


def _linked() -> dict[str, Any]:
    link = {"chunk_index": 0, "external_link": f"{{storage}}{STORAGE}?signature=hidden", "http_headers": {}}
    return {"external_links": [link]}


def _arrow() -> str:
    sink = BytesIO()
    table = pa.table({"a": pa.array([], pa.int32())})
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return b64encode(sink.getvalue()).decode()


def _trained_on(uri: str) -> dict[str, Any]:
    given = {
        "tags": [{"key": "mlflow.data.context", "value": "training"}],
        "dataset": {"source": f'{{"uri": "{uri}"}}'},
    }
    return {"run": {"inputs": {"dataset_inputs": [given]}}}


def _running() -> dict[str, Any]:
    return {"statement_id": ID, "status": {"state": "RUNNING"}}


ENDPOINT = {"name": "flights", "state": {"ready": "READY", "config_update": "NOT_UPDATING"}, "config": {}}
SERVED = ServedEntity("delay-3", MODEL, 3, 100)
OLD_MODEL = {"registered_model_databricks": {"name": MODEL, "tags": []}}
SIGNED = {"url": f"{{storage}}{STORAGE}?signature=hidden"}
MODEL_GET = ("GET", f"{UC}/models/{MODEL}", 200, {"name": MODEL})
OLD_GET = ("GET", f"{MLFLOW}/databricks/registered-models/get", 200, OLD_MODEL)
OLD_VERSION = ("GET", f"{MLFLOW}/model-versions/get", 200, {"model_version": _old_version()})
REFUSED = (
    "POST",
    f"{MLFLOW}/databricks/model-versions/transition-stage",
    403,
    {"error_code": "PERMISSION_DENIED", "message": "no"},
)
OPEN = ("GET", f"{MLFLOW}/transition-requests/list", 200, {"requests": [{"to_stage": "Staging"}]})
NONE_OPEN: tuple[str, str, int, Any] = ("GET", f"{MLFLOW}/transition-requests/list", 200, {"requests": []})
NO_FILES: tuple[str, str, int, Any] = ("GET", f"{MLFLOW}/unity-catalog/registered-models:is-.*", 200, {})
CREDENTIALS = f"{MLFLOW}/unity-catalog/model-versions/generate-temporary-credentials"
CLOUD = ("POST", CREDENTIALS, 200, {"credentials": {"storage_mode": "CUSTOMER_HOSTED"}})

REQUESTS = (
    # serving endpoints
    Request("GET", f"{ENDPOINTS}/flights", ENDPOINT, lambda it: it.serving.state("flights")),
    Request("GET", ENDPOINTS, {"endpoints": [ENDPOINT]}, lambda it: it.serving.serving_anywhere(MODEL)),
    Request(
        "PUT", f"{ENDPOINTS}/flights/config", ENDPOINT, lambda it: it.serving.update("flights", [SERVED]), mutates=True
    ),
    Request(
        "GET",
        f"{ENDPOINTS}/flights/metrics",
        "request_count_total 5\n",
        lambda it: it.serving.metrics("flights"),
        reading=Reading.NOT_EXPORTED,
    ),
    Request(
        "POST",
        "/serving-endpoints/flights/served-models/delay-3/invocations",
        {"predictions": [1]},
        lambda it: it.serving.query("flights", "delay-3", {"dataframe_records": [{}]}),
        mutates=True,
        reading=Reading.ANSWER,
    ),
    # jobs
    Request(
        "GET",
        "/api/2.2/jobs/get",
        {"settings": {}},
        lambda it: it.jobs.start(7, {}, token="t"),
        reading=Reading.PERMANENT_IS_NONE,
        before=[("POST", "/api/2.2/jobs/run-now", 200, {"run_id": 5})],
    ),
    Request(
        "POST",
        "/api/2.2/jobs/run-now",
        {"run_id": 5},
        lambda it: it.jobs.start(7, {}, token="t"),
        mutates=True,
        before=[("GET", "/api/2.2/jobs/get", 200, {"settings": {}})],
    ),
    Request("GET", "/api/2.2/jobs/runs/get", {"status": {"state": "RUNNING"}}, lambda it: it.jobs.run(5)),
    # tables
    Request(
        "GET",
        f"{UC}/tables/main.ml.t",
        {"table_id": "1", "columns": []},
        lambda it: it.catalog.table(_table("main.ml.t")),
        reading=Reading.MAY_COME,
    ),
    Request(
        "POST",
        "/api/2.0/unity-catalog/temporary-table-credentials",
        {"expiration_time": 1_700_000_000_000},
        lambda it: it.catalog.lend("1", name=_table("main.ml.t")),
    ),
    Request(
        "GET",
        f"{UC}/metastore_summary",
        {"region": "eu-west-1"},
        lambda it: it.catalog.region(),
        reading=Reading.ALL_IS_NONE,
    ),
    # a warehouse
    Request("POST", STATEMENTS, _succeeded(), lambda it: it.ask()),
    Request(
        "GET", f"{STATEMENTS}/{ID}", _succeeded(), lambda it: it.ask(), before=[("POST", STATEMENTS, 200, _running())]
    ),
    Request(
        "GET",
        f"{STATEMENTS}/{ID}/result/chunks/0",
        {"chunk_index": 0, "attachment": _arrow()},
        lambda it: it.ask(),
        reading=Reading.ANEW,
        before=[
            ("POST", STATEMENTS, 200, _succeeded(total_chunk_count=1) | {"result": {"external_links": [{}]}}),
            ("POST", f"{STATEMENTS}/{ID}/cancel", 200, {}),
        ],
    ),
    Request(
        "POST",
        f"{STATEMENTS}/{ID}/cancel",
        {},
        lambda it: it.ask(),
        reading=Reading.NEVER_ALONE,
        ends_well=False,
        before=[("POST", STATEMENTS, 200, _succeeded(truncated=True))],
    ),
    Request(
        "GET",
        "/api/2.0/sql/warehouses/w1",
        {"state": "STARTING"},
        lambda it: it.ask(),
        reading=Reading.NEVER_ALONE,
        ends_well=False,
        before=[
            ("POST", STATEMENTS, 200, _running()),
            ("GET", f"{STATEMENTS}/{ID}", 200, _running()),
            ("POST", f"{STATEMENTS}/{ID}/cancel", 200, {}),
        ],
    ),
    Request(
        "GET",
        STORAGE,
        "no Arrow",
        lambda it: it.ask(),
        reading=Reading.TRANSIENT,
        ends_well=False,
        before=[
            ("POST", STATEMENTS, 200, _succeeded(total_chunk_count=1) | {"result": _linked()}),
            ("GET", f"{STATEMENTS}/{ID}/result/chunks/0", 200, _linked()),
            ("POST", f"{STATEMENTS}/{ID}/cancel", 200, {}),
        ],
    ),
    # models in Unity Catalog
    Request("GET", f"{VERSIONS}/3", _version(), lambda it: it.unity.version(MODEL, 3)),
    Request("GET", VERSIONS, {"model_versions": [_version()]}, lambda it: it.unity.versions(MODEL), before=[MODEL_GET]),
    Request(
        "GET",
        f"{UC}/models/{MODEL}",
        {"name": MODEL},
        lambda it: it.unity.versions(MODEL),
        before=[("GET", VERSIONS, 200, {})],
    ),
    Request(
        "GET",
        f"{UC}/models/{MODEL}/aliases/{ALIAS}",
        {"version": 3},
        lambda it: it.unity.alias(MODEL, ALIAS),
        reading=Reading.MISSING_IS_NONE,
        before=[MODEL_GET],
    ),
    Request(
        "PUT",
        f"{UC}/models/{MODEL}/aliases/{ALIAS}",
        {"version_num": 3},
        lambda it: it.unity.set_alias(MODEL, ALIAS, 3),
        mutates=True,
    ),
    Request(
        "POST",
        f"{MLFLOW}/unity-catalog/model-versions/set-tag",
        {},
        lambda it: it.unity.set_tag(MODEL, 3, "mlsteward.stale", "yes"),
        mutates=True,
    ),
    Request(
        "GET",
        f"{MLFLOW}/unity-catalog/registered-models/get",
        {"registered_model": {"name": MODEL}},
        lambda it: it.unity.deployment_job(MODEL, 3),
        before=[("GET", f"{MLFLOW}/unity-catalog/model-versions/get", 200, {"model_version": {}})],
    ),
    Request(
        "GET",
        f"{MLFLOW}/unity-catalog/model-versions/get",
        {"model_version": {}},
        lambda it: it.unity.deployment_job(MODEL, 3),
        before=[("GET", f"{MLFLOW}/unity-catalog/registered-models/get", 200, {"registered_model": {}})],
    ),
    Request(
        "GET",
        f"{MLFLOW}/unity-catalog/registered-models:is-databricks-sdk-models-artifact-repository-enabled",
        {"is_databricks_sdk_models_artifact_repository_enabled": True},
        lambda it: UnityFiles(it.client, _nowhere).of(MODEL, 3),
        reading=Reading.ALL_IS_NONE,
        before=[CLOUD],
    ),
    Request(
        "POST",
        CREDENTIALS,
        {"credentials": {"storage_mode": "DEFAULT_STORAGE"}},
        lambda it: UnityFiles(it.client, _nowhere).of(MODEL, 3),
        before=[NO_FILES],
    ),
    Request(
        "GET",
        f"{MLFLOW}/unity-catalog/model-versions/get-download-uri",
        {"artifact_uri": "s3://bucket/a"},
        lambda it: UnityFiles(it.client, lambda _, __: _Empty()).of(MODEL, 3).listed(),
        before=[NO_FILES, CLOUD],
    ),
    # files
    Request(
        "GET",
        "/api/2.0/fs/directories/Models/a",
        {"contents": []},
        lambda it: FilesApi(it.client, "/Models/a").listed(),
    ),
    Request(
        "GET",
        "/api/2.0/fs/files/Models/a/b",
        "content",
        lambda it: FilesApi(it.client, "/Models/a").fetch("b", it.target),
        takes_text=True,
    ),
    Request(
        "POST",
        "/api/2.0/fs/create-download-url",
        SIGNED,
        lambda it: FilesApi(it.client, "/Models/a", signed=True).fetch("b", it.target),
        before=[("GET", STORAGE, 200, "content")],
    ),
    Request(
        "GET",
        STORAGE,
        "content",
        lambda it: FilesApi(it.client, "/Models/a", signed=True).fetch("b", it.target),
        reading=Reading.TRANSIENT,
        before=[("POST", "/api/2.0/fs/create-download-url", 200, SIGNED)],
        takes_text=True,
    ),
    # runs
    Request("GET", f"{MLFLOW}/runs/get", {"run": {}}, lambda it: it.runs.metrics(RUN)),
    Request("GET", f"{MLFLOW}/runs/get", {"run": {}}, lambda it: it.runs.training_data(RUN, it.folder)),
    Request(
        "POST",
        f"{MLFLOW}/artifacts/credentials-for-read",
        {"credential_infos": [{"signed_uri": f"{{storage}}{STORAGE}"}]},
        lambda it: it.runs.training_data(RUN, it.folder),
        before=[
            ("GET", f"{MLFLOW}/runs/get", 200, _trained_on(f"runs:/{RUN}/train.parquet")),
            ("GET", STORAGE, 200, "content"),
        ],
    ),
    Request(
        "GET",
        ELSEWHERE,
        "content",
        lambda it: it.runs.training_data(RUN, it.folder),
        reading=Reading.TRANSIENT,
        before=[("GET", f"{MLFLOW}/runs/get", 200, _trained_on(f"{{storage}}{ELSEWHERE}"))],
        takes_text=True,
    ),
    # the workspace's own registry
    Request(
        "GET", f"{MLFLOW}/databricks/registered-models/get", OLD_MODEL, lambda it: it.workspace.alias(MODEL, ALIAS)
    ),
    Request(
        "POST",
        f"{MLFLOW}/registered-models/set-tag",
        {},
        lambda it: it.workspace.set_alias(MODEL, ALIAS, 3),
        mutates=True,
        before=[OLD_VERSION],
    ),
    Request(
        "POST",
        f"{MLFLOW}/databricks/model-versions/transition-stage",
        {},
        lambda it: it.workspace.set_stage(MODEL, 3, Stage.STAGING),
        mutates=True,
        reading=Reading.ASKS_INSTEAD,
        before=[OPEN],
    ),
    Request(
        "GET",
        f"{MLFLOW}/transition-requests/list",
        {"requests": [{"to_stage": "Staging"}]},
        lambda it: it.workspace.set_stage(MODEL, 3, Stage.STAGING),
        reading=Reading.NEVER_MISSING,
        ends_well=False,
        before=[REFUSED],
    ),
    Request(
        "POST",
        f"{MLFLOW}/transition-requests/create",
        {},
        lambda it: it.workspace.set_stage(MODEL, 3, Stage.STAGING),
        mutates=True,
        reading=Reading.NEVER_MISSING,
        ends_well=False,
        before=[REFUSED, NONE_OPEN],
    ),
    Request(
        "GET",
        f"{MLFLOW}/model-versions/get",
        {"model_version": _old_version()},
        lambda it: it.workspace.version(MODEL, 3),
        before=[OLD_GET],
    ),
    Request(
        "GET",
        f"{MLFLOW}/model-versions/search",
        {"model_versions": [_old_version()]},
        lambda it: it.workspace.versions(MODEL),
        before=[OLD_GET],
    ),
    Request(
        "POST",
        f"{MLFLOW}/model-versions/set-tag",
        {},
        lambda it: it.workspace.set_tag(MODEL, 3, "mlsteward.stale", "yes"),
        mutates=True,
    ),
    Request(
        "GET",
        f"{MLFLOW}/model-versions/list-artifacts",
        {"files": []},
        lambda it: WorkspaceFiles(it.client, MODEL, 3).listed(),
    ),
    Request(
        "GET",
        f"{MLFLOW}/model-versions/get-signed-download-uri",
        {"signed_uri": f"{{storage}}{STORAGE}"},
        lambda it: WorkspaceFiles(it.client, MODEL, 3).fetch("b", it.target),
        before=[("GET", STORAGE, 200, "content")],
    ),
)
