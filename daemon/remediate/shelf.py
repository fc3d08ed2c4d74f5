"""The acts on one stale version: copy it into the vault, tag it, remove its artifacts."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path

from daemon.config.endpoint import EndpointSettings
from daemon.domain.remediation import Step
from daemon.ports import PlatformError, Registry
from daemon.remediate import vault
from daemon.remediate.doors import Doors
from daemon.remediate.journal import Act, Outcome, Seen
from daemon.remediate.stale import KEEP, MARKED


def copy(version: int, settings: EndpointSettings, doors: Doors) -> Act:
    """Return the act that keeps a copy, which has been read back and compared, in the vault."""
    model, registry = settings.model, doors.registry

    def look(step: Step) -> Seen:
        return Seen(Outcome.DONE, f"kept as {step.result['tar']}") if "tar" in step.result else Seen(Outcome.READY)

    def do(step: Step) -> Mapping[str, object]:
        with _folder(doors.scratch / f"copy-{step.token[:12]}") as local:
            _fetch(registry, model, version, local)
            about = registry.version(model, version)
            described = {"run_id": about.run_id, "tags": dict(about.tags)}
            kept = vault.store(local, _vault(settings), model, version, described)
        return {"tar": str(kept.tar), "files": len(kept.files), "bytes": kept.tar.stat().st_size}

    return Act(f"copy-{version}", look, do)


def remove(version: int, settings: EndpointSettings, doors: Doors, spared: Callable[[], str]) -> Act:
    """Return the act that removes only what has just been read back from the vault, and what nobody needs by now."""
    model, registry = settings.model, doors.registry

    def look(step: Step) -> Seen:
        if step.calls and not registry.loadable(model, version):
            return Seen(Outcome.DONE, "removed")
        foreign = spared()
        return Seen(Outcome.FOREIGN, foreign) if foreign else Seen(Outcome.READY)

    def do(step: Step) -> Mapping[str, object]:
        with _folder(doors.scratch / f"proof-{step.token[:12]}") as proof:
            vault.restore(_vault(settings), model, version, proof)
        registry.remove_artifacts(model, version)
        return {}

    return Act(f"remove-{version}", look, do)


def tag(name: str, registry: Registry, model: str, version: int, key: str) -> Act:
    """Return the act that tags a version with the time at which that was intended. A tag that is there stays."""

    def look(step: Step) -> Seen:
        found = registry.version(model, version).tags.get(key)
        if found is None:
            return Seen(Outcome.READY)
        if found == _stamp(step):
            return Seen(Outcome.DONE, f"version {version} carries {key}")
        return Seen(Outcome.FOREIGN, f"somebody set {key} of version {version} to {found!r}")

    def do(step: Step) -> Mapping[str, object]:
        registry.set_tag(model, version, key, _stamp(step))
        return {}

    return Act(name, look, do)


def _stamp(step: Step) -> str:
    if step.started_at is None:
        raise ValueError(f"step {step.name} was never begun")
    return step.started_at.astimezone(UTC).isoformat()


def _vault(settings: EndpointSettings) -> Path:
    if settings.archive.folder is None:
        raise PlatformError("archive.folder is no longer configured", permanent=True)
    return settings.archive.folder


def _fetch(registry: Registry, model: str, version: int, folder: Path) -> None:
    try:
        registry.download(model, version, folder)
    except PlatformError as error:
        if not error.missing:
            raise
        raise PlatformError(f"{error}: set its tag {MARKED} to {KEEP}, and it is left out", permanent=True) from error


@contextmanager
def _folder(path: Path) -> Iterator[Path]:
    """Give a place that is not there yet, and leave nothing of it; what goes wrong with files is permanent."""
    shutil.rmtree(path, ignore_errors=True)
    try:
        yield path
    except (vault.VaultError, OSError) as error:
        raise PlatformError(str(error), permanent=True) from error
    finally:
        shutil.rmtree(path, ignore_errors=True)
