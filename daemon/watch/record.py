"""The one write of a look: profiles, trails, verdicts, watermark, and with them a proposal or an event."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from daemon.config.endpoint import EndpointSettings
from daemon.domain.decision import Action, Because, Decision
from daemon.domain.event import Event, Severity
from daemon.domain.finding import Cause, Verdict
from daemon.domain.remediation import Mode, Remediation, Remedy, Standing, State, VersionVerdict, new_id
from daemon.domain.serving import EndpointState
from daemon.domain.trail import Trail
from daemon.domain.window import EPOCH
from daemon.store import cohorts, endpoints, events, findings, profiles, remediations, verdicts
from daemon.store.engine import Store, Tx
from daemon.watch.decide import flapping, warned
from daemon.watch.refused import said
from daemon.watch.trail import proven
from daemon.watch.who import Entity

if TYPE_CHECKING:
    from daemon.watch.cycle import Look

BLIND, SILENT, SIGHTED = "watch.blind", "watch.silent", "watch.sees_again"
REFUSED, ADMITTED = "watch.refused", "watch.admits_again"
LOST, BACK = "labels.lost", "labels.back"
SIGHTS = {Because.BLIND: BLIND, Because.SILENT: SILENT}
PROPOSAL_LIVES = timedelta(hours=24)
"""A proposal that nothing let through by then is dropped: the world it was made for is gone."""


def record(
    store: Store, settings: EndpointSettings, seen: "Look", learned: Mapping[str, Entity], *, now: datetime
) -> None:
    """Write a look down, whole or not at all."""
    with store.begin() as tx:
        first = endpoints.last_state(tx, seen.endpoint) is None
        if endpoints.save_state(tx, seen.state, now) and not first:
            events.append(tx, _changed(seen.state, now))
        for entity_id, (model, version) in learned.items():
            endpoints.learn(tx, seen.endpoint, entity_id, model, version, now)
        profiles.save(tx, seen.profiles)
        cohorts.save(tx, seen.cohorts)
        _tell_labels(tx, seen, now)
        trails = [t for of_version in seen.trails.values() for t in of_version.values()]
        _tell_flapping(tx, seen.endpoint, trails, now)
        _tell_warnings(tx, seen.endpoint, trails, now)
        # what is no longer served, or no longer asked, has no trail
        findings.close_others(tx, seen.endpoint, [])
        findings.save(tx, trails)
        for verdict in _proven(settings, seen, now):
            verdicts.set_standing(tx, verdict)
        if seen.sources is not None:
            endpoints.save_sources(tx, seen.endpoint, seen.sources)
        _tell_refused(tx, seen, now)
        if seen.newest is not None:
            endpoints.save_watermark(tx, seen.endpoint, seen.newest)
        _conclude(tx, settings, seen.decision, seen, now)


def _changed(state: EndpointState, now: datetime) -> Event:
    shares = ", ".join(f"version {e.version} at {e.percent} %" for e in state.served)
    key = f"{state.endpoint}:config:{state.config_version}:{now.isoformat()}"
    sentence = f"{state.endpoint} now serves {shares}"
    numbers = {"serves": [[e.model, e.version, e.percent] for e in state.served]}
    return Event("endpoint.changed", Severity.INFO, sentence, now, state.endpoint, numbers, dedup_key=key)


def _tell_flapping(tx: Tx, endpoint: str, trails: Sequence[Trail], now: datetime) -> None:
    """Page once, when the first of an endpoint's checks begins to come and go: it is not acted upon any more."""
    if any(t.flapping for t in findings.recent(tx, endpoint)) or not any(t.flapping for t in trails):
        return
    sentence = f"{endpoint}: {flapping(trails)}: nothing is done about it before it has come to rest"
    numbers = {"findings": [t.last.numbers() for t in trails if t.flapping][:10]}
    key = f"{endpoint}:flapping:{now.isoformat()}"
    events.append(tx, Event("watch.flapping", Severity.PAGE, sentence, now, endpoint, numbers, dedup_key=key))


def _tell_warnings(tx: Tx, endpoint: str, trails: Sequence[Trail], now: datetime) -> None:
    """Tell once of each stretch in which drift is certain at the level of a warning, while nothing worse goes on."""
    before = {(t.last.version, t.last.check): t.warned for t in findings.recent(tx, endpoint)}
    new = [t for t in trails if t.warned and before.get((t.last.version, t.last.check)) != t.warned]
    if not new or any(t.phase.trouble for t in trails):
        return
    sentence = (
        f"version {new[0].last.version} begins to see other data: {warned(new)}. "
        "Certain enough for a warning, not to act upon"
    )
    numbers = {"findings": [t.last.numbers() for t in new[:10]]}
    key = f"{endpoint}:warning:{now.isoformat()}"
    events.append(tx, Event("watch.warning", Severity.WARNING, sentence, now, endpoint, numbers, dedup_key=key))


def _tell_labels(tx: Tx, seen: "Look", now: datetime) -> None:
    """Tell once that no labels are to be had, and once that they come again: without them, performance is not seen."""
    came = not seen.labels_lost and any(one.truth.labelled for one in seen.cohorts)
    last = events.last_of(tx, (LOST, BACK), seen.endpoint)
    was_lost = last is not None and last.kind == LOST
    if came and was_lost:
        kind, severity, rest = BACK, Severity.INFO, "labels come again"
    elif seen.labels_lost and not was_lost:
        kind, severity, rest = LOST, Severity.WARNING, f"no labels, so performance is not judged: {seen.labels_lost}"
    else:
        return
    key = f"{seen.endpoint}:{kind}:{now.isoformat()}"
    events.append(tx, Event(kind, severity, f"{seen.endpoint}: {rest}", now, seen.endpoint, {}, dedup_key=key))


def _tell_refused(tx: Tx, seen: "Look", now: datetime) -> None:
    """Tell once of each stretch in which the endpoint turns callers away whom its table does not show."""
    if (found := seen.refused) is None:
        return
    last = events.last_of(tx, (REFUSED, ADMITTED), seen.endpoint)
    was = last is not None and last.kind == REFUSED
    if found.matters and not found.calm and not was:
        kind, severity, sentence = REFUSED, Severity.WARNING, said(found, seen.metrics)
    elif was and found.calm:
        kind, severity, sentence = ADMITTED, Severity.INFO, "it refuses nothing any more that its table does not hold"
    else:
        return
    numbers = asdict(found)
    key = f"{seen.endpoint}:{kind}:{now.isoformat()}"
    events.append(tx, Event(kind, severity, f"{seen.endpoint}: {sentence}", now, seen.endpoint, numbers, dedup_key=key))


def _proven(settings: EndpointSettings, seen: "Look", now: datetime) -> Iterator[VersionVerdict]:
    """Yield who has shown itself good. What is stale by the clock proves nobody: the clock may have jumped."""
    for entity in seen.state.served:
        if entity.model != settings.model:
            continue
        trails = seen.trails.get(entity.version, {}).values()
        healthy = [t.newest for t in trails if t.last.check.cause is Cause.HEALTH and t.last.verdict is Verdict.HEALTHY]
        newest = max((moment for moment in healthy if moment), default=EPOCH)
        fresh = now - newest <= settings.watch.stale_after
        if entity.percent and fresh and proven(trails, settings.decide):
            why = f"{settings.decide.good} healthy windows in a row"
            yield VersionVerdict(seen.endpoint, entity.model, entity.version, Standing.GOOD, why, newest)


def _conclude(tx: Tx, settings: EndpointSettings, decision: Decision, seen: "Look", now: datetime) -> None:
    """Leave what follows from the decision: an event that somebody is told, or a proposal that the next loop weighs."""
    if decision.because is not Because.BEHIND:
        _tell_sight(tx, seen.endpoint, decision, now)
    if decision.because is Because.UPSTREAM:
        _tell(tx, decision, "incident.upstream", "", now, Severity.PAGE)
    elif decision.action is Action.PAGE and decision.because is not Because.SILENT:
        _tell(tx, decision, f"watch.{decision.because}", seen.endpoint, now, Severity.PAGE)
    elif decision.action is Action.REMEDIATE and decision.remedy is not None:
        if _mode(settings, decision.remedy) is Mode.OFF:
            _tell(tx, decision, f"watch.{decision.because}", seen.endpoint, now, Severity.WARNING)
        elif not _under_way(tx, decision, seen.endpoint):
            remediations.propose(tx, _proposal(settings, decision, seen, now))


def _tell_sight(tx: Tx, endpoint: str, decision: Decision, now: datetime) -> None:
    """Tell when an endpoint is lost sight of, and when it is seen again: once each, however often it is looked at.

    Somebody is called where a silence is hardly chance, even after it was told that nothing is seen; not once more
    where it is only that.
    """
    last = events.last_of(tx, (BLIND, SILENT, SIGHTED), endpoint)
    was, kind = last.kind if last else SIGHTED, SIGHTS.get(decision.because, SIGHTED)
    if kind == was or (was, kind) == (SILENT, BLIND):
        return
    severity = {BLIND: Severity.WARNING, SILENT: Severity.PAGE}.get(kind, Severity.INFO)
    seen = kind == SIGHTED
    sentence = f"{endpoint}: {'it is seen again, and findings go on where they were' if seen else decision.sentence}"
    numbers = {} if seen else {"since": decision.since}
    events.append(tx, Event(kind, severity, sentence, now, endpoint, numbers, f"{endpoint}:{kind}:{now.isoformat()}"))


def _tell(tx: Tx, decision: Decision, kind: str, endpoint: str, now: datetime, severity: Severity) -> None:
    """Tell once of each stretch of trouble: not again what had begun when it was last told of, by event time.

    Trouble of several endpoints at once (`endpoint` is empty) is one stretch, whichever of them it is seen from.
    """
    since = decision.since or now
    version = decision.version if endpoint else None
    last = events.newest(tx, kind, endpoint)
    if last and last.numbers.get("version") == version and _moment(last.numbers.get("until")) >= since:
        return
    numbers: dict[str, object] = {"since": since, "until": decision.until or now}
    numbers |= {"version": version} if version is not None else {}
    numbers |= {"findings": [f.numbers() for f in decision.evidence[:10]]}
    key = f"{kind}:{endpoint}:{version}:{since.isoformat()}"
    events.append(tx, Event(kind, severity, decision.sentence, now, endpoint, numbers, dedup_key=key))


def _moment(written: object) -> datetime:
    return datetime.fromisoformat(written) if isinstance(written, str) else EPOCH


def _mode(settings: EndpointSettings, remedy: Remedy) -> Mode:
    if remedy is Remedy.RETRAIN and settings.retrain.job_id is None:
        return Mode.OFF
    return settings.mode.of(remedy)


def _under_way(tx: Tx, decision: Decision, endpoint: str) -> bool:
    """Drift waits for whatever is open; a rollback waits only for another rollback."""
    open_now = remediations.opened(tx, endpoint)
    return any(decision.remedy is Remedy.RETRAIN or r.remedy is decision.remedy for r in open_now)


def _proposal(settings: EndpointSettings, decision: Decision, seen: "Look", now: datetime) -> Remediation:
    assert decision.remedy is not None
    return Remediation(
        id=new_id(seen.endpoint, decision.remedy, now),
        endpoint=seen.endpoint,
        remedy=decision.remedy,
        state=State.PROPOSED,
        reason=str(decision.because),
        sentence=decision.sentence,
        evidence={
            "since": decision.since.isoformat() if decision.since else None,
            "findings": [f.numbers() for f in decision.evidence],
        },
        model=settings.model,
        from_version=decision.version,
        to_version=decision.target,
        plan={},
        created_at=now,
        updated_at=now,
        deadline_at=now + PROPOSAL_LIVES,
    )
