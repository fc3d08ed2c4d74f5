"""Loop 1, one endpoint, one look: open this first.

    sample -> decode -> profile -> detect -> decide -> store

All that can fail happens before the one transaction at the end, so a look either happened or did not.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from daemon.config.endpoint import EndpointSettings
from daemon.domain.baseline import Baseline
from daemon.domain.decision import Decision
from daemon.domain.finding import Cause, Check, Finding, Trail
from daemon.domain.profile import Profile
from daemon.domain.sample import HealthCount
from daemon.domain.serving import EndpointState
from daemon.ports import InferenceLog, Registry, Serving
from daemon.store.engine import Store
from daemon.watch import memory, sample, who
from daemon.watch.decide import View, decide
from daemon.watch.decode import decode
from daemon.watch.detect import detect, summary
from daemon.watch.profile import profile
from daemon.watch.provide import provide
from daemon.watch.record import record
from daemon.watch.reference import reference
from daemon.watch.trail import follow


@dataclass(frozen=True, slots=True)
class Doors:
    """What a look may touch outside: it only reads."""

    log: InferenceLog
    serving: Serving
    registry: Registry


@dataclass(frozen=True, slots=True)
class Look:
    """What one look saw and concluded."""

    endpoint: str
    state: EndpointState
    profiles: Sequence[Profile]
    findings: Sequence[Finding]
    trails: Mapping[int, Mapping[Check, Trail]]
    decision: Decision
    newest: datetime | None
    unknown: Mapping[str, int]
    """Served entities whose version nobody could tell -> requests left out."""
    notes: Sequence[str]


def look(settings: EndpointSettings, doors: Doors, store: Store, *, now: datetime, scratch: Path) -> Look:
    """Look at one endpoint.

    1. Ask what it serves, and recall what is known of it.
    2. Count the requests of the windows that are due, without their payloads, and resolve which version answered.
    3. Where a window is new or has changed: sample its payloads, decode them, count them in the baseline's bins.
    4. Check every count, follow the checks over the windows, decide.
    5. Write all of it down at once.
    """
    state = doors.serving.state(settings.name)
    known = memory.recall(store, settings, state, now=now)
    counts = doors.log.health(sample.due(known.watermark, now, settings.watch))
    entities, fresh = who.resolve(
        counts, told=doors.log.entities(), learned=known.learned, state=state, changed_at=known.changed_at
    )
    versions = {entity: version for entity, (model, version) in entities.items() if model == settings.model}
    baselines, notes = provide(settings, doors, known, state, versions, store, now=now, scratch=scratch)
    profiles = _profiles(settings, doors, known, counts, versions, baselines)
    judged, findings = _judge(profiles, baselines, known, settings)
    trails = {
        version: follow(known.trails.get(version, {}), [f for f in findings if f.version == version], settings.decide)
        for version in {e.version for e in state.served} | {f.version for f in findings}
    }
    newest = max((c.window.end for c in counts if c.requests), default=known.watermark)
    serving_now = [e.version for e in state.served if e.percent]
    view = View(
        endpoint=settings.name,
        main=state.main.version if state.main else None,
        trails=[t for v in serving_now for t in trails.get(v, {}).values()],
        record=known.record,
        ill_elsewhere=known.ill_elsewhere,
        newest=newest,
    )
    decision = decide(view, stale_after=settings.watch.stale_after, now=now)
    unknown = {c.entity_id: c.requests for c in counts if c.entity_id not in entities}
    seen = Look(settings.name, state, judged, findings, trails, decision, newest, unknown, notes)
    record(store, settings, seen, fresh, now=now)
    return seen


def _profiles(
    settings: EndpointSettings,
    doors: Doors,
    known: memory.Memory,
    counts: Sequence[HealthCount],
    versions: Mapping[str, int],
    baselines: Mapping[int, Baseline],
) -> list[Profile]:
    wanted = sample.changed(counts, known.requests, versions)
    profiles: list[Profile] = []
    for version, parts in sorted(sample.parts(counts, wanted, versions, settings.watch).items()):
        batch = None
        if version in baselines:
            batch = decode(
                doors.log.sample(parts, salt=settings.name), doors.registry.signature(settings.model, version)
            )
        mine = [c for c in counts if versions.get(c.entity_id) == version and (c.window.start, version) in wanted]
        profiles.extend(profile(settings.name, version, parts, mine, batch, baselines.get(version)))
    return profiles


def _judge(
    profiles: Sequence[Profile],
    baselines: Mapping[int, Baseline],
    known: memory.Memory,
    settings: EndpointSettings,
) -> tuple[list[Profile], list[Finding]]:
    judged, findings = [], []
    for one in profiles:
        beside = [p for p in profiles if p.window == one.window and p.version != one.version]
        against = reference(
            one, beside, record=known.record, remembered=known.remembered, requests=settings.health.requests
        )
        found = detect(one, baselines.get(one.version), against, settings)
        findings.extend(found)
        judged.append(
            replace(one, healthy=summary(found, Cause.HEALTH), steady=summary(found, Cause.DRIFT, Cause.QUALITY))
        )
    return judged, findings
