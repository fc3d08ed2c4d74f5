"""What must be true before anything is done. One pure function each; all are asked, and all answers are kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon.domain.remediation import GuardResult, Mode, Remediation, Remedy, Standing, State, VersionVerdict
from daemon.domain.serving import EndpointState, Update, traffic


@dataclass(frozen=True, slots=True)
class Circumstances:
    """The world and the record at the moment of the question."""

    now: datetime
    mode: Mode
    in_flight: Sequence[Remediation]
    """Other remediations under way on this endpoint."""
    last_ended: datetime | None
    cooldown: timedelta
    firing: frozenset[str]
    """Names of the checks of `from_version` that fire now."""
    newest: datetime | None
    stale_after: timedelta
    state: EndpointState
    record: Sequence[VersionVerdict]
    target_there: bool
    """The version to go to is in the registry, ready, and not archived."""
    ill_elsewhere: Sequence[str]


Guard = Callable[[Remediation, Circumstances], tuple[bool, str]]

LEAST_ILL = 1
"""One other endpoint in trouble at the same time is enough to doubt that this one's version is to blame."""


def mode(_: Remediation, c: Circumstances) -> tuple[bool, str]:
    return c.mode is not Mode.OFF, f"mode is {c.mode}"


def slot(r: Remediation, c: Circumstances) -> tuple[bool, str]:
    others = ", ".join(f"{o.remedy} {o.id}" for o in c.in_flight if not gives_way(o, r))
    return not others, f"{others} is under way" if others else "nothing is in the way"


def gives_way(other: Remediation, r: Remediation) -> bool:
    """A rollback waits neither for a training job nor for housekeeping: nothing of theirs touches traffic."""
    idle = other.remedy in (Remedy.RETRAIN, Remedy.ARCHIVE) and other.state is State.EXECUTING
    return r.remedy is Remedy.ROLLBACK and idle


def cooldown(_: Remediation, c: Circumstances) -> tuple[bool, str]:
    if c.last_ended is None:
        return True, "the first of its kind"
    waits_until = c.last_ended + c.cooldown
    return c.now >= waits_until, f"the last one ended {c.last_ended:%F %T}, so not before {waits_until:%F %T} UTC"


def fresh(r: Remediation, c: Circumstances) -> tuple[bool, str]:
    if r.remedy is Remedy.ARCHIVE:
        return True, "needs no traffic"
    if c.newest is None:
        return False, "no traffic has been seen"
    lag = c.now - c.newest
    return lag <= c.stale_after, f"newest window ended {lag.total_seconds():.0f} s ago"


def still_firing(r: Remediation, c: Circumstances) -> tuple[bool, str]:
    if r.remedy not in (Remedy.RETRAIN, Remedy.ROLLBACK):
        return True, "is not about a finding"
    return bool(c.firing), f"{len(c.firing)} checks of version {r.from_version} fire"


def settled(_: Remediation, c: Circumstances) -> tuple[bool, str]:
    return c.state.update in (Update.NONE, Update.FAILED), f"the endpoint's last update: {c.state.update}"


def base(r: Remediation, c: Circumstances) -> tuple[bool, str]:
    """The version that the remedy is about still serves; a promotion's champion still serves everything."""
    serves = traffic(c.state.served)
    if r.remedy is Remedy.ARCHIVE:
        return True, "does not touch traffic"
    if r.remedy is Remedy.PROMOTE:
        return serves == {r.from_version: 100}, f"serves {serves}"
    return r.from_version in serves, f"serves {serves}"


def target(r: Remediation, c: Circumstances) -> tuple[bool, str]:
    """The version to go to is there and not known bad; a rollback's must be known good."""
    if r.to_version is None:
        return r.remedy not in (Remedy.ROLLBACK, Remedy.PROMOTE), "there is no version to go to"
    standing = next((v.standing for v in c.record if v.version == r.to_version), None)
    if not c.target_there:
        return False, f"version {r.to_version} is not in the registry, not ready, or archived"
    if standing is Standing.BAD:
        return False, f"version {r.to_version} is known bad"
    if r.remedy is Remedy.ROLLBACK and standing is not Standing.GOOD:
        return False, f"version {r.to_version} is not known good"
    return True, f"version {r.to_version} is {standing or 'new'}"


def alone(r: Remediation, c: Circumstances) -> tuple[bool, str]:
    if r.remedy is Remedy.ARCHIVE:
        return True, "does not touch traffic"
    where = ", ".join(c.ill_elsewhere)
    return len(c.ill_elsewhere) < LEAST_ILL, f"also ill: {where}" if where else "no other endpoint is ill"


GUARDS: dict[str, Guard] = {
    "mode": mode,
    "slot": slot,
    "cooldown": cooldown,
    "fresh": fresh,
    "still_firing": still_firing,
    "settled": settled,
    "base": base,
    "target": target,
    "alone": alone,
}

ENDING = frozenset({"mode", "still_firing", "base"})
"""Where one of these does not hold, waiting will not help: the proposal is about a world that is gone."""


def ask_all(remediation: Remediation, circumstances: Circumstances) -> tuple[GuardResult, ...]:
    """Ask every guard."""
    return tuple(GuardResult(name, *guard(remediation, circumstances)) for name, guard in GUARDS.items())
