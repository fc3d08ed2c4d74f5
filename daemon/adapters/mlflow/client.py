"""The MLflow client, imported at the first call, and told to leave it to the loops to ask again."""

import os
import threading
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from daemon.config.mlflow import Mlflow
from daemon.ports import PlatformError

if TYPE_CHECKING:
    from mlflow.entities import FileInfo
    from mlflow.tracking.client import MlflowClient

ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_DISABLE_AGENT_HINT": "true",
    "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false",
    "MLFLOW_ALLOW_MODEL_CODE_EXECUTION": "false",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
}
"""MLflow reads some of these while it is imported. Whoever set one by hand is heard.

No retries: MLflow repeats any request, also one that was done and whose reply was lost. An alias that a person moved in
between would be moved back, by nobody who had looked. The loops ask again.
"""


class Repository(Protocol):
    """The files below one address: as much of MLflow's own, which has no types, as is used."""

    def list_artifacts(self, path: str | None = None) -> "Sequence[FileInfo]": ...

    def download_artifacts(self, artifact_path: str, dst_path: str) -> str: ...

    def log_artifacts(self, local_dir: str) -> None: ...

    def delete_artifacts(self) -> None: ...


class Client:
    def __init__(self, settings: Mlflow) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._api: MlflowClient | None = None

    @property
    def tracking_uri(self) -> str:
        uri = self._settings.tracking
        if not uri:
            # Left to itself, MLflow would make a database in the current folder and find it empty.
            raise PlatformError("name the MLflow server: [mlflow] tracking_uri is not set", permanent=True)
        return uri.rstrip("/")

    @property
    def registry_uri(self) -> str:
        return self._settings.registry_uri or self.tracking_uri

    @property
    def api(self) -> "MlflowClient":
        with self._lock:
            if self._api is None:
                self._api = _build(self.tracking_uri, self.registry_uri)
            return self._api

    def repository(self, uri: str) -> Repository:
        """Return the files below an address (`mlflow-artifacts:/...`, `s3://...`, a folder)."""
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


def settle() -> None:
    """Settle what MLflow reads while it is imported: to be called before the first import of it."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def _build(tracking_uri: str, registry_uri: str) -> "MlflowClient":
    settle()
    # stages are deprecated since 2.9, and all that a workspace's registry has: whoever asks for them knows
    warnings.filterwarnings("ignore", message=".*transition_model_version_stage", category=FutureWarning)
    from mlflow.tracking.client import MlflowClient

    return MlflowClient(tracking_uri=tracking_uri, registry_uri=registry_uri)
