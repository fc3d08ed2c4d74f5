"""Registers versions of air-time that somebody tried and never deployed: what housekeeping is for.

`python -m playground.experiments --root DIR --count N` prints them as JSON, with the checksums of their files.
"""

import argparse
import hashlib
import json
import tempfile
from pathlib import Path

import pyarrow.parquet as pq

from playground.cases import AIR_TIME
from playground.environment import settle
from playground.flights import WINTER, training, unseen
from playground.process import Playground

_ROWS = 4_000
_EVALUATION_ROWS = 1_000


Files = dict[str, str]
"""Path -> SHA-256."""


def register(box: Playground, count: int) -> dict[int, Files]:
    """Train and register small versions of air-time, each on flights of its own; return them with their files."""
    from playground.learn import fit
    from playground.publish import publish

    columns = [*AIR_TIME.features, AIR_TIME.target]
    table = pq.read_table(box.address.flights)
    rows = training(table).select(columns).to_pandas()
    evaluation = unseen(table, WINTER).slice(0, _EVALUATION_ROWS).select(columns).to_pandas()
    versions = {}
    for n in range(count):
        version = publish(
            fit(AIR_TIME, rows.iloc[n * _ROWS : (n + 1) * _ROWS], evaluation),
            mlflow_uri=box.address.mlflow,
            parameters={"experiment": str(n + 1)},
            registered_model=AIR_TIME.registered_model,
        )
        versions[version] = files(box.address.mlflow, version)
    return versions


def files(mlflow_uri: str, version: int) -> Files:
    """Return the files of a version as the registry gives them; empty where they are gone."""
    from mlflow.artifacts import download_artifacts
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient

    source = MlflowClient(mlflow_uri).get_model_version_download_uri(AIR_TIME.registered_model, str(version))
    with tempfile.TemporaryDirectory() as folder:
        try:
            fetched = download_artifacts(artifact_uri=source, dst_path=folder, tracking_uri=mlflow_uri)
        except MlflowException:
            return {}
        return checksums(Path(fetched))


def checksums(folder: Path) -> Files:
    """Return the files below a folder."""
    found = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in found}


def main() -> None:
    """Register, and print what was registered."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=Path, required=True, help="the folder of a running playground")
    parser.add_argument("--count", type=int, default=3)
    options = parser.parse_args()
    settle(options.root)
    print(json.dumps(register(Playground.attach(options.root), options.count)))


if __name__ == "__main__":
    main()
