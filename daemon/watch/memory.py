"""What the store remembers of an endpoint, read in one short transaction before a look."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon.config.endpoint import EndpointSettings
from daemon.domain.finding import Cause, Check
from daemon.domain.profile import Health
from daemon.domain.remediation import Remedy, Standing, VersionVerdict
from daemon.domain.sample import HealthCount
from daemon.domain.serving import EndpointState
from daemon.domain.sources import Sources
from daemon.domain.trail import Trail
from daemon.domain.window import floor
from daemon.store import baselines, endpoints, findings, profiles, remediations, verdicts
from daemon.store.engine import Store, Tx
from daemon.watch.beside import HORIZON, Answered
from daemon.watch.decide import last_known_good
from daemon.watch.sample import Slot, earliest
from daemon.watch.scales import YEAR_S, confidence
from daemon.watch.silence import RECORD, Silence, silence
from daemon.watch.who import Entity

GOOD_WINDOWS = 12
"""Good windows that make up what a version is remembered by."""


@dataclass(frozen=True, slots=True)
class Memory:
    gone: frozenset[int]
    """Versions that the last look found served, and that are not any more."""
    changed_at: datetime
    """When the endpoint was first seen to serve what it serves now."""
    watermark: datetime | None
    learned: Mapping[str, Entity]
    requests: Mapping[Slot, int]
    """Of the profiles of windows that are due again."""
    answered: Mapping[Slot, Answered]
    """Of the windows since the traffic was last divided anew, where several versions share it."""
    trails: Mapping[int, Mapping[Check, Trail]]
    """Of every version that serves now, at any share."""
    baseline_ids: Mapping[int, int]
    """Version -> the baseline it was judged by until now."""
    record: Sequence[VersionVerdict]
    remembered: Mapping[int, Health]
    """Good versions, in their newest good windows."""
    retrained: datetime | None
    """When a retraining last ended here: what led to it is no evidence for another."""
    sources: Sources
    """What the endpoint's gauges and its table said lately."""
    ill_elsewhere: Mapping[str, datetime]
    """Other endpoints with health trouble in the same stretch of time -> how far they were read."""


def recall(store: Store, settings: EndpointSettings, state: EndpointState, *, now: datetime) -> Memory:
    """Read what is known of the endpoint."""
    name, watch = settings.name, settings.watch
    with store.read() as tx:
        watermark = endpoints.watermark(tx, name)
        since = earliest(watermark, now, watch)
        serving = state.versions(settings.model)
        record = verdicts.record(tx, name)
        before = endpoints.last_state(tx, name)
        changed_at = (None if endpoints.differs(tx, state) else endpoints.changed_at(tx, name)) or now
        shared_since = max(changed_at, since - HORIZON * watch.window)
        return Memory(
            gone=frozenset(before.versions(settings.model) if before else ()).difference(serving),
            changed_at=changed_at,
            watermark=watermark,
            learned=endpoints.learned(tx, name),
            requests=profiles.requests(tx, name, since, length=watch.window),
            answered=profiles.answered(tx, name, shared_since, length=watch.window) if len(serving) > 1 else {},
            trails={v: findings.trails(tx, name, v) for v in serving},
            baseline_ids=baselines.newest_ids(tx, name),
            record=record,
            remembered=_remembered(tx, name, record, serving),
            retrained=max(remediations.ended(tx, name, Remedy.RETRAIN, limit=1), default=None),
            sources=endpoints.sources(tx, name),
            ill_elsewhere=_ill_elsewhere(tx, settings, watermark or now),
        )


def silence_since(
    store: Store, settings: EndpointSettings, last: datetime | None, counts: Iterable[HealthCount], *, now: datetime
) -> Silence | None:
    """Hold the silence since the last window with rows against the endpoint's record; None where it may be chance.

    The record is what the windows left behind, and what has only just been counted.
    """
    watch = settings.watch
    until = floor(now - watch.settle, watch.window)
    if last is None or until - last < settings.health.silence:
        return None
    with store.read() as tx:
        stored = profiles.requests(tx, settings.name, last - RECORD, length=watch.window)
    return silence(
        {start for (start, _), requests in stored.items() if requests} | {c.window.start for c in counts},
        since=last,
        until=until,
        window=watch.window,
        looks_per_year=YEAR_S / watch.window.total_seconds(),
        alpha=confidence(settings, 1),
    )


def _remembered(tx: Tx, name: str, record: Sequence[VersionVerdict], serving: Sequence[int]) -> dict[int, Health]:
    """Return the health of the good versions to compare with: those that serve, and the last one before them."""
    wanted = {*serving, *(last_known_good(record, but=v) for v in serving)}
    kept = {}
    for verdict in record:
        if verdict.standing is Standing.GOOD and verdict.version in wanted:
            health = profiles.health_before(tx, name, verdict.version, until=verdict.set_at, windows=GOOD_WINDOWS)
            if health is not None:
                kept[verdict.version] = health
    return kept


def _ill_elsewhere(tx: Tx, settings: EndpointSettings, newest: datetime) -> dict[str, datetime]:
    lately = newest - settings.decide.of * settings.watch.window - timedelta(seconds=1)
    ill = findings.ill(tx, Cause.HEALTH, lately)
    return {name: max(t.newest for t in trails if t.newest) for name, trails in ill.items() if name != settings.name}
