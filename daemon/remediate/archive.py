"""Archive: mark, wait, look again, copy with checksums, and only then (where allowed) remove. Always restorable."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from daemon.config.endpoint import EndpointSettings
from daemon.domain.registry import Stage
from daemon.domain.remediation import OPEN, Remediation, Remedy, Standing, State, Step, VersionVerdict, new_id
from daemon.ports import Registry, Serving
from daemon.remediate import shelf
from daemon.remediate.doors import Doors
from daemon.remediate.journal import Act, Outcome, Seen
from daemon.remediate.registry_stage import move_stage
from daemon.remediate.stale import ARCHIVED, MARKED, Housekeeping, due, spared
from daemon.store import remediations, verdicts
from daemon.store.engine import Store, Tx


def housekeep(
    settings: EndpointSettings, serving: Serving, registry: Registry, store: Store, *, now: datetime
) -> Housekeeping:
    """Look for stale versions and propose what is due: marking and archiving are two remediations, days apart.

    Nothing is proposed where another was open when the looking began: what was seen may be what it has changed since.
    """
    open_before = _under_way(settings, store)
    found = due(
        registry.versions(settings.model),
        in_use=_in_use(settings, serving, store),
        rules=settings.archive,
        now=now,
    )
    phase, versions = ("archive", found.archive) if found.archive else ("mark", found.mark)
    if versions and not open_before:
        with store.begin() as tx:
            if not _archives(tx, settings):
                remediations.propose(tx, _proposal(settings, phase, versions, now))
    return found


def _under_way(settings: EndpointSettings, store: Store) -> bool:
    with store.read() as tx:
        return _archives(tx, settings)


def _archives(tx: Tx, settings: EndpointSettings) -> bool:
    return any(r.remedy is Remedy.ARCHIVE and r.model == settings.model for r in remediations.opened(tx))


def acts(one: Remediation, settings: EndpointSettings, doors: Doors, store: Store, *, now: datetime) -> Sequence[Act]:
    """Return the plan: an act a version, and another look before anything is copied, and before each removal."""
    chosen, registry, model = _versions(one), doors.registry, settings.model
    if one.plan["phase"] == "mark":
        return [shelf.tag(f"mark-{v}", registry, model, v, MARKED) for v in chosen]
    plan = [_look_again(chosen, settings, doors, store, now)]
    for v in chosen:
        plan += [shelf.copy(v, settings, doors), shelf.tag(f"tag-{v}", registry, model, v, ARCHIVED)]
        if settings.promote.stages:
            plan.append(move_stage(f"stage-{v}", registry, model, v, Stage.ARCHIVED, was=[Stage.NONE]))
        if settings.archive.remove:
            plan.append(shelf.remove(v, settings, doors, partial(_spared, [v], settings, doors, store, now)))
    return plan


def told(one: Remediation) -> str:
    """Say what an archive remediation has done."""
    words = ", ".join(str(v) for v in _versions(one))
    return f"marked as stale: {words}" if one.plan["phase"] == "mark" else f"archived: {words}"


def _look_again(chosen: Sequence[int], settings: EndpointSettings, doors: Doors, store: Store, now: datetime) -> Act:
    def look(step: Step) -> Seen:
        foreign = _spared(chosen, settings, doors, store, now)
        return Seen(Outcome.FOREIGN, foreign) if foreign else Seen(Outcome.DONE, "still stale")

    return Act("look-again", look)


def _spared(chosen: Sequence[int], settings: EndpointSettings, doors: Doors, store: Store, now: datetime) -> str:
    """Say what speaks for a chosen version by now, empty where nothing does."""
    return spared(
        chosen,
        doors.registry.versions(settings.model),
        in_use=_in_use(settings, doors.serving, store),
        rules=settings.archive,
        now=now,
    )


def _in_use(settings: EndpointSettings, serving: Serving, store: Store) -> frozenset[int]:
    """Return what serves anywhere, what an open remediation is about, and where each endpoint could go back to."""
    with store.read() as tx:
        open_now = [r for r in remediations.opened(tx) if r.state in OPEN and r.remedy is not Remedy.ARCHIVE]
        record = verdicts.of_model(tx, settings.model)
    named = {v for r in open_now for v in (r.from_version, r.to_version) if r.model == settings.model and v}
    return serving.serving_anywhere(settings.model) | named | _last_good(record)


def _last_good(record: Sequence[VersionVerdict]) -> set[int]:
    """Return the two versions of each endpoint that served well most recently."""
    good = sorted((v for v in record if v.standing is Standing.GOOD), key=lambda v: v.set_at)
    return {v.version for name in {v.endpoint for v in good} for v in [g for g in good if g.endpoint == name][-2:]}


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
