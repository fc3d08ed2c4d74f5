"""Registered models for the cases: one small model that really loads and answers, registered as often as is wanted."""

import threading
from pathlib import Path
from tempfile import mkdtemp

from mlflow import MlflowClient

PYTHON_MODEL = Path(__file__).parents[1] / "playground" / "versions" / "nothing.py"
METRICS = {"auc": 0.8, "champion_auc": 0.7, "evaluation_rows": 1000.0}


class Versions:
    """Registers versions on one MLflow server. Threads share it."""

    def __init__(self, server: str, folder: Path) -> None:
        self._client = MlflowClient(server)
        self._folder = folder / "model"
        self._lock = threading.Lock()
        self._shared: tuple[str, str] | None = None

    def model(self, name: str) -> None:
        """Create a registered model without versions."""
        self._client.create_registered_model(name)

    def register(self, name: str, *, alone: bool = False) -> int:
        """Register the next version; `alone`: with files that it shares with nobody. Return its number."""
        run_id, source = self._logged() if alone else self._logged_once()
        return int(self._client.create_model_version(name, source, run_id).version)

    def shared(self) -> tuple[str, str]:
        """Return run and source of the files that most versions share, for a training job to register anew."""
        return self._logged_once()

    def alias(self, name: str, alias: str) -> int | None:
        found = self._client.get_registered_model(name).aliases.get(alias)
        return None if found is None else int(found)

    def set_alias(self, name: str, alias: str, version: int) -> None:
        self._client.set_registered_model_alias(name, alias, str(version))

    def tags(self, name: str, version: int) -> dict[str, str]:
        return dict(self._client.get_model_version(name, str(version)).tags)

    def files(self, name: str, version: int) -> list[str]:
        """Return the names of the files at the top of a version's artifacts."""
        run = self._client.get_model_version(name, str(version)).run_id or ""
        return [file.path for file in self._client.list_artifacts(run, "model")]

    def path(self, name: str, version: int) -> str:
        """Return where the server keeps a version's artifacts."""
        return self._client.get_model_version_download_uri(name, str(version)).partition(":/")[2]

    def _logged_once(self) -> tuple[str, str]:
        with self._lock:
            self._shared = self._shared or self._logged()
            return self._shared

    def _logged(self) -> tuple[str, str]:
        if not self._folder.exists():
            _save(self._folder)
        run = self._client.create_run("0")
        for name, value in METRICS.items():
            self._client.log_metric(run.info.run_id, name, value)
        self._client.log_artifacts(run.info.run_id, str(self._folder), "model")
        self._client.set_terminated(run.info.run_id)
        return run.info.run_id, f"{run.info.artifact_uri}/model"


def _save(folder: Path) -> None:
    import mlflow.pyfunc
    import pandas as pd
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    unfinished = Path(mkdtemp(dir=folder.parent)) / "model"
    mlflow.pyfunc.save_model(
        unfinished,
        python_model=str(PYTHON_MODEL),
        pip_requirements=["mlflow"],
        signature=ModelSignature(Schema([ColSpec("double", "x")]), Schema([ColSpec("double", "prediction")])),
        input_example=pd.DataFrame({"x": [1.0, 2.0]}),
    )
    unfinished.rename(folder)
