"""Loop 1, one endpoint, one look: open this first.

    sample -> decode -> profile -> detect -> decide -> store

All that can fail happens before the one transaction at the end, so a look either happened or did not. Only a baseline,
dear to make and true whatever becomes of the look, is stored as soon as it is made.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from daemon.config.endpoint import EndpointSettings
from daemon.domain.baseline import Baseline
from daemon.domain.cohort import Cohort
from daemon.domain.decision import Decision
from daemon.domain.finding import Cause, Check, Finding
from daemon.domain.profile import Profile
from daemon.domain.sample import HealthCount, Part
from daemon.domain.serving import EndpointState
from daemon.domain.trail import Trail
from daemon.ports import InferenceLog, Labels, PlatformError, Registry, Serving, Tables
from daemon.store.engine import Store
from daemon.watch import memory, sample, who
from daemon.watch.decide import View, decide
from daemon.watch.decode import decode
from daemon.watch.detect import detect, summary
from daemon.watch.labels.follow import follow_labels
from daemon.watch.labels.read import count_labels
from daemon.watch.past import Past, learn
from daemon.watch.profile import profile
from daemon.watch.provide import provide
from daemon.watch.record import record
from daemon.watch.reference import reference
from daemon.watch.subject import subject
from daemon.watch.trail import follow


@dataclass(frozen=True, slots=True)
class Doors:
    """What a look may touch outside: it only reads."""

    log: InferenceLog
    serving: Serving
    registry: Registry
    tables: Tables
    labels: Labels | None = None
    """None where no label table is configured."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one look saw and concluded."""

    endpoint: str
    state: EndpointState
    gone: frozenset[int]
    """Versions that the last look found served, and this one does not."""
    profiles: Sequence[Profile]
    counted: int
    """Requests that no earlier look had counted."""
    findings: Sequence[Finding]
    trails: Mapping[int, Mapping[Check, Trail]]
    cohorts: Sequence[Cohort]
    """Counted or chosen as a baseline at this look."""
    labels_lost: str
    """Why no labels are to be had; empty where there is nothing to tell."""
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
    4. Recall the windows before them, and what they did by themselves.
    5. Check every count; where labels have come, count what was right. Follow the checks over the windows, decide.
    6. Write all of it down at once.
    """
    notes: list[str] = []
    state = doors.serving.state(settings.name)
    known = memory.recall(store, settings, state, now=now)
    counts = doors.log.health(sample.due(known.watermark, now, settings.watch))
    entities, learned = who.resolve(
        counts, told=_told(doors, notes), learned=known.learned, state=state, changed_at=known.changed_at
    )
    versions = {entity: version for entity, (model, version) in entities.items() if model == settings.model}
    plan = sample.plan(counts, known.requests, versions, known.watermark, settings.watch)
    work = sample.parts(counts, plan.slots, versions, settings.watch)
    answering = {version: [e for e, v in versions.items() if v == version] for version in work}
    baselines, missing = provide(settings, doors, store, known, answering, now=now, scratch=scratch)
    notes += missing
    profiles = _profiles(settings, doors, counts, work, baselines)
    past = learn(settings, store, profiles, baselines, known, now=now)
    judged, findings = _judge(profiles, past, baselines, known, settings, state)
    serving = {v: [e for e, version in versions.items() if version == v] for v in known.trails}
    labelled = count_labels(settings, doors, store, serving, now=now)
    notes += labelled.notes
    trails = _trails(settings, known, findings, baselines)
    for version, concept in follow_labels(known.trails, labelled.findings, settings).items():
        trails[version] |= concept
    unknown = _requests([c for c in counts if c.entity_id not in entities])
    view = _view(settings, known, state, trails, behind=plan.behind, unattributed=unknown.total())
    seen = Look(
        endpoint=settings.name,
        state=state,
        gone=known.gone,
        profiles=judged,
        counted=plan.counted,
        findings=[*findings, *labelled.findings],
        trails=trails,
        cohorts=labelled.cohorts,
        labels_lost=labelled.lost,
        decision=decide(view, stale_after=settings.watch.stale_after, now=now),
        newest=plan.read_until,
        unknown=unknown,
        notes=notes,
    )
    record(store, settings, seen, learned, now=now)
    return seen


def _told(doors: Doors, notes: list[str]) -> Mapping[str, who.Entity]:
    """Ask which versions the entities are. Where that cannot be told, what was learned has to do."""
    try:
        return doors.log.entities()
    except PlatformError as error:
        notes.append(f"which versions answered cannot be asked: {error}")
        return {}


def _profiles(
    settings: EndpointSettings,
    doors: Doors,
    counts: Sequence[HealthCount],
    work: Mapping[int, Sequence[Part]],
    baselines: Mapping[int, Baseline],
) -> list[Profile]:
    profiles: list[Profile] = []
    for version, parts in sorted(work.items()):
        known = baselines.get(version)
        batch = decode(doors.log.sample(parts, salt=settings.name), known.signature) if known else None
        taken = {(part.window, part.entity_id) for part in parts}
        mine = [c for c in counts if (c.window, c.entity_id) in taken]
        profiles.extend(profile(settings.name, version, parts, mine, batch, known))
    return profiles


def _judge(
    profiles: Sequence[Profile],
    past: Mapping[int, Past],
    baselines: Mapping[int, Baseline],
    known: memory.Memory,
    settings: EndpointSettings,
    state: EndpointState,
) -> tuple[list[Profile], list[Finding]]:
    judged, findings = [], []
    # one that was replaced in the middle of a window does not stand beside the other: it came before it
    sharing = {e.version for e in state.served if e.model == settings.model and e.percent}
    for one in profiles:
        beside = [p for p in profiles if p.window == one.window and p.version in sharing - {one.version}]
        against = reference(
            one, beside, record=known.record, remembered=known.remembered, requests=settings.health.requests
        )
        before = past.get(one.version, Past())
        found = detect(before.until(one), baselines.get(one.version), before.history, against, settings)
        findings.extend(found)
        judged.append(
            replace(one, healthy=summary(found, Cause.HEALTH), steady=summary(found, Cause.DRIFT, Cause.QUALITY))
        )
    return judged, findings


def _trails(
    settings: EndpointSettings,
    known: memory.Memory,
    findings: Sequence[Finding],
    baselines: Mapping[int, Baseline],
) -> dict[int, dict[Check, Trail]]:
    judged_by = {**known.baseline_ids, **{version: b.id for version, b in baselines.items()}}
    return {
        version: follow(
            {check: trail for check, trail in before.items() if check.cause is not Cause.CONCEPT},
            [f for f in findings if f.version == version],
            settings.decide,
            stale_after=settings.watch.stale_after,
            subject=partial(subject, settings=settings, baseline_id=judged_by.get(version)),
        )
        for version, before in known.trails.items()
    }


def _view(
    settings: EndpointSettings,
    known: memory.Memory,
    state: EndpointState,
    trails: Mapping[int, Mapping[Check, Trail]],
    *,
    behind: bool,
    unattributed: int,
) -> View:
    shares = {e.version: e.percent for e in state.served if e.model == settings.model and e.percent}
    return View(
        endpoint=settings.name,
        main=max(shares, key=lambda version: (shares[version], version), default=None),
        trails=[t for version in shares for t in trails[version].values()],
        record=known.record,
        ill_elsewhere=known.ill_elsewhere,
        serves_since=known.changed_at,
        behind=behind,
        unattributed=unattributed,
        labels_stale_after=settings.labels.fresh_for,
    )


def _requests(counts: Sequence[HealthCount]) -> Counter[str]:
    requests = Counter[str]()
    for count in counts:
        requests[count.entity_id] += count.requests
    return requests
