"""What the guards are told: the live endpoint, the registry and the record, read just before the question."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from daemon.config.endpoint import EndpointSettings
from daemon.domain.finding import Cause, Phase
from daemon.domain.remediation import IN_FLIGHT, Mode, Remediation, Remedy
from daemon.ports import PlatformError, Registry, Serving
from daemon.remediate.guards import Circumstances
from daemon.remediate.stale import ARCHIVED
from daemon.remediate.verify import Judged
from daemon.store import endpoints, findings, profiles, remediations, verdicts
from daemon.store.engine import Store

CAUSE = {Remedy.RETRAIN: Cause.DRIFT, Remedy.ROLLBACK: Cause.HEALTH}


def circumstances(
    one: Remediation, settings: EndpointSettings, serving: Serving, registry: Registry, store: Store, *, now: datetime
) -> Circumstances:
    """Read the world and the record for one proposal."""
    state = serving.state(one.endpoint)
    there = one.to_version is not None and _there(registry, one.model, one.to_version)
    with store.read() as tx:
        newest = endpoints.watermark(tx, one.endpoint)
        lately = (newest or now) - settings.decide.of * settings.watch.window - timedelta(seconds=1)
        trails = findings.trails(tx, one.endpoint, one.from_version or 0)
        return Circumstances(
            now=now,
            mode=mode_of(settings, one.remedy),
            in_flight=[r for r in remediations.opened(tx, one.endpoint) if r.id != one.id and r.state in IN_FLIGHT],
            last_ended=remediations.last_ended(tx, one.endpoint, one.remedy),
            cooldown=cooldown_of(settings, one.remedy),
            firing=frozenset(
                check.name
                for check, trail in trails.items()
                if trail.phase is Phase.FIRING and check.cause is CAUSE.get(one.remedy)
            ),
            newest=newest,
            stale_after=settings.watch.stale_after,
            state=state,
            record=verdicts.record(tx, one.endpoint),
            target_there=there,
            ill_elsewhere=sorted(n for n in findings.ill(tx, Cause.HEALTH, lately) if n != one.endpoint),
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


def _there(registry: Registry, model: str, version: int) -> bool:
    try:
        found = registry.version(model, version)
        return found.ready and ARCHIVED not in found.tags
    except PlatformError as error:
        if error.missing:
            return False
        raise
