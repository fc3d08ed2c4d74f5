"""The training dataset of a run, as a Parquet or CSV file in a folder."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import url2pathname

from daemon.adapters.dataset import Given, fetch_url, file_name, trained_on
from daemon.adapters.mlflow.client import Client

if TYPE_CHECKING:
    from mlflow.entities import Run

SERVED_ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts/"


def fetch_training_data(client: Client, run_id: str, folder: Path) -> Path | None:
    """Bring the dataset into the folder; None where none was logged, or none that is a file (a Delta table is not)."""
    source = trained_on(_given(client.api.get_run(run_id)))
    name = file_name(source, run_id)
    if source is None or name is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    return _fetch(client, source, folder / name)


def _given(run: "Run") -> Iterator[Given]:
    for given in run.inputs.dataset_inputs if run.inputs else ():
        yield {tag.key: tag.value for tag in given.tags}, given.dataset.source


def _fetch(client: Client, source: str, target: Path) -> Path:
    scheme = urlsplit(source).scheme
    served = f"{client.tracking_uri}{SERVED_ARTIFACTS}"
    if source.startswith(served):
        # By the client's own way in, because the server may ask who is there.
        source = f"mlflow-artifacts:/{source.removeprefix(served)}"
    elif scheme in ("http", "https"):
        return fetch_url(source, target)
    elif scheme in ("", "file"):
        path = url2pathname(urlsplit(source).path) if scheme else source
        return Path(shutil.copy(path, target))
    parent, _, name = source.rpartition("/")
    return Path(client.repository(client.place(parent)).download_artifacts(name, str(target.parent)))
