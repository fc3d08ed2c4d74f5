"""Many endpoints in trouble at once: what they share is ill. One page, and nothing new is begun until it is calm."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from math import ceil

from daemon.config.settings import Safety
from daemon.domain.event import Event, Severity
from daemon.domain.finding import Cause
from daemon.domain.remediation import IN_FLIGHT, Remedy
from daemon.domain.restraint import Restraint, RestraintKind
from daemon.domain.trail import Phase
from daemon.remediate.doors import Lately
from daemon.remediate.guards.circumstances import Fleet
from daemon.store import events, findings, remediations, restraints
from daemon.store.engine import Store, Tx


def many(size: int, safety: Safety) -> int:
    """Return how many endpoints at once are a storm. Pure."""
    return max(safety.storm_least, ceil(safety.storm_share * size))


def fleet_of(tx: Tx, fleet: Mapping[str, Lately], safety: Safety, *, now: datetime) -> Fleet:
    """Return how all endpoints are doing. What is under treatment counts as ill until it has been verified.

    Ill is: errors or latency in trouble, or certain drift, or a certain fall of performance: many at once share a feed
    of labels more likely than a fault.
    """
    ill = set()
    for cause in (Cause.HEALTH, Cause.DRIFT, Cause.CONCEPT):
        speaks = {n: one.cohorts if cause is Cause.CONCEPT else one.windows for n, one in fleet.items()}
        for name, trails in findings.ill(tx, cause, now - max(speaks.values(), default=timedelta())).items():
            since = now - speaks.get(name, timedelta())
            lately = [t for t in trails if t.newest and t.newest >= since]
            if any(t.phase is not Phase.PENDING or cause is Cause.HEALTH for t in lately):
                ill.add(name)
    treated = [r for r in remediations.opened(tx) if r.state in IN_FLIGHT and r.remedy is not Remedy.ARCHIVE]
    ill |= {r.endpoint for r in treated}
    return Fleet(len(fleet), frozenset(ill & fleet.keys()), many(len(fleet), safety))


def watch_storm(store: Store, fleet: Mapping[str, Lately], safety: Safety, *, now: datetime) -> Fleet:
    """Begin a storm and page, or prolong the one that goes on. It ends by itself, once it has been calm for long."""
    with store.begin() as tx:
        # two daemons that look at once must not both begin it
        remediations.lock_dispatch(tx)
        seen = fleet_of(tx, fleet, safety, now=now)
        if len(seen.ill) < seen.many:
            return seen
        going_on = [one for one in restraints.in_force(tx, now, "") if one.kind is RestraintKind.STORM]
        if going_on:
            restraints.prolong(tx, going_on[0], now + safety.storm_calm)
            return seen
        where = ", ".join(sorted(seen.ill))
        reason = f"{len(seen.ill)} of {seen.size} endpoints are ill or under treatment at once"
        begun = Restraint(RestraintKind.STORM, "", "mlsteward", reason, now, now + safety.storm_calm)
        restraints.impose(tx, begun)
        sentence = f"{reason}: {where}. That is not one version's fault: nothing new is begun until it has been calm"
        numbers = {"ill": sorted(seen.ill), "fleet": seen.size, "many": seen.many}
        key = f"storm:{now.isoformat()}"
        events.append(tx, Event("incident.storm", Severity.PAGE, sentence, now, "", numbers, dedup_key=key))
    return seen
