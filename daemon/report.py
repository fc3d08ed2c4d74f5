"""What the store knows, as one document each: `status` and `explain`, the same on the command line and over HTTP."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from daemon.config.endpoint import EndpointSettings
from daemon.config.settings import Settings
from daemon.domain.cohort import Cohort
from daemon.domain.remediation import Remediation, State
from daemon.domain.sources import Sources
from daemon.domain.trail import Phase, Trail
from daemon.remediate.people import plan
from daemon.remediate.people.answer import Gate, open_gate
from daemon.store import approvals, cohorts, endpoints, findings, lease, remediations, restraints, verdicts
from daemon.store.engine import Tx
from daemon.watch.labels.due import subject
from daemon.watch.labels.findings import estimate
from daemon.watch.labels.measure import values

NOT_YET = "not looked at yet"
WITHIN = timedelta(hours=24)
"""For an endpoint that is not configured any more."""


def status(tx: Tx, settings: Settings, *, stopped: str, now: datetime) -> dict[str, Any]:
    """Return how each endpoint is doing, what is forbidden, and what waits for a person."""
    opened = remediations.opened(tx)
    gates = [(one, gate) for one in opened if (gate := waits_for(tx, one, settings))]
    return {
        "leads": led.holder if (led := lease.holder(tx)) else None,
        "kill_switch": stopped,
        "restraints": [
            asdict(r) | {"in_force": r.holds_at(now), "words": r.words()} for r in restraints.unlifted(tx, now)
        ],
        "waits_for_approval": [_about(one) | _asked(one, gate) for one, gate in gates],
        "needs_human": [
            _about(one) | {"outcome": one.outcome, "since": one.updated_at, "type": release_command(one)}
            for one in opened
            if one.state is State.NEEDS_HUMAN
        ],
        "endpoints": [_endpoint(tx, e) for e in settings.endpoints],
    }


def explain(tx: Tx, one: Remediation, settings: Settings) -> dict[str, Any]:
    """Return all that is known of a remediation: why, what it will do, every guard, every word, every step."""
    gate = waits_for(tx, one, settings)
    return {
        **asdict(one),
        "plan_hash": one.plan_hash,
        "will_do": plan.will_do(one),
        "changed_rules": plan.changed_rules(one),
        "waits_for": None if gate is None else _asked(one, gate),
        "approvals": [asdict(word) for word in approvals.of(tx, one.id).values()],
        "steps": [asdict(step) for step in remediations.steps(tx, one.id)],
    }


def waits_for(tx: Tx, one: Remediation, settings: Settings) -> Gate | None:
    """Return what of a remediation waits for a word and has none yet."""
    endpoint = settings.endpoint(one.endpoint)
    gate = open_gate(tx, one, endpoint.approve.within if endpoint else WITHIN)
    return None if gate is None or gate.name in approvals.of(tx, one.id) else gate


def answer_commands(one: Remediation) -> tuple[str, str]:
    """Return what to type to say yes, and to say no."""
    rest = f"{one.id} --by YOU --reason TEXT"
    return f"mlsteward approve {rest}", f"mlsteward reject {rest}"


def release_command(one: Remediation) -> str:
    return f"mlsteward release {one.id} --by YOU --reason TEXT"


def _about(one: Remediation) -> dict[str, Any]:
    return {"id": one.id, "endpoint": one.endpoint, "remedy": one.remedy, "sentence": one.sentence}


def _asked(one: Remediation, gate: Gate) -> dict[str, Any]:
    approve, reject = answer_commands(one)
    return {
        "gate": gate.name,
        "about": gate.words,
        "plan_hash": gate.plan_hash,
        "until": gate.closes_at,
        "approve": approve,
        "reject": reject,
    }


def _endpoint(tx: Tx, settings: EndpointSettings) -> Mapping[str, Any]:
    name = settings.name
    state = endpoints.last_state(tx, name)
    trails = findings.recent(tx, name)
    record = verdicts.record(tx, name)
    return {
        "endpoint": name,
        "serves": ", ".join(f"version {e.version} at {e.percent} %" for e in state.served) if state else NOT_YET,
        "seen_until": endpoints.watermark(tx, name),
        "sources": _sources(endpoints.sources(tx, name)),
        "pending": [t.last.check.name for t in trails if t.phase is Phase.PENDING],
        "firing": [t.last.check.name for t in trails if t.phase is Phase.FIRING],
        "clearing": [t.last.check.name for t in trails if t.phase is Phase.CLEARING],
        "flapping": [t.last.check.name for t in trails if t.flapping],
        "findings": [_trouble(t) for t in trails if t.phase.trouble or t.flapping or t.warned],
        "good": [v.version for v in record if v.standing == "good"],
        "bad": [v.version for v in record if v.standing == "bad"],
        "open": [f"{r.remedy} {r.id} {r.state}" for r in remediations.opened(tx, name)],
        "performance": [
            told
            for version in (sorted(state.versions(settings.model)) if state else ())
            if (told := performance(tx, settings, version))
        ],
    }


def _sources(known: Sources) -> Mapping[str, Any]:
    """Tell what each source saw, each of its own stretch of time."""
    said, table = known.readings[-1] if known.readings else None, known.table
    return {
        "endpoint": None if said is None else asdict(said),
        "table": None
        if table is None
        else {
            "from": table.window.start,
            "until": table.window.end,
            "requests": table.requests,
            "errors_4xx": table.errors_4xx,
            "errors_5xx": table.errors_5xx,
        },
    }


def _trouble(trail: Trail) -> Mapping[str, Any]:
    last = trail.last
    return {
        "id": last.id,
        "phase": str(trail.phase),
        "flapping": trail.flapping,
        "warned": trail.warned,
        "since": trail.since or trail.warned,
        "statistic": last.statistic,
        "bound": last.bound,
        "threshold": last.threshold,
    }


def performance(tx: Tx, settings: EndpointSettings, version: int) -> dict[str, Any] | None:
    """Return what labels say of a version, and what its scores make of the newest cohort until labels come."""
    rules = settings.labels
    if rules.table is None:
        return None
    newest = cohorts.newest(tx, settings.name, version, subject(rules))
    if newest is None:
        return None
    told = cohorts.newest(tx, settings.name, version, subject(rules), coverage=rules.coverage)
    return {
        "version": version,
        "newest": _cohort(newest) | {"estimated_accuracy": estimate(newest)},
        "measured": None if told is None else _cohort(told) | values(told.truth, rules),
    }


def _cohort(one: Cohort) -> dict[str, Any]:
    about = {"predicted": one.predicted, "labelled": one.truth.labelled, "coverage": one.coverage}
    return {"from": one.window.start, "until": one.window.end, **about}
