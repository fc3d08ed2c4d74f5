"""What the guards are told: the live endpoint and the registry, read first, then the record, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon.config.endpoint import EndpointSettings
from daemon.domain.finding import Cause
from daemon.domain.registry import DeploymentJob
from daemon.domain.remediation import IN_FLIGHT, Approval, Mode, Remediation, Remedy, State
from daemon.domain.serving import EndpointState
from daemon.domain.trail import Phase, Trail
from daemon.ports import PlatformError, Registry
from daemon.remediate.doors import Doors
from daemon.remediate.frozen import rules
from daemon.remediate.guards.circumstances import Circumstances, Spent
from daemon.remediate.stale import ARCHIVED
from daemon.remediate.storm import fleet_of
from daemon.remediate.verify import Judged
from daemon.store import approvals, endpoints, findings, profiles, remediations, restraints, verdicts
from daemon.store.engine import Store, Tx

CURES = {Remedy.RETRAIN: (Cause.CONCEPT, Cause.DRIFT), Remedy.ROLLBACK: (Cause.HEALTH,)}
FIRES = (Phase.FIRING, Phase.CLEARING)
DAY = timedelta(days=1)
PLAN = "plan"
"""The gate by which a whole plan is approved."""


@dataclass(frozen=True, slots=True)
class World:
    """What was asked of the workspace for one proposal. Asking can take long, so no transaction is open meanwhile."""

    state: EndpointState
    alias_version: int | None
    target_lacks: str
    tagged: bool
    """A person approved the version to go to in the registry."""
    deployment: DeploymentJob | None = None


def ask_world(one: Remediation, settings: EndpointSettings, doors: Doors) -> World:
    """Look at the endpoint, the alias and the version to go to."""
    state = doors.serving.state(one.endpoint)
    lacks, tagged = _target(one, settings, doors.registry, state)
    alias_version = doors.registry.alias(one.model, settings.promote.alias)
    return World(state, alias_version, lacks, tagged, _deployment(one, settings, doors.registry))


def circumstances(
    one: Remediation, settings: EndpointSettings, doors: Doors, world: World, tx: Tx, *, now: datetime
) -> Circumstances:
    """Add the record to what was seen of the world."""
    trails = findings.trails(tx, one.endpoint, one.from_version or 0).values()
    newest = max((t.newest for t in findings.recent(tx, one.endpoint) if t.newest), default=None)
    lately = (newest or now) - settings.decide.of * settings.watch.window - timedelta(seconds=1)
    mode = mode_of(settings, one.remedy)
    trouble = [t for t in trails if t.phase in FIRES and t.last.check.cause in CURES.get(one.remedy, ())]
    return Circumstances(
        now=now,
        mode=mode,
        stopped=doors.stopped(),
        follows=doors.follows(),
        restraints=restraints.in_force(tx, now, one.endpoint),
        hours=settings.allowed.hours if one.remedy in settings.allowed.remedies else (),
        in_flight=[r for r in remediations.opened(tx, one.endpoint) if r.id != one.id and r.state in IN_FLIGHT],
        ended=remediations.ended(tx, one.endpoint, one.remedy),
        cooldown=cooldown_of(settings, one.remedy),
        spent=_spent(tx, one, mode, now),
        budget=Spent(
            settings.budget.per_day, per_day_of(settings, one.remedy), doors.safety.per_day, doors.safety.at_once
        ),
        trouble=trouble,
        broken=[t.last.check.name for t in trails if t.phase.trouble and t.last.check.cause is Cause.QUALITY],
        requests=settings.health.requests,
        new_rows=_new_rows(tx, one),
        rows_wanted=settings.retrain.new_rows,
        stale_after=_stale_after(settings, trouble),
        newest=endpoints.watermark(tx, one.endpoint),
        ill_elsewhere=sorted(n for n in findings.ill(tx, Cause.HEALTH, lately) if n != one.endpoint),
        fleet=fleet_of(tx, doors.fleet, doors.safety, now=now),
        state=world.state,
        alias_version=world.alias_version,
        record=verdicts.record(tx, one.endpoint),
        target_lacks=world.target_lacks,
        keeps_champion=settings.promote.standby or bool(settings.promote.canary),
        rules=rules(settings, one.remedy),
        approval=_approval(tx, one),
        deployment=world.deployment,
    )


def windows_since(store: Store, endpoint: str, version: int, since: datetime) -> Sequence[Judged]:
    """Return the windows of a version that began at or after a moment, as the watch loop judged them."""
    with store.read() as tx:
        return [Judged(w, verdict, n) for w, verdict, n in profiles.judged(tx, endpoint, version, since)]


def mode_of(settings: EndpointSettings, remedy: Remedy) -> Mode:
    """Return the remedy's mode; one that lacks what it needs is off."""
    if remedy is Remedy.RETRAIN and settings.retrain.job_id is None:
        return Mode.OFF
    if remedy is Remedy.ARCHIVE and settings.archive.folder is None:
        return Mode.OFF
    return settings.mode.of(remedy)


def cooldown_of(settings: EndpointSettings, remedy: Remedy) -> timedelta:
    return {Remedy.RETRAIN: settings.retrain.cooldown, Remedy.ROLLBACK: settings.rollback.cooldown}.get(
        remedy, timedelta()
    )


def per_day_of(settings: EndpointSettings, remedy: Remedy) -> int:
    return {
        Remedy.RETRAIN: settings.retrain.per_day,
        Remedy.PROMOTE: settings.promote.per_day,
        Remedy.ROLLBACK: settings.rollback.per_day,
        Remedy.ARCHIVE: settings.archive.per_day,
    }[remedy]


def _stale_after(settings: EndpointSettings, trouble: Sequence[Trail]) -> timedelta:
    """Return how old the evidence may be: where labels alone speak, as late as labels come."""
    by_labels = trouble and all(t.last.check.cause is Cause.CONCEPT for t in trouble)
    return settings.labels.fresh_for if by_labels else settings.watch.stale_after


def _spent(tx: Tx, one: Remediation, mode: Mode, now: datetime) -> Spent:
    """Count what began. To `observe` shadowed ones count, too: it runs out of budget when `auto` would have."""
    counts = [r for r in remediations.begun_since(tx, now - DAY) if r.began_at or mode is Mode.OBSERVE]
    begun = [r for r in counts if r.id != one.id]
    here = [r for r in begun if r.endpoint == one.endpoint]
    under_way = [r for r in remediations.opened(tx) if r.state in IN_FLIGHT and r.endpoint != one.endpoint]
    return Spent(len(here), sum(r.remedy is one.remedy for r in here), len(begun), len(under_way))


def _new_rows(tx: Tx, one: Remediation) -> int | None:
    trained = remediations.last_begun(tx, one.endpoint, Remedy.RETRAIN)
    return None if trained is None else sum(profiles.requests(tx, one.endpoint, trained).values())


def _approval(tx: Tx, one: Remediation) -> Approval | None:
    return approvals.of(tx, one.id).get(PLAN) if one.state not in (State.PROPOSED, State.BLOCKED) else None


def _deployment(one: Remediation, settings: EndpointSettings, registry: Registry) -> DeploymentJob | None:
    """Look for Databricks' own hand on the version that may be moved: the new one, or the one that is to go."""
    version = {Remedy.PROMOTE: one.to_version, Remedy.ROLLBACK: one.from_version}.get(one.remedy)
    if version is None or settings.promote.deployment_job == "ignore":
        return None
    try:
        return registry.deployment_job(one.model, version)
    except PlatformError as error:
        # that the version is gone is for another guard to say; and no rollback waits for a right to look
        if error.missing or (error.permanent and one.remedy is Remedy.ROLLBACK):
            return None
        raise


def _target(one: Remediation, settings: EndpointSettings, registry: Registry, state: EndpointState) -> tuple[str, bool]:
    """Say what keeps the version to go to from being served, and whether somebody approved it in the registry."""
    if one.to_version is None:
        return "", False
    try:
        found = registry.version(one.model, one.to_version)
    except PlatformError as error:
        if error.missing:
            return "is not in the registry", False
        raise
    tag = settings.promote.approval_tag
    tagged = one.remedy is Remedy.PROMOTE and tag is not None and found.tags.get(tag, "").lower() == "approved"
    if not found.ready:
        return "is not ready in the registry", tagged
    if ARCHIVED in found.tags:
        return "is archived", tagged
    serves = state.entity(one.to_version)
    loadable = (serves is not None and serves.ready) or registry.loadable(one.model, one.to_version)
    return "" if loadable else "has no artifacts to be loaded from", tagged
