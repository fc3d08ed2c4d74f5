"""Loop 1, one endpoint, one look: open this first.

    sample -> decode -> profile -> detect -> decide -> store

All that can fail happens before the one transaction at the end, so a look either happened or did not. Only a baseline,
dear to make and true whatever becomes of the look, is stored as soon as it is made.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
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
from daemon.domain.sources import EndpointMetrics, Sources
from daemon.domain.trail import Trail
from daemon.domain.window import Window
from daemon.ports import InferenceLog, Labels, PlatformError, Registry, Serving, Tables
from daemon.store.engine import Store
from daemon.watch import memory, sample, who
from daemon.watch.beside import errors_beside
from daemon.watch.decide import View, decide
from daemon.watch.decode import decode
from daemon.watch.detect import detect, summary
from daemon.watch.labels.follow import follow_labels
from daemon.watch.labels.read import Labelled, count_labels
from daemon.watch.past import Past, learn
from daemon.watch.profile import profile
from daemon.watch.provide import provide
from daemon.watch.quality import quality
from daemon.watch.record import record
from daemon.watch.reference import reference
from daemon.watch.refused import Refused, forget, hear, refused
from daemon.watch.scales import confidence
from daemon.watch.silence import Silence
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
class Seen:
    """What one look read, before anything is concluded from it."""

    state: EndpointState
    profiles: Sequence[Profile]
    baselines: Mapping[int, Baseline]
    """Of the versions that the profiles are of."""
    newest: datetime | None
    counted: int = 0
    """Requests that no earlier look had counted."""
    behind: bool = False
    """More is left to read."""
    unknown: Mapping[str, int] = field(default_factory=dict)
    learned: Mapping[str, who.Entity] = field(default_factory=dict)
    labelled: Labelled = field(default_factory=Labelled)
    """What labels say of the predictions of before."""
    quiet: Silence | None = None
    """The silence since the last rows, where it is not to be expected."""
    metrics: EndpointMetrics | None = None
    """What the endpoint itself says of its last minute."""
    sources: Sources | None = None
    """What both it and its table said lately; None: nothing new was asked of them."""
    refused: Refused | None = None
    """What the endpoint refused and its table does not hold; None: that cannot be told."""
    notes: Sequence[str] = ()


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
    metrics: EndpointMetrics | None
    """What the endpoint itself says of its last minute. Nothing is decided by it."""
    sources: Sources | None
    refused: Refused | None
    notes: Sequence[str]


def look(settings: EndpointSettings, doors: Doors, store: Store, *, now: datetime, scratch: Path) -> Look:
    """Look at one endpoint.

    1. Ask what it serves, and recall what is known of it.
    2. Read the windows that are due.
    3. Recall the windows before them, and what they did by themselves.
    4. Check every count, follow the checks over the windows, decide.
    5. Write all of it down at once.
    """
    state = doors.serving.state(settings.name)
    known = memory.recall(store, settings, state, now=now)
    windows = sample.due(known.watermark, now, settings.watch)
    seen = read(settings, doors, store, windows, state, known, now=now, scratch=scratch)
    return finish(settings, store, seen, known, now=now)


def read(
    settings: EndpointSettings,
    doors: Doors,
    store: Store,
    windows: Sequence[Window],
    state: EndpointState,
    known: memory.Memory,
    *,
    now: datetime,
    scratch: Path,
) -> Seen:
    """Read some windows.

    1. Count their requests, without the payloads, and resolve which version answered.
       Hear what the endpoint itself says.
    2. Where a window is new or has changed: sample its payloads, decode them, count them in the baseline's bins.
    3. Where labels have come: count what was right.
    """
    notes: list[str] = []
    metrics = _metrics(settings, doors, notes)
    counts = doors.log.health(windows)
    sources = hear(known.sources, metrics, counts, now=now)
    entities, learned = who.resolve(
        counts, told=_told(doors, notes), learned=known.learned, state=state, changed_at=known.changed_at
    )
    versions = {entity: version for entity, (model, version) in entities.items() if model == settings.model}
    plan = sample.plan(counts, known.requests, versions, known.watermark, settings.watch)
    work = sample.parts(counts, plan.slots, versions, settings.watch)
    answering = {version: [e for e, v in versions.items() if v == version] for version in work}
    baselines, missing = provide(settings, doors, store, known, answering, now=now, scratch=scratch)
    profiles = _profiles(settings, doors, counts, work, baselines)
    serving = {v: [e for e, version in versions.items() if version == v] for v in known.trails}
    labelled = count_labels(settings, doors, store, serving, now=now)
    return Seen(
        state=state,
        profiles=profiles,
        baselines=baselines,
        newest=plan.read_until,
        counted=plan.counted,
        behind=plan.behind,
        unknown=_requests([c for c in counts if c.entity_id not in entities]),
        learned=learned,
        labelled=labelled,
        quiet=memory.silence_since(store, settings, plan.read_until, counts, now=now),
        metrics=metrics,
        sources=forget(sources, windows),
        refused=refused(sources, windows, counts, settings),
        notes=[*notes, *missing, *labelled.notes],
    )


def finish(settings: EndpointSettings, store: Store, seen: Seen, known: memory.Memory, *, now: datetime) -> Look:
    """Recall the windows before those that were read, conclude what follows, and write it down at once."""
    past = learn(settings, store, seen.profiles, seen.baselines, known, now=now)
    concluded = conclude(settings, seen, known, past, now=now)
    record(store, settings, concluded, seen.learned, now=now)
    return concluded


def conclude(
    settings: EndpointSettings, seen: Seen, known: memory.Memory, past: Mapping[int, Past], *, now: datetime
) -> Look:
    """Check every count, follow the checks over the windows, decide. Pure."""
    judged, findings = _judge(seen.profiles, past, seen.baselines, known, settings, seen.state)
    trails = _trails(settings, known, findings, seen.baselines)
    for version, concept in follow_labels(known.trails, seen.labelled.findings, settings).items():
        trails[version] |= concept
    unattributed = sum(seen.unknown.values())
    view = _view(settings, known, seen.state, trails, seen.quiet, behind=seen.behind, unattributed=unattributed)
    return Look(
        endpoint=settings.name,
        state=seen.state,
        gone=known.gone,
        profiles=judged,
        counted=seen.counted,
        findings=[*findings, *seen.labelled.findings],
        trails=trails,
        cohorts=seen.labelled.cohorts,
        labels_lost=seen.labelled.lost,
        decision=decide(view, stale_after=settings.watch.stale_after, now=now),
        newest=seen.newest,
        unknown=seen.unknown,
        metrics=seen.metrics,
        sources=seen.sources,
        refused=seen.refused,
        notes=seen.notes,
    )


def _metrics(settings: EndpointSettings, doors: Doors, notes: list[str]) -> EndpointMetrics | None:
    """Ask the endpoint for its own gauges. What it does not tell keeps nothing else from being seen."""
    try:
        return doors.serving.metrics(settings.name)
    except PlatformError as error:
        notes.append(f"the endpoint's own metrics are not seen: {error}")
        return None


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
        profiles.extend(profile(settings.name, version, parts, mine, batch, known, margin=settings.quality.margin))
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
    answered = {(p.window.start, p.version): (p.health.requests, p.health.errors) for p in profiles}
    answered = {**known.answered, **answered}
    # one that was replaced in the middle of a window does not stand beside the other: it came before it
    sharing = {e.version for e in state.served if e.model == settings.model and e.percent}
    for one in profiles:
        beside = [p for p in profiles if p.window == one.window and p.version in sharing - {one.version}]
        against = reference(
            one, beside, record=known.record, remembered=known.remembered, requests=settings.health.requests
        )
        before, baseline = past.get(one.version, Past()), baselines.get(one.version)
        alpha = confidence(settings, len(baseline.columns) if baseline else 0)
        found = [
            *detect(before.until(one), baseline, before.history, against, settings),
            *quality(one, baseline, settings, alpha=alpha),
            *errors_beside(one, sharing, answered, known.record, settings, since=known.changed_at, alpha=alpha),
        ]
        findings.extend(found)
        parts = [n for n, column in baseline.columns.items() if column.within] if baseline else ()
        steady = summary(found, Cause.DRIFT, Cause.QUALITY, parts=parts)
        judged.append(replace(one, healthy=summary(found, Cause.HEALTH), steady=steady))
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
    silence: Silence | None,
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
        silence=silence,
    )


def _requests(counts: Sequence[HealthCount]) -> Counter[str]:
    requests = Counter[str]()
    for count in counts:
        requests[count.entity_id] += count.requests
    return requests
