"""Runs on an MLflow server: their metrics, and the dataset that they were trained on."""

from collections.abc import Mapping
from pathlib import Path

from daemon.adapters.mlflow.client import Client
from daemon.adapters.mlflow.dataset import fetch_training_data
from daemon.adapters.mlflow.errors import asking


class MlflowRuns:
    def __init__(self, client: Client) -> None:
        self._client = client

    def metrics(self, run_id: str) -> Mapping[str, float]:
        with asking(f"read the metrics of run {run_id}"):
            return dict(self._client.api.get_run(run_id).data.metrics)

    def training_data(self, run_id: str, folder: Path) -> Path | None:
        with asking(f"fetch the training data of run {run_id}"):
            return fetch_training_data(self._client, run_id, folder)
