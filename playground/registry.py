"""The one MLflow server, as the workspace's registries see it: what is registered, and where its files are.

A model of Unity Catalog has the same name of three levels on the server, so that whoever registers a version through
MLflow finds it here under the name that he gave. Calls block: they belong into threads.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from mlflow import MlflowClient
from mlflow.entities.model_registry import ModelVersion, RegisteredModel
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from playground.errors import ApiError, missing


@dataclass
class Transition:
    """A request to move a version to a stage, which waits for somebody who may."""

    id: str
    model: str
    version: str
    to_stage: str
    comment: str


@dataclass
class Registry:
    """What the server does not keep itself is kept here: transition requests, deployment jobs, who may not do what."""

    uri: str
    transitions: list[Transition] = field(default_factory=list)
    deployment_jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Model -> what Databricks would say of its deployment job."""
    locked: set[str] = field(default_factory=set)
    """Models whose versions the principal may not move to another stage."""
    files_api: bool = True
    """Whether files of versions are handed out by the files API, or by signed addresses."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _transitions_made: int = 0

    def __post_init__(self) -> None:
        self.client = MlflowClient(self.uri)

    def model(self, name: str) -> RegisteredModel:
        with _refusals():
            return self.client.get_registered_model(name)

    def version(self, name: str, version: str) -> ModelVersion:
        with _refusals():
            return self.client.get_model_version(name, version)

    def versions(self, name: str) -> list[ModelVersion]:
        with _refusals():
            return list(self.client.search_model_versions(f"name = '{name}'"))

    def holds(self, name: str) -> bool:
        """Return whether a catalog or a schema has a model in it."""
        with _refusals():
            return any(model.name.startswith(f"{name}.") for model in self.client.search_registered_models())

    def do(self, call: Callable[[MlflowClient], Any]) -> Any:
        """Return what a call makes of the server, or refuse as it refuses."""
        with _refusals():
            return call(self.client)

    def ask(self, model: str, version: str, to_stage: str, comment: str) -> Transition:
        """Keep a request to move a version to a stage."""
        with self._lock:
            self._transitions_made += 1
            made = Transition(str(self._transitions_made), model, version, to_stage, comment)
            self.transitions.append(made)
        return made

    def answered(self, model: str, version: str, to_stage: str) -> Transition:
        """Take away a request that somebody has answered, or refuse where there is none."""
        with self._lock:
            wanted = [t for t in self.transitions if (t.model, t.version, t.to_stage) == (model, version, to_stage)]
            if not wanted:
                raise missing(f"No transition request for version {version} of {model} to {to_stage} exists.")
            self.transitions.remove(wanted[0])
        return wanted[0]

    def listed(self, name: str, version: str, path: str) -> list[dict[str, Any]]:
        """Return what lies in a folder of the version, as MLflow shows it."""
        with _refusals():
            shown = self._repository(name, version).list_artifacts(path or None)
        return [{"path": i.path, "is_dir": i.is_dir, "file_size": i.file_size} for i in shown]

    def content(self, name: str, version: str, path: str) -> bytes:
        """Return one file of the version."""
        with _refusals(), TemporaryDirectory() as folder:
            return Path(self._repository(name, version).download_artifacts(path, folder)).read_bytes()

    def address(self, name: str, version: str, path: str) -> str:
        """Return where the MLflow server gives the file to whoever asks, as a signed address would."""
        with _refusals():
            return self._served(f"{self._place(f'models:/{name}/{version}')}/{path}")

    def run_address(self, run_id: str, path: str) -> str:
        """Return the same for an artifact of a run."""
        with _refusals():
            return self._served(f"{self.client.get_run(run_id).info.artifact_uri}/{path}")

    def _served(self, place: str) -> str:
        return f"{self.uri}/api/2.0/mlflow-artifacts/artifacts/{place.removeprefix('mlflow-artifacts:/').lstrip('/')}"

    def _repository(self, name: str, version: str) -> Any:
        return get_artifact_repository(self._place(f"models:/{name}/{version}"), tracking_uri=self.uri)

    def _place(self, uri: str) -> str:
        """Follow MLflow's addresses to where the files are."""
        scheme, _, rest = uri.partition(":/")
        first, _, path = rest.strip("/").partition("/")
        if scheme == "runs":
            root = self.client.get_run(first).info.artifact_uri
        elif scheme == "models" and path.isdecimal():
            return self._place(self.client.get_model_version_download_uri(first, path))
        elif scheme == "models":
            root = self.client.get_logged_model(first).artifact_location
        else:
            return uri
        return f"{root.rstrip('/')}/{path}" if path else str(root)


@contextmanager
def _refusals() -> Iterator[None]:
    """Let the server's refusals out as the workspace's own."""
    try:
        yield
    except MlflowException as error:
        refusal: Any = error
        raise ApiError(int(refusal.get_http_status_code()), str(error.error_code), str(error.message)) from None
