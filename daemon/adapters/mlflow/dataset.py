"""The training dataset of a run, as a Parquet or CSV file in a folder."""

import json
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

import requests

from daemon.adapters.mlflow.client import Client

if TYPE_CHECKING:
    from mlflow.entities import Run

CONTEXT = "mlflow.data.context"
SUFFIXES = (".parquet", ".pq", ".csv", ".csv.gz")
SERVED_ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts/"
TIMEOUT_SECONDS = 30
CHUNK_BYTES = 1 << 20
log = logging.getLogger(__name__)


def fetch_training_data(client: Client, run_id: str, folder: Path) -> Path | None:
    """Bring the dataset into the folder; None where none was logged, or none that is a file (a Delta table is not)."""
    source = _source(client.api.get_run(run_id))
    if source is None:
        return None
    name = PurePosixPath(unquote(urlsplit(source).path)).name
    if not name.lower().endswith(SUFFIXES):
        log.warning("run %s was trained on %s, which is no Parquet or CSV file", run_id, source.partition("?")[0])
        return None
    folder.mkdir(parents=True, exist_ok=True)
    return _fetch(client, source, folder / name)


def _source(run: "Run") -> str | None:
    """Return the address of the run's training dataset."""
    for given in run.inputs.dataset_inputs if run.inputs else ():
        if any(tag.key == CONTEXT and tag.value == "training" for tag in given.tags):
            return _address(json.loads(given.dataset.source))
    return None


def _address(source: Mapping[str, object]) -> str | None:
    """Return the one thing that the source types do not agree on. A Delta table has its `path`, or a name."""
    found = (source.get(key) for key in ("uri", "url", "path", "delta_table_name"))
    return next((str(address) for address in found if address), None)


def _fetch(client: Client, source: str, target: Path) -> Path:
    scheme = urlsplit(source).scheme
    served = f"{client.tracking_uri}{SERVED_ARTIFACTS}"
    if source.startswith(served):
        # By the client's own way in, because the server may ask who is there.
        source = f"mlflow-artifacts:/{source.removeprefix(served)}"
    elif scheme in ("http", "https"):
        return _fetch_url(source, target)
    elif scheme in ("", "file"):
        path = url2pathname(urlsplit(source).path) if scheme else source
        return Path(shutil.copy(path, target))
    parent, _, name = source.rpartition("/")
    return Path(client.repository(client.place(parent)).download_artifacts(name, str(target.parent)))


def _fetch_url(url: str, target: Path) -> Path:
    with requests.get(url, stream=True, timeout=TIMEOUT_SECONDS) as answer:
        answer.raise_for_status()
        with target.open("wb") as file:
            file.writelines(answer.iter_content(CHUNK_BYTES))
    return target
