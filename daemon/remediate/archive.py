"""Archive: mark, wait, look again, copy with checksums, and only then (where allowed) remove. Always restorable."""

import shutil
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from daemon.config.endpoint import EndpointSettings
from daemon.domain.remediation import OPEN, Remediation, Remedy, Standing, State, Step, new_id
from daemon.ports import PlatformError, Registry, Serving
from daemon.remediate import vault
from daemon.remediate.journal import Act, Outcome, Seen
from daemon.remediate.stale import ARCHIVED, MARKED, Housekeeping, due
from daemon.store import remediations, verdicts
from daemon.store.engine import Store


def housekeep(
    settings: EndpointSettings, serving: Serving, registry: Registry, store: Store, *, now: datetime
) -> Housekeeping:
    """Look for stale versions and propose what is due: marking and archiving are two remediations, days apart."""
    found = due(
        registry.versions(settings.model),
        in_use=_in_use(settings, serving, store),
        rules=settings.archive,
        now=now,
    )
    phase, versions = ("archive", found.archive) if found.archive else ("mark", found.mark)
    if versions:
        with store.begin() as tx:
            remediations.propose(tx, _proposal(settings, phase, versions, now))
    return found


def acts(
    one: Remediation, settings: EndpointSettings, serving: Serving, registry: Registry, scratch: Path, *, now: datetime
) -> Sequence[Act]:
    """Return the plan: an act a version, and another look before anything is copied away."""
    chosen = _versions(one)
    if one.plan["phase"] == "mark":
        return [_tag(f"mark-{v}", registry, settings.model, v, MARKED, one.created_at.isoformat()) for v in chosen]
    plan = [_look_again(one, settings, serving, registry, now)]
    for version in chosen:
        plan.append(_copy(version, settings, registry, scratch))
        if settings.archive.remove:
            plan.append(_remove(version, settings, registry, scratch))
        plan.append(_tag(f"tag-{version}", registry, settings.model, version, ARCHIVED, one.created_at.isoformat()))
    return plan


def told(one: Remediation) -> str:
    """Say what an archive remediation has done."""
    words = ", ".join(str(v) for v in _versions(one))
    return f"marked as stale: {words}" if one.plan["phase"] == "mark" else f"archived: {words}"


def _in_use(settings: EndpointSettings, serving: Serving, store: Store) -> frozenset[int]:
    with store.begin() as tx:
        open_now = [r for r in remediations.opened(tx) if r.state in OPEN and r.remedy is not Remedy.ARCHIVE]
        record = verdicts.record(tx, settings.name)
    named = {v for r in open_now for v in (r.from_version, r.to_version) if r.model == settings.model and v}
    good = sorted((v for v in record if v.standing is Standing.GOOD), key=lambda v: v.set_at)[-2:]
    return serving.serving_anywhere(settings.model) | named | {v.version for v in good}


def _look_again(
    one: Remediation, settings: EndpointSettings, serving: Serving, registry: Registry, now: datetime
) -> Act:
    def look(step: Step) -> Seen:
        serves = serving.serving_anywhere(settings.model)
        found = {v.version: v for v in registry.versions(settings.model)}
        for version in _versions(one):
            known = found.get(version)
            if known is None:
                return Seen(Outcome.FOREIGN, f"version {version} is gone from the registry")
            if version in serves or known.aliases or MARKED not in known.tags:
                return Seen(Outcome.FOREIGN, f"version {version} is in use again, or somebody took its mark away")
        return Seen(Outcome.DONE, "still stale")

    return Act("look-again", look)


def _copy(version: int, settings: EndpointSettings, registry: Registry, scratch: Path) -> Act:
    folder, model = settings.archive.folder or Path(), settings.model

    def look(step: Step) -> Seen:
        return Seen(Outcome.DONE, f"archived in {step.result['tar']}") if "tar" in step.result else Seen(Outcome.READY)

    def do(step: Step) -> Mapping[str, object]:
        local = scratch / f"archive-{step.token[:12]}"
        shutil.rmtree(local, ignore_errors=True)
        try:
            registry.download(model, version, local)
            about = registry.version(model, version)
            kept = vault.store(local, folder, model, version, {"run_id": about.run_id, "tags": dict(about.tags)})
        except vault.VaultError as error:
            raise PlatformError(str(error), permanent=True) from error
        finally:
            shutil.rmtree(local, ignore_errors=True)
        return {"tar": str(kept.tar), "files": len(kept.files), "bytes": kept.tar.stat().st_size}

    return Act(f"copy-{version}", look, do)


def _remove(version: int, settings: EndpointSettings, registry: Registry, scratch: Path) -> Act:
    """Remove only what has just been read back from the archive, bit for bit."""
    folder, model = settings.archive.folder or Path(), settings.model

    def look(step: Step) -> Seen:
        return Seen(Outcome.DONE, "removed") if step.result.get("removed") else Seen(Outcome.READY)

    def do(step: Step) -> Mapping[str, object]:
        proof = scratch / f"proof-{step.token[:12]}"
        shutil.rmtree(proof, ignore_errors=True)
        try:
            vault.restore(folder, model, version, proof)
        except vault.VaultError as error:
            raise PlatformError(str(error), permanent=True) from error
        finally:
            shutil.rmtree(proof, ignore_errors=True)
        registry.remove_artifacts(model, version)
        return {"removed": True}

    return Act(f"remove-{version}", look, do)


def _tag(name: str, registry: Registry, model: str, version: int, key: str, value: str) -> Act:
    def look(step: Step) -> Seen:
        if registry.version(model, version).tags.get(key) == value:
            return Seen(Outcome.DONE, f"version {version} carries {key}")
        return Seen(Outcome.READY)

    def do(step: Step) -> Mapping[str, object]:
        registry.set_tag(model, version, key, value)
        return {}

    return Act(name, look, do)


def _versions(one: Remediation) -> list[int]:
    chosen = one.plan.get("versions")
    if not isinstance(chosen, Sequence) or not chosen:
        raise ValueError(f"archive {one.id} names no version")
    return [int(v) for v in chosen]


def _proposal(settings: EndpointSettings, phase: str, versions: Sequence[int], now: datetime) -> Remediation:
    words = ", ".join(str(v) for v in versions)
    return Remediation(
        id=new_id(settings.name, Remedy.ARCHIVE, now),
        endpoint=settings.name,
        remedy=Remedy.ARCHIVE,
        state=State.PROPOSED,
        reason=f"stale_{phase}",
        sentence=f"{phase} stale versions of {settings.model}: {words}",
        evidence={},
        model=settings.model,
        from_version=None,
        to_version=None,
        plan={"phase": phase, "versions": list(versions)},
        created_at=now,
        updated_at=now,
        deadline_at=now + timedelta(hours=24),
    )
