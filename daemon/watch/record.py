"""The one write of a look: profiles, trails, verdicts, watermark, and with them a proposal or an event."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from daemon.config.endpoint import EndpointSettings
from daemon.domain.decision import Action, Because, Decision
from daemon.domain.event import Event, Severity
from daemon.domain.remediation import Mode, Remediation, Remedy, Standing, State, VersionVerdict, new_id
from daemon.store import endpoints, events, findings, profiles, remediations, verdicts
from daemon.store.engine import Store, Tx
from daemon.watch.trail import proven
from daemon.watch.who import Entity

if TYPE_CHECKING:
    from daemon.watch.cycle import Look

PROPOSAL_LIVES = timedelta(hours=24)
"""A proposal that nothing let through by then is dropped: the world it was made for is gone."""


def record(
    store: Store, settings: EndpointSettings, seen: "Look", learned: Mapping[str, Entity], *, now: datetime
) -> None:
    """Write a look down, whole or not at all."""
    with store.begin() as tx:
        for entity_id, (model, version) in learned.items():
            endpoints.learn(tx, seen.endpoint, entity_id, model, version, now)
        profiles.save(tx, seen.profiles)
        findings.save(tx, [t for trails in seen.trails.values() for t in trails.values()])
        findings.close_others(tx, seen.endpoint, [e.version for e in seen.state.served])
        for verdict in _proven(settings, seen):
            verdicts.set_standing(tx, verdict)
        if seen.newest is not None:
            endpoints.save_watermark(tx, seen.endpoint, seen.newest)
        _conclude(tx, settings, seen.decision, seen, now)


def _proven(settings: EndpointSettings, seen: "Look") -> Iterator[VersionVerdict]:
    for entity in seen.state.served:
        trails = seen.trails.get(entity.version, {}).values()
        newest = max((t.newest for t in trails if t.newest), default=None)
        if entity.percent and newest and proven(trails, settings.decide):
            why = f"{settings.decide.good} healthy windows in a row"
            yield VersionVerdict(seen.endpoint, entity.model, entity.version, Standing.GOOD, why, newest)


def _conclude(tx: Tx, settings: EndpointSettings, decision: Decision, seen: "Look", now: datetime) -> None:
    """Leave what follows from the decision: an event that somebody is told, or a proposal that the next loop weighs."""
    if decision.because is Because.BLIND and seen.newest is not None:
        silent = f"{seen.endpoint}: no new request since {seen.newest:%Y-%m-%d %H:%M:%S} UTC; nothing is acted upon"
        key = f"{seen.endpoint}:blind:{seen.newest.isoformat()}"
        events.append(tx, Event("watch.blind", Severity.WARNING, silent, now, seen.endpoint, dedup_key=key))
    elif decision.action is Action.PAGE:
        _page(tx, decision, seen, now)
    elif decision.action is Action.REMEDIATE and decision.remedy is not None:
        if _mode(settings, decision.remedy) is Mode.OFF:
            _tell(tx, decision, seen, now, Severity.WARNING)
        elif not _under_way(tx, decision):
            remediations.propose(tx, _proposal(settings, decision, seen, now))


def _page(tx: Tx, decision: Decision, seen: "Look", now: datetime) -> None:
    """Page once for each stretch of trouble; trouble of several endpoints at once is one stretch."""
    if decision.because is Because.UPSTREAM:
        newest = events.newest(tx, "incident.upstream")
        if newest is None or decision.since is None or newest.at < decision.since:
            key = f"upstream:{now.isoformat()}"
            numbers = _numbers(decision)
            events.append(
                tx, Event("incident.upstream", Severity.PAGE, decision.sentence, now, "", numbers, dedup_key=key)
            )
    else:
        _tell(tx, decision, seen, now, Severity.PAGE)


def _tell(tx: Tx, decision: Decision, seen: "Look", now: datetime, severity: Severity) -> None:
    since = decision.since.isoformat() if decision.since else ""
    key = f"{seen.endpoint}:{decision.because}:{decision.version}:{since}"
    kind = f"watch.{decision.because}"
    events.append(tx, Event(kind, severity, decision.sentence, now, seen.endpoint, _numbers(decision), dedup_key=key))


def _mode(settings: EndpointSettings, remedy: Remedy) -> Mode:
    if remedy is Remedy.RETRAIN and settings.retrain.job_id is None:
        return Mode.OFF
    return settings.mode.of(remedy)


def _under_way(tx: Tx, decision: Decision) -> bool:
    """Drift waits for whatever is open; a rollback waits only for another rollback."""
    endpoint = decision.evidence[0].endpoint
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


def _numbers(decision: Decision) -> dict[str, object]:
    return {"findings": [f.numbers() for f in decision.evidence[:10]]}
