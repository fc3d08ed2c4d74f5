"""Runs on the workspace's own tracking server: their metrics, and the dataset that they were trained on."""

import logging
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Protocol, TypeVar
from urllib.parse import unquote, urlsplit

from daemon.adapters.databricks.client import DatabricksClient, Json
from daemon.adapters.databricks.files import FilesApi, signed_address
from daemon.adapters.dataset import Given, file_name, trained_on

T = TypeVar("T")
GET, ARTIFACT = "/api/2.0/mlflow/runs/get", "/api/2.0/mlflow/artifacts/credentials-for-read"
OF_A_RUN = re.compile(r"(?:runs:/|dbfs:/databricks/mlflow-tracking/[^/]+/)(?P<run>[^/]+)/(?:artifacts/)?(?P<path>.+)")
OF_A_VOLUME = re.compile(r"(?:dbfs:)?(?P<path>/Volumes/.+)")
log = logging.getLogger(__name__)


class Runs(Protocol):
    def metrics(self, run_id: str) -> Mapping[str, float]: ...

    def training_data(self, run_id: str, folder: Path) -> Path | None: ...


class DatabricksRuns:
    def __init__(self, client: DatabricksClient) -> None:
        self._client = client

    def metrics(self, run_id: str) -> Mapping[str, float]:
        return self._run(run_id, _metrics, what=f"read the metrics of run {run_id}")

    def training_data(self, run_id: str, folder: Path) -> Path | None:
        what = f"fetch the training data of run {run_id}"
        source = self._run(run_id, lambda run: trained_on(_given(run)), what=what)
        name = file_name(source, run_id)
        if source is None or name is None:
            return None
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / name
        if found := OF_A_RUN.fullmatch(source):
            self._fetch_artifact(found["run"], unquote(found["path"]), target, what)
        elif found := OF_A_VOLUME.fullmatch(source):
            volume, _, path = unquote(found["path"]).rpartition("/")
            FilesApi(self._client, volume).fetch(path, target)
        elif urlsplit(source).scheme in ("http", "https"):
            self._client.pull(source, {}, target, what=what)
        else:
            told = "run %s was trained on %s, which cannot be read from here: name the data as baseline.path"
            log.warning(told, run_id, source.partition("?")[0])
            return None
        return target

    def _fetch_artifact(self, run_id: str, path: str, target: Path, what: str) -> None:
        body = {"run_id": run_id, "path": [path]}
        url, headers = self._client.send(
            "POST", ARTIFACT, body, lambda answer: signed_address(answer["credential_infos"][0]), what=what
        )
        self._client.pull(url, headers, target, what=what)

    def _run(self, run_id: str, read: Callable[[Json], T], *, what: str) -> T:
        return self._client.get(GET, lambda answer: read(answer["run"]), what=what, query={"run_id": run_id})


def _metrics(run: Json) -> dict[str, float]:
    shown = (run.get("data") or {}).get("metrics") or []
    return {str(metric["key"]): float(metric["value"]) for metric in shown}


def _given(run: Json) -> Iterator[Given]:
    for given in (run.get("inputs") or {}).get("dataset_inputs") or []:
        yield {str(tag["key"]): str(tag["value"]) for tag in given.get("tags") or []}, given["dataset"]["source"]
