"""Which acts a remediation is made of: the one place that knows all remedies."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from daemon.config.endpoint import EndpointSettings
from daemon.domain.remediation import Remediation, Remedy, Step
from daemon.remediate import archive, promote, retrain, rollback
from daemon.remediate.circumstances import windows_since
from daemon.remediate.doors import Doors
from daemon.remediate.journal import Act
from daemon.store import remediations
from daemon.store.engine import Store


def acts(one: Remediation, settings: EndpointSettings, doors: Doors, store: Store, *, now: datetime) -> Sequence[Act]:
    """Return the acts of a remediation, in order."""
    if one.remedy is Remedy.RETRAIN:
        return retrain.acts(one, settings, doors.jobs, doors.registry, done=_steps(one, store))
    if one.remedy is Remedy.PROMOTE:
        windows = partial(windows_since, store, one.endpoint)
        return promote.acts(one, settings, doors.serving, doors.registry, windows, now=now)
    if one.remedy is Remedy.ROLLBACK:
        return rollback.acts(one, settings, doors.serving, doors.registry, now=now)
    return archive.acts(one, settings, doors, store, now=now)


def back_out(one: Remediation, settings: EndpointSettings, doors: Doors, *, now: datetime) -> Sequence[Act]:
    """Return the acts that undo a promotion."""
    return promote.back_out(one, settings, doors.serving, doors.registry, now=now)


def patience(one: Remediation, settings: EndpointSettings) -> timedelta:
    """Return how long a remediation may take before it counts as stuck."""
    steps = 2 * len(settings.promote.canary) + 4
    return {
        Remedy.RETRAIN: settings.retrain.timeout,
        Remedy.PROMOTE: settings.promote.timeout * steps,
        Remedy.ROLLBACK: settings.rollback.timeout,
        Remedy.ARCHIVE: timedelta(hours=6),
    }[one.remedy]


def _steps(one: Remediation, store: Store) -> dict[str, Step]:
    with store.read() as tx:
        return {s.name: s for s in remediations.steps(tx, one.id)}
