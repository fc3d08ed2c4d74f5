"""The port Registry: versions, aliases and tags, what was logged with them, and their artifacts."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.adapters.mlflow.artifacts import Artifacts
from daemon.adapters.mlflow.client import Client
from daemon.adapters.mlflow.errors import asking
from daemon.adapters.mlflow.runs import MlflowRuns
from daemon.adapters.signature import example_path, read_signature
from daemon.config.mlflow import Mlflow
from daemon.domain.registry import ModelVersion, Stage
from daemon.domain.schema import Signature
from daemon.ports import Fence, PlatformError

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion as Shown

MLMODEL = "MLmodel"
STAGES = frozenset(Stage)


class MlflowRegistry:
    def __init__(self, settings: Mlflow, *, fence: Fence = nullcontext) -> None:
        self._client = Client(settings)
        self._fence = fence
        self._artifacts = Artifacts(self._client)
        self._runs = MlflowRuns(self._client)
        self._mlmodels: dict[tuple[str, int], str] = {}
        """A version never changes, so its description is fetched once."""

    def version(self, model: str, version: int) -> ModelVersion:
        with asking(f"read {model} version {version}"):
            shown = self._client.api.get_model_version(model, str(version))
            return _version(shown, tuple(shown.aliases))

    def versions(self, model: str) -> list[ModelVersion]:
        with asking(f"list the versions of {model}"):
            api = self._client.api
            # A search tells no aliases.
            aliases = {str(alias): int(v) for alias, v in api.get_registered_model(model).aliases.items()}
            found = [_version(shown, _naming(aliases, int(shown.version))) for shown in self._search(model)]
            return sorted(found, key=lambda version: version.version)

    def alias(self, model: str, alias: str) -> int | None:
        with asking(f"read the alias {alias} of {model}"):
            version = self._client.api.get_registered_model(model).aliases.get(alias)
            return None if version is None else int(version)

    def set_alias(self, model: str, alias: str, version: int) -> None:
        with self._changing(f"set the alias {alias} of {model} to version {version}"):
            self._client.api.set_registered_model_alias(model, alias, str(version))

    def set_tag(self, model: str, version: int, key: str, value: str) -> None:
        with self._changing(f"tag {model} version {version}"):
            self._client.api.set_model_version_tag(model, str(version), key, value)

    def set_stage(self, model: str, version: int, stage: Stage) -> None:
        with self._changing(f"move {model} version {version} to the stage {stage}"):
            self._client.api.transition_model_version_stage(model, str(version), stage.value)

    def deployment_job(self, model: str, version: int) -> None:
        """Return None: an MLflow server has no deployment jobs."""

    def signature(self, model: str, version: int) -> Signature:
        with asking(f"read the signature of {model} version {version}"):
            return read_signature(self._mlmodel(model, version))

    def input_example(self, model: str, version: int) -> Mapping[str, object] | None:
        with asking(f"fetch the input example of {model} version {version}"):
            path = example_path(self._mlmodel(model, version))
            text = self._artifacts.text(model, version, path) if path else None
            body = json.loads(text) if text else None
            return body if isinstance(body, dict) else None

    def metrics(self, run_id: str) -> Mapping[str, float]:
        return self._runs.metrics(run_id)

    def training_data(self, run_id: str, folder: Path) -> Path | None:
        return self._runs.training_data(run_id, folder)

    def loadable(self, model: str, version: int) -> bool:
        try:
            with asking(f"look for the artifacts of {model} version {version}"):
                return self._artifacts.present(model, version)
        except PlatformError as error:
            if error.missing:
                return False
            raise

    def download(self, model: str, version: int, folder: Path) -> None:
        with asking(f"download the artifacts of {model} version {version}"):
            self._artifacts.download(model, version, folder)

    def upload(self, model: str, version: int, folder: Path) -> None:
        with self._changing(f"put back the artifacts of {model} version {version}"):
            self._artifacts.upload(model, version, folder)

    def remove_artifacts(self, model: str, version: int) -> None:
        with self._changing(f"remove the artifacts of {model} version {version}"):
            self._artifacts.remove(model, version)

    @contextmanager
    def _changing(self, what: str) -> Iterator[None]:
        """Do what `asking` does, for what changes the registry: not a byte is sent where the fence stands."""
        with asking(what), self._fence():
            yield

    def _search(self, model: str) -> "Iterator[Shown]":
        page = self._client.api.search_model_versions(f"name = '{model}'")
        yield from page
        while page.token:
            page = self._client.api.search_model_versions(f"name = '{model}'", page_token=page.token)
            yield from page

    def _mlmodel(self, model: str, version: int) -> str:
        text = self._mlmodels.get((model, version)) or self._artifacts.text(model, version, MLMODEL)
        if text is None:
            raise PlatformError(f"{model} version {version} has no MLmodel file", permanent=True, missing=True)
        self._mlmodels[model, version] = text
        return text


def _naming(aliases: Mapping[str, int], version: int) -> tuple[str, ...]:
    return tuple(alias for alias, named in aliases.items() if named == version)


def _version(shown: "Shown", aliases: tuple[str, ...]) -> ModelVersion:
    return ModelVersion(
        model=shown.name,
        version=int(shown.version),
        created_at=datetime.fromtimestamp(shown.creation_timestamp / 1000, UTC),
        ready=shown.status == "READY",
        run_id=shown.run_id or None,
        tags=dict(shown.tags),
        aliases=tuple(sorted(aliases)),
        # Unity Catalog shows no stage at all
        stage=Stage(shown.current_stage) if shown.current_stage in STAGES else Stage.NONE,
    )
