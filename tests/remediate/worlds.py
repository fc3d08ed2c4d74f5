"""A world in which nothing stands in the way of anything, to change one thing in."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from daemon.domain.finding import Against
from daemon.domain.remediation import Approval, Mode, Remediation, Remedy, Standing, State, VersionVerdict
from daemon.domain.restraint import Restraint, RestraintKind
from daemon.domain.serving import EndpointState, ServedEntity, Update
from daemon.domain.trail import Trail
from daemon.remediate.guards import Circumstances
from daemon.remediate.guards.circumstances import Fleet, Spent
from tests.remediate.stories import DRIFT, ENDPOINT, ERRORS, MODEL, START, firing, proposal

HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)
RULES = {"rollback": {"windows": 2}}
PLAN = {"config_version": 5, "traffic": {"2": 100}, "alias_version": 2, "rules": RULES}


def wanted(remedy: Remedy, **changes: Any) -> Remediation:
    """Return a proposal about version 2: to go back to 1, to promote 3."""
    to = {Remedy.ROLLBACK: 1, Remedy.PROMOTE: 3}.get(remedy)
    return replace(proposal(remedy, START), **{"from_version": 2, "to_version": to, **changes})


def planned(remedy: Remedy, state: State = State.APPROVED, **changes: Any) -> Remediation:
    """Return one whose plan is made, and perhaps approved."""
    return wanted(remedy, **{"state": state, "plan": PLAN, **changes})


def serving(percents: dict[int, int], update: Update = Update.NONE, config_version: int = 5) -> EndpointState:
    served = tuple(ServedEntity(f"m-{v}", MODEL, v, percent) for v, percent in percents.items())
    return EndpointState(ENDPOINT, config_version, served, True, update)


def verdict(version: int, standing: Standing) -> VersionVerdict:
    return VersionVerdict(ENDPOINT, MODEL, version, standing, "", START)


def fires(against: Against = Against.BEFORE, *, seen: datetime | None = START, **changes: Any) -> Trail:
    return replace(firing(ERRORS, endpoint=ENDPOINT, version=2, end=START, against=against), seen=seen, **changes)


def drifts(**changes: Any) -> Trail:
    return replace(firing(DRIFT, endpoint=ENDPOINT, version=2, end=START), **changes)


def restrained(kind: RestraintKind) -> dict[str, Any]:
    return {"restraints": [Restraint(kind, "", "ada", "because", START - HOUR, START + HOUR)]}


def word(one: Remediation, *, granted: bool = True, plan_hash: str = "") -> Approval:
    return Approval(one.id, "plan", plan_hash or one.plan_hash, granted, "ada", "because", START)


def well(**changes: Any) -> Circumstances:
    """Return a world in which version 2 serves and nothing stands in the way of anything."""
    plain = Circumstances(
        now=START,
        mode=Mode.AUTO,
        stopped="",
        follows="",
        restraints=(),
        hours=(),
        in_flight=(),
        ended=[START - HOUR],
        cooldown=HOUR,
        spent=Spent(3, 1, 9, 2),
        budget=Spent(4, 2, 10, 3),
        trouble=[fires(), drifts()],
        broken=(),
        requests=1000,
        new_rows=1000,
        rows_wanted=1000,
        stale_after=HOUR,
        newest=START - HOUR,
        ill_elsewhere=(),
        fleet=Fleet(5, frozenset({ENDPOINT, "delays"}), 3),
        state=serving({2: 100}),
        alias_version=2,
        record=[verdict(1, Standing.GOOD), verdict(2, Standing.GOOD)],
        target_lacks="",
        keeps_champion=True,
        rules=RULES,
    )
    return replace(plain, **changes)
