"""The MLflow client, imported at the first call, and told to be patient for seconds where it would be for minutes."""

import os
import threading
from typing import TYPE_CHECKING

from daemon.config.settings import Mlflow

if TYPE_CHECKING:
    from mlflow.store.artifact.artifact_repo import ArtifactRepository
    from mlflow.tracking.client import MlflowClient

ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_DISABLE_AGENT_HINT": "true",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_ALLOW_MODEL_CODE_EXECUTION": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
}
"""MLflow reads some of these while it is imported. Whoever set one by hand is heard."""


class Client:
    def __init__(self, settings: Mlflow) -> None:
        self.tracking_uri = settings.tracking_uri
        self.registry_uri = settings.registry_uri or settings.tracking_uri
        self._lock = threading.Lock()
        self._api: MlflowClient | None = None

    @property
    def api(self) -> "MlflowClient":
        with self._lock:
            if self._api is None:
                self._api = _build(self.tracking_uri, self.registry_uri)
            return self._api

    def repository(self, uri: str) -> "ArtifactRepository":
        """Return the door to the artifacts below an address (`mlflow-artifacts:/...`, `s3://...`, a path)."""
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        return get_artifact_repository(uri, tracking_uri=self.tracking_uri, registry_uri=self.registry_uri)

    def place(self, uri: str) -> str:
        """Follow MLflow's own addresses (`models:/...`, `runs:/...`) to the place that they stand for."""
        scheme, _, rest = uri.partition(":/")
        first, _, path = rest.strip("/").partition("/")
        if scheme == "runs":
            root = self.api.get_run(first).info.artifact_uri
        elif scheme == "models" and path.isdecimal():
            return self.place(self.api.get_model_version_download_uri(first, path))
        elif scheme == "models":
            root = self.api.get_logged_model(first).artifact_location
        else:
            return uri
        return f"{root.rstrip('/')}/{path}" if path else str(root)


def _build(tracking_uri: str, registry_uri: str) -> "MlflowClient":
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    from mlflow.tracking.client import MlflowClient

    return MlflowClient(tracking_uri=tracking_uri, registry_uri=registry_uri)
