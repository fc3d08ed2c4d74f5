"""Which acts a remediation is made of: the one place that knows all remedies."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial

from daemon.config.endpoint import EndpointSettings
from daemon.domain.registry import Stage
from daemon.domain.remediation import Approval, Remediation, Remedy, Step
from daemon.remediate import archive, promote, retrain, rollback, way_back
from daemon.remediate.ask import ASK
from daemon.remediate.circumstances import windows_since
from daemon.remediate.doors import Doors
from daemon.remediate.frozen import thaw
from daemon.remediate.journal import Act, Progress
from daemon.remediate.known import known_config
from daemon.remediate.traffic import changed_by_hand
from daemon.store import approvals, remediations
from daemon.store.engine import Store

SLACK = timedelta(minutes=30)
"""Between the time at which the last act gives up and the one at which the whole counts as stuck."""

__all__ = ["ASK", "acts", "back_out", "disturbed", "patience", "stays", "wind_up"]


def acts(one: Remediation, settings: EndpointSettings, doors: Doors, store: Store, *, now: datetime) -> Sequence[Act]:
    """Return the acts of a remediation, in order."""
    if one.remedy is Remedy.RETRAIN:
        return retrain.acts(one, settings, doors.jobs, doors.registry, done=_steps(one, store), now=now)
    if one.remedy is Remedy.PROMOTE:
        windows = partial(windows_since, store, one.endpoint)
        steps, words = _steps(one, store), _words(one, store)
        return promote.acts(one, settings, doors.serving, doors.registry, windows, steps=steps, words=words, now=now)
    if one.remedy is Remedy.ROLLBACK:
        return rollback.acts(one, settings, doors.serving, doors.registry, steps=_steps(one, store), now=now)
    return archive.acts(one, settings, doors, store, now=now)


def back_out(
    one: Remediation, settings: EndpointSettings, doors: Doors, store: Store, *, now: datetime
) -> Sequence[Act]:
    """Return the acts that undo a promotion."""
    return way_back.back_out(one, settings, doors.serving, doors.registry, steps=_steps(one, store), now=now)


def wind_up(
    one: Remediation, settings: EndpointSettings, doors: Doors, store: Store, *, now: datetime
) -> Sequence[Act]:
    """Return the acts that follow a verified change: a standby is needed no longer."""
    if one.remedy is not Remedy.PROMOTE:
        return ()
    return way_back.wind_up(one, settings, doors.serving, doors.registry, steps=_steps(one, store), now=now)


def stays(one: Remediation, progress: Progress) -> str:
    """Say what was to be put away after a verified change, and could not be."""
    archived = progress.step is not None and progress.step.name == "archived"
    return f"the stage of version {one.from_version} stays" if archived else "the standby stays"


def disturbed(one: Remediation, doors: Doors, store: Store) -> str:
    """Say what somebody else made of what a promotion or a rollback has set; empty where all of it still stands."""
    steps, target = _steps(one, store), one.to_version or 0
    found = changed_by_hand(doors.serving.state(one.endpoint), {target: 100}, known_config(one, steps))
    if found:
        return found
    alias = thaw(one).alias
    points = doors.registry.alias(one.model, alias)
    if points != target:
        return f"somebody pointed {alias} at version {points}"
    if "production" not in steps:
        return ""
    stage = doors.registry.version(one.model, target).stage
    return "" if stage is Stage.PRODUCTION else f"somebody moved version {target} to stage {stage}"


def patience(one: Remediation, settings: EndpointSettings) -> timedelta:
    """Return how long a remediation may take before it counts as stuck."""
    steps = 2 * len(settings.promote.canary) + 4
    asks = len(settings.promote.ask_before) * settings.approve.within
    return {
        # its acts give up by themselves first, and know better what to say
        Remedy.RETRAIN: settings.retrain.timeout + retrain.REGISTERS_WITHIN + SLACK,
        Remedy.PROMOTE: settings.promote.timeout * steps + asks,
        Remedy.ROLLBACK: settings.rollback.timeout,
        Remedy.ARCHIVE: timedelta(hours=6),
    }[one.remedy]


def _steps(one: Remediation, store: Store) -> dict[str, Step]:
    with store.read() as tx:
        return {s.name: s for s in remediations.steps(tx, one.id)}


def _words(one: Remediation, store: Store) -> dict[str, Approval]:
    with store.read() as tx:
        return approvals.of(tx, one.id)
