"""The dataset that a run was trained on: what MLflow keeps about it, and how a file of it is fetched by its address."""

import json
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

import requests

CONTEXT = "mlflow.data.context"
SUFFIXES = (".parquet", ".pq", ".csv", ".csv.gz")
TIMEOUT_SECONDS = 30.0
CHUNK_BYTES = 1 << 20
log = logging.getLogger(__name__)

Given = tuple[Mapping[str, str], str]
"""One dataset of a run: the tags of how it was used, and its source as JSON."""


def trained_on(inputs: Iterable[Given]) -> str | None:
    """Return the address of the dataset that was logged as context `training`, None where none was."""
    return next((_address(json.loads(source)) for tags, source in inputs if tags.get(CONTEXT) == "training"), None)


def file_name(source: str | None, run_id: str) -> str | None:
    """Return the name of the file at the address, None where it is none that a baseline is read from (it is logged)."""
    if source is None:
        return None
    name = PurePosixPath(unquote(urlsplit(source).path)).name
    if name.lower().endswith(SUFFIXES):
        return name
    log.warning("run %s was trained on %s, which is no Parquet or CSV file", run_id, source.partition("?")[0])
    return None


def fetch_url(
    url: str, target: Path, headers: Mapping[str, str] | None = None, timeout_s: float = TIMEOUT_SECONDS
) -> Path:
    with requests.get(url, headers=dict(headers or {}), stream=True, timeout=timeout_s) as answer:
        answer.raise_for_status()
        with target.open("wb") as file:
            file.writelines(answer.iter_content(CHUNK_BYTES))
    return target


def _address(source: Mapping[str, object]) -> str | None:
    """Return the one thing that the source types do not agree on. A Delta table has its `path`, or a name."""
    found = (source.get(key) for key in ("uri", "url", "path", "delta_table_name"))
    return next((str(address) for address in found if address), None)
