"""A registry whose versions have aliases, tags, metrics, and artifacts in a folder."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from daemon.domain.registry import DeploymentJob, ModelVersion, Stage
from daemon.domain.schema import Signature
from daemon.ports import PlatformError
from tests.fakes.ledger import Fake, Ledger

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
FILES: Mapping[str, bytes] = {"MLmodel": b"flavors: {}\n", "data/weights.bin": bytes(range(256))}


@dataclass
class _Version:
    record: ModelVersion
    signature: Signature | None
    example: Mapping[str, object] | None


@dataclass(frozen=True)
class _Run:
    metrics: Mapping[str, float]
    training: Path | None


class FakeRegistry(Fake):
    def __init__(self, folder: Path, ledger: Ledger | None = None) -> None:
        super().__init__("registry", ledger)
        self.folder = folder
        self._versions: dict[tuple[str, int], _Version] = {}
        self._aliases: dict[tuple[str, str], int] = {}
        self._runs: dict[str, _Run] = {}
        self._newest: dict[str, int] = {}
        self._jobs: dict[str, DeploymentJob] = {}

    def version(self, model: str, version: int) -> ModelVersion:
        self._ask("version")
        return self._record(model, version)

    def versions(self, model: str) -> list[ModelVersion]:
        self._ask("versions")
        self._registered(model)
        return [self._record(m, v) for m, v in sorted(self._versions) if m == model]

    def alias(self, model: str, alias: str) -> int | None:
        self._ask("alias")
        self._registered(model)
        return self._aliases.get((model, alias))

    def set_alias(self, model: str, alias: str, version: int) -> None:
        self._ask("set_alias")
        self._find(model, version)
        self._aliases[model, alias] = version
        self._did("set_alias", f"{model}/{version}", alias=alias)

    def set_tag(self, model: str, version: int, key: str, value: str) -> None:
        self._ask("set_tag")
        found = self._find(model, version)
        found.record = replace(found.record, tags={**found.record.tags, key: value})
        self._did("set_tag", f"{model}/{version}", key=key, value=value)

    def set_stage(self, model: str, version: int, stage: Stage) -> None:
        self._ask("set_stage")
        found = self._find(model, version)
        found.record = replace(found.record, stage=stage)
        self._did("set_stage", f"{model}/{version}", stage=stage)

    def deployment_job(self, model: str, version: int) -> DeploymentJob | None:
        self._ask("deployment_job")
        self._find(model, version)
        return self._jobs.get(model)

    def signature(self, model: str, version: int) -> Signature:
        self._ask("signature")
        signature = self._find(model, version).signature
        if signature is None:
            raise PlatformError(f"{model} version {version} has no signature", permanent=True)
        return signature

    def input_example(self, model: str, version: int) -> Mapping[str, object] | None:
        self._ask("input_example")
        return self._find(model, version).example

    def metrics(self, run_id: str) -> Mapping[str, float]:
        self._ask("metrics")
        return self._run(run_id).metrics

    def training_data(self, run_id: str, folder: Path) -> Path | None:
        self._ask("training_data")
        source = self._run(run_id).training
        if source is None:
            return None
        folder.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(source, folder))

    def loadable(self, model: str, version: int) -> bool:
        self._ask("loadable")
        return (model, version) in self._versions and self.artifacts(model, version).exists()

    def download(self, model: str, version: int, folder: Path) -> None:
        self._ask("download")
        self._find(model, version)
        source = self.artifacts(model, version)
        if not source.exists():
            raise PlatformError(f"{model} version {version} has no artifacts", permanent=True, missing=True)
        shutil.copytree(source, folder, dirs_exist_ok=True)

    def upload(self, model: str, version: int, folder: Path) -> None:
        self._ask("upload")
        self._find(model, version)
        shutil.copytree(folder, self.artifacts(model, version), dirs_exist_ok=True)
        self._did("upload", f"{model}/{version}")

    def remove_artifacts(self, model: str, version: int) -> None:
        self._ask("remove_artifacts")
        self._find(model, version)
        shutil.rmtree(self.artifacts(model, version), ignore_errors=True)
        self._did("remove_artifacts", f"{model}/{version}")

    def add(
        self,
        model: str,
        *,
        run_id: str | None = None,
        created_at: datetime | None = None,
        ready: bool = True,
        tags: Mapping[str, str] | None = None,
        aliases: tuple[str, ...] = (),
        metrics: Mapping[str, float] | None = None,
        signature: Signature | None = None,
        example: Mapping[str, object] | None = None,
        training: Path | None = None,
        files: Mapping[str, bytes] | None = None,
    ) -> int:
        """Register the next version, and return its number."""
        version = self._newest[model] = 1 + self._newest.get(model, 0)
        run_id = run_id or f"run-{model}-{version}"
        created_at = created_at or FIRST + timedelta(days=version)
        record = ModelVersion(model, version, created_at, ready, run_id, dict(tags or {}))
        self._versions[model, version] = _Version(record, signature, example)
        self._aliases.update({(model, alias): version for alias in aliases})
        self._runs[run_id] = _Run(dict(metrics or {}), training)
        for name, content in (FILES if files is None else files).items():
            path = self.artifacts(model, version) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return version

    def connect(self, model: str, job: DeploymentJob | None) -> None:
        """Do what a person does by hand: have Databricks deploy the model's versions, or no longer."""
        self._registered(model)
        self._jobs = {m: j for m, j in self._jobs.items() if m != model} | ({model: job} if job else {})

    def point(self, model: str, alias: str, version: int) -> None:
        """Do what a person does by hand: point an alias at a version."""
        self._find(model, version)
        self._aliases[model, alias] = version

    def points(self, model: str, alias: str) -> int | None:
        """Tell where an alias points, to somebody who is no user: nothing fails."""
        return self._aliases.get((model, alias))

    def tag(self, model: str, version: int, key: str, value: str | None) -> None:
        """Set a tag by hand, or take it away."""
        found = self._find(model, version)
        kept = {k: v for k, v in found.record.tags.items() if k != key}
        found.record = replace(found.record, tags=kept if value is None else {**kept, key: value})

    def known(self, model: str) -> list[ModelVersion]:
        """Tell which versions there are, to somebody who is no user: nothing fails."""
        return [self._record(m, v) for m, v in sorted(self._versions) if m == model]

    def drop(self, model: str, version: int) -> None:
        """Let a version vanish, record and aliases, as if a person had deleted it. Its number is not used again."""
        self._find(model, version)
        del self._versions[model, version]
        self._aliases = {k: v for k, v in self._aliases.items() if (k[0], v) != (model, version)}

    def untag(self, model: str, version: int, key: str) -> None:
        found = self._find(model, version)
        found.record = replace(found.record, tags={k: v for k, v in found.record.tags.items() if k != key})

    def ready(self, model: str, version: int, ready: bool = True) -> None:
        found = self._find(model, version)
        found.record = replace(found.record, ready=ready)

    def describe(
        self, model: str, version: int, *, signature: Signature | None, example: Mapping[str, object] | None
    ) -> None:
        """Say what was logged with a version."""
        found = self._find(model, version)
        found.signature, found.example = signature, example

    def artifacts(self, model: str, version: int) -> Path:
        return self.folder / model / str(version)

    def _registered(self, model: str) -> None:
        if model not in self._newest:
            raise PlatformError(f"registered model {model} does not exist", permanent=True, missing=True)

    def _find(self, model: str, version: int) -> _Version:
        if (model, version) not in self._versions:
            raise PlatformError(f"{model} has no version {version}", permanent=True, missing=True)
        return self._versions[model, version]

    def _record(self, model: str, version: int) -> ModelVersion:
        record = self._find(model, version).record
        aliases = sorted(a for (m, a), v in self._aliases.items() if (m, v) == (model, version))
        return replace(record, aliases=tuple(aliases))

    def _run(self, run_id: str) -> _Run:
        if run_id not in self._runs:
            raise PlatformError(f"run {run_id} does not exist", permanent=True, missing=True)
        return self._runs[run_id]
