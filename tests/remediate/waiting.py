"""A remediation that waits for a person's word, as the daemon would have left it in the store."""

from datetime import UTC, datetime, timedelta
from typing import Any

from daemon.config.endpoint import EndpointSettings
from daemon.domain.event import Event, Severity
from daemon.domain.remediation import GuardResult, Remediation, Remedy, State, Step, StepState, token
from daemon.domain.serving import EndpointState, ServedEntity, Update
from daemon.remediate.frozen import freeze
from daemon.remediate.moves import move
from daemon.store import events, remediations
from daemon.store.engine import Store

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FINDING = {
    "check": "error_rate_5xx",
    "statistic": 0.31,
    "bound": 0.27,
    "threshold": 0.01,
    "n": 2000,
    "against": "version_before",
    "version": 3,
    "window": ["2026-03-01T11:45:00", "2026-03-01T12:00:00"],
}


def rules(**changes: Any) -> EndpointSettings:
    return EndpointSettings(name="flights", table="/t", model="m", **changes)


def proposed(store: Store, remedy: Remedy = Remedy.ROLLBACK, **changes: Any) -> Remediation:
    plain: dict[str, Any] = {
        "id": "260301-120000-abcde",
        "endpoint": "flights",
        "remedy": remedy,
        "state": State.PROPOSED,
        "reason": "version_is_worse",
        "sentence": "version 3 fails: roll back to version 2",
        "evidence": {"findings": [FINDING]},
        "model": "m",
        "from_version": 3,
        "to_version": 2,
        "plan": {},
        "created_at": NOW,
        "updated_at": NOW,
        "deadline_at": NOW + timedelta(hours=24),
    }
    one = Remediation(**{**plain, **changes})
    with store.begin() as tx:
        assert remediations.propose(tx, one)
    return one


def waiting(store: Store, remedy: Remedy = Remedy.ROLLBACK, **changes: Any) -> Remediation:
    """Leave a plan that waits for a word until 24 hours after NOW."""
    one = proposed(store, remedy, **changes)
    served = (ServedEntity("m-3", "m", one.from_version or 1, 100),)
    plan = freeze(one, rules(), EndpointState(one.endpoint, 7, served, True, Update.NONE), 3)
    guards = (GuardResult("mode", True, "mode is approve"), GuardResult("approval", False, "nobody has said yes yet"))
    with store.begin() as tx:
        sentence = f"may it be done? {one.sentence}"
        within = timedelta(hours=24)
        to = State.AWAITING_APPROVAL
        moved = move(tx, one, to, sentence, now=NOW, plan=plan, guards=guards, deadline=within)
    assert moved
    return moved


def asking(store: Store, step: str = "full", **changes: Any) -> Remediation:
    """Leave a promotion that is under way, and asks before a step since NOW."""
    one = waiting(store, Remedy.PROMOTE, from_version=3, to_version=4, **changes)
    with store.begin() as tx:
        approved = move(tx, one, State.APPROVED, "mode is auto", now=NOW)
        assert approved
        begun = move(tx, approved, State.EXECUTING, "go", now=NOW, deadline=timedelta(days=2))
        assert begun
        name = f"ask-{step}"
        remediations.write_intent(tx, Step(one.id, 5, name, StepState.INTENT, token(one.id, name), started_at=NOW))
        numbers = {"remediation": one.id, "gate": name}
        asks = Event("remediation.asks", Severity.WARNING, f"may it go on with {step}?", NOW, "flights", numbers, name)
        events.append(tx, asks)
    return begun
