"""Guards that ask whether anything may be done at all, now, and this often."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from daemon.domain.hours import open_at, opens_next
from daemon.domain.remediation import Mode, Remediation, Remedy
from daemon.domain.restraint import RestraintKind
from daemon.domain.states import State
from daemon.remediate.guards.circumstances import Circumstances

LONGEST_COOLDOWN = timedelta(days=1)
"""Cooldowns grow to this, or stay as long as they were configured where that is longer."""
GROWS_WITHIN = 4
"""A run that ends within so many cooldowns after the one before doubles the next cooldown."""


def mode(r: Remediation, c: Circumstances) -> tuple[bool, str]:
    """Not off; and what a person approved is not begun once the mode has been turned down."""
    decided = r.state in (State.AWAITING_APPROVAL, State.APPROVED, State.SCHEDULED)
    return c.mode in ((Mode.APPROVE, Mode.AUTO) if decided else set(Mode) - {Mode.OFF}), f"mode is {c.mode}"


def kill_switch(_: Remediation, c: Circumstances) -> tuple[bool, str]:
    if c.stopped:
        return False, c.stopped
    return _free(c, RestraintKind.KILL, otherwise="not pulled")


def lease(_: Remediation, c: Circumstances) -> tuple[bool, str]:
    return not c.follows, c.follows or "this daemon leads"


def pause(_: Remediation, c: Circumstances) -> tuple[bool, str]:
    return _free(c, RestraintKind.PAUSE, RestraintKind.MAINTENANCE, otherwise="neither paused nor under maintenance")


def hold(_: Remediation, c: Circumstances) -> tuple[bool, str]:
    return _free(c, RestraintKind.HOLD, otherwise="not held")


def hours(_: Remediation, c: Circumstances) -> tuple[bool, str]:
    if not c.hours:
        return True, "may begin at any time"
    kept = ", ".join(c.hours)
    if open_at(tuple(c.hours), c.now):
        return True, f"within {kept}"
    opening = opens_next(tuple(c.hours), c.now)
    return False, f"outside of {kept}; they open next {f'{opening:%F %H:%M} UTC' if opening else 'in over a week'}"


def slot(r: Remediation, c: Circumstances) -> tuple[bool, str]:
    others = ", ".join(f"{o.remedy} {o.id}" for o in c.in_flight if not gives_way(o, r))
    return not others, f"{others} is under way" if others else "nothing is in the way"


def gives_way(other: Remediation, r: Remediation) -> bool:
    """A rollback waits neither for a training job nor for housekeeping: nothing of theirs touches traffic."""
    idle = other.remedy in (Remedy.RETRAIN, Remedy.ARCHIVE) and other.state is State.EXECUTING
    return r.remedy is Remedy.ROLLBACK and idle


def cooldown(_: Remediation, c: Circumstances) -> tuple[bool, str]:
    if not c.ended or not c.cooldown:
        return True, "the first of its kind" if not c.ended else "has no cooldown"
    waits = grown(c.cooldown, c.ended)
    until = c.ended[0] + waits
    return c.now >= until, f"the last one ended {c.ended[0]:%F %T}; for {waits}, so not before {until:%F %T} UTC"


def grown(base: timedelta, ended: Sequence[datetime]) -> timedelta:
    """Return the cooldown after these ends: doubled for each run that followed close upon another.

    Close is within four times the cooldown that was due then. It grows to a day and shrinks again by itself: an end
    that came after a long rest begins the count anew.
    """
    longest, waits = max(base, LONGEST_COOLDOWN), base
    for before, after in pairwise(sorted(ended)):
        waits = min(2 * waits, longest) if after - before <= GROWS_WITHIN * waits else base
    return waits


def budget(r: Remediation, c: Circumstances) -> tuple[bool, str]:
    """So many a day and no more, however good the reasons: what comes this often is not cured by it."""
    spent, may = c.spent, c.budget
    over = [
        f"{count} of {most} {what}"
        for count, most, what in (
            (spent.remedy, may.remedy, f"times {r.remedy} here in 24 h"),
            (spent.endpoint, may.endpoint, "remediations here in 24 h"),
            (spent.fleet, may.fleet, "remediations of the fleet in 24 h"),
            (spent.at_once, may.at_once, "remediations of the fleet under way"),
        )
        if count >= most
    ]
    used = f"{spent.remedy} of {may.remedy} times today, {spent.fleet} of {may.fleet} over the fleet"
    return not over, "; ".join(over) or used


def rules(r: Remediation, c: Circumstances) -> tuple[bool, str]:
    """What was planned, and perhaps approved, is done by the rules that it was planned by."""
    planned = r.plan.get("rules")
    same = planned is None or planned == c.rules
    return same, "no plan yet" if planned is None else "as planned" if same else "its settings have changed since"


def approval(r: Remediation, c: Circumstances) -> tuple[bool, str]:
    """A person's word counts for the very plan that it was given on."""
    if c.mode is not Mode.APPROVE and r.state not in (State.APPROVED, State.SCHEDULED):
        return True, f"mode {c.mode} asks nobody"
    word = c.approval
    if word is None:
        return c.mode is not Mode.APPROVE, "nobody has said yes yet"
    if word.plan_hash != r.plan_hash:
        return False, f"{word.by} approved another plan ({word.plan_hash[:12]}) than this one ({r.plan_hash[:12]})"
    return word.granted, f"{'approved' if word.granted else 'rejected'} by {word.by}: {word.reason}"


def _free(c: Circumstances, *kinds: RestraintKind, otherwise: str) -> tuple[bool, str]:
    found = [one.words() for one in c.restraints if one.kind in kinds]
    return not found, "; ".join(found) or otherwise
