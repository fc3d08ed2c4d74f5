"""What was logged with a version and with its run, whichever of the workspace's registries the version is in."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

from daemon.adapters.databricks import files
from daemon.adapters.databricks.files import Files
from daemon.adapters.databricks.runs import Runs
from daemon.adapters.signature import UnusableError, example_path, read_signature
from daemon.domain.registry import ModelVersion
from daemon.domain.schema import Signature
from daemon.ports import PlatformError

MLMODEL = "MLmodel"
ANEW = "restore them into a folder, and register that anew"
UNUSABLE = "log the next version with an input example or a signature"


class Logged(ABC):
    """The half of the port Registry that the workspace's two registries share."""

    def __init__(self, runs: Runs, files_of: Callable[[str, int], Files], *, place: str) -> None:
        self._runs, self._files_of, self._place = runs, files_of, place
        self._mlmodels: dict[tuple[str, int], str] = {}
        """A version never changes, so its description is fetched once."""

    @abstractmethod
    def version(self, model: str, version: int) -> ModelVersion: ...

    def signature(self, model: str, version: int) -> Signature:
        try:
            return read_signature(self._mlmodel(model, version))
        except UnusableError as error:
            words = f"could not read the signature of {model} version {version}: {error} ({UNUSABLE})"
            raise PlatformError(words, permanent=True) from None

    def input_example(self, model: str, version: int) -> Mapping[str, object] | None:
        try:
            path = example_path(self._mlmodel(model, version))
            body = files.text(self._files_of(model, version), path) if path else None
            return files.from_json(body) if body else None
        except ValueError as error:
            words = f"could not read the input example of {model} version {version}: {error}"
            raise PlatformError(words, permanent=True) from None

    def metrics(self, run_id: str) -> Mapping[str, float]:
        return self._runs.metrics(run_id)

    def training_data(self, run_id: str, folder: Path) -> Path | None:
        return self._runs.training_data(run_id, folder)

    def download(self, model: str, version: int, folder: Path) -> None:
        if not files.download(self._files_of(model, version), folder):
            raise PlatformError(f"{model} version {version} has no artifacts", permanent=True, missing=True)

    def upload(self, model: str, version: int, folder: Path) -> NoReturn:
        self.version(model, version)
        words = f"could not put back the artifacts of {model} version {version}: {self._place} takes none"
        raise PlatformError(f"{words} for a version that is there ({ANEW})", permanent=True)

    def remove_artifacts(self, model: str, version: int) -> NoReturn:
        self.version(model, version)
        words = f"could not remove the artifacts of {model} version {version}: in {self._place} they go only"
        raise PlatformError(f"{words} with the version itself, for good (set archive.remove to false)", permanent=True)

    def _mlmodel(self, model: str, version: int) -> str:
        text = self._mlmodels.get((model, version)) or files.text(self._files_of(model, version), MLMODEL)
        if text is None:
            raise PlatformError(f"{model} version {version} has no MLmodel file", permanent=True, missing=True)
        self._mlmodels[model, version] = text
        return text
