"""What the store remembers of an endpoint, read in one short transaction before a look."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon.config.endpoint import EndpointSettings
from daemon.domain.baseline import Baseline
from daemon.domain.event import Event, Severity
from daemon.domain.finding import Cause, Check, Trail
from daemon.domain.profile import Health
from daemon.domain.remediation import Standing, VersionVerdict
from daemon.domain.serving import EndpointState
from daemon.store import baselines, endpoints, events, findings, profiles, verdicts
from daemon.store.engine import Store, Tx
from daemon.watch.sample import MOST_WINDOWS, Slot
from daemon.watch.who import Entity

GOOD_WINDOWS = 12
"""Good windows that make up what a version is remembered by."""


@dataclass(frozen=True, slots=True)
class Memory:
    watermark: datetime | None
    changed_at: datetime | None
    """When the endpoint was first seen to serve what it serves now."""
    learned: Mapping[str, Entity]
    requests: Mapping[Slot, int]
    baselines: Mapping[int, Baseline]
    trails: Mapping[int, Mapping[Check, Trail]]
    record: Sequence[VersionVerdict]
    remembered: Mapping[int, Health]
    """Good versions, in their newest good windows."""
    ill_elsewhere: Sequence[str]


def recall(store: Store, settings: EndpointSettings, state: EndpointState, *, now: datetime) -> Memory:
    """Read what is known of the endpoint, and take note of what it serves."""
    name = settings.name
    versions = sorted({e.version for e in state.served if e.model == settings.model})
    with store.begin() as tx:
        before = endpoints.last_state(tx, name)
        if endpoints.save_state(tx, state, now) and before is not None:
            events.append(tx, _changed(state, now))
        watermark = endpoints.watermark(tx, name)
        record = verdicts.record(tx, name)
        found = {v: baselines.current(tx, name, v) for v in versions}
        return Memory(
            watermark=watermark,
            changed_at=endpoints.changed_at(tx, name),
            learned=endpoints.learned(tx, name),
            requests=profiles.requests(tx, name, now - MOST_WINDOWS * settings.watch.window),
            baselines={v: b for v, b in found.items() if b is not None},
            trails={v: findings.trails(tx, name, v) for v in versions},
            record=record,
            remembered=_remembered(tx, name, record),
            ill_elsewhere=_ill_elsewhere(tx, settings, watermark or now),
        )


def _changed(state: EndpointState, now: datetime) -> Event:
    shares = ", ".join(f"version {e.version} at {e.percent} %" for e in state.served)
    return Event(
        "endpoint.changed",
        Severity.INFO,
        f"{state.endpoint} now serves {shares}",
        now,
        state.endpoint,
        dedup_key=f"{state.endpoint}:config:{state.config_version}",
    )


def _remembered(tx: Tx, name: str, record: Sequence[VersionVerdict]) -> dict[int, Health]:
    kept = {}
    for verdict in record:
        if verdict.standing is Standing.GOOD:
            health = profiles.health_before(tx, name, verdict.version, until=verdict.set_at, windows=GOOD_WINDOWS)
            if health is not None:
                kept[verdict.version] = health
    return kept


def _ill_elsewhere(tx: Tx, settings: EndpointSettings, newest: datetime) -> list[str]:
    lately = newest - settings.decide.of * settings.watch.window - timedelta(seconds=1)
    return sorted(name for name in findings.ill(tx, Cause.HEALTH, lately) if name != settings.name)
