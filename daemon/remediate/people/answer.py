"""A person's yes or no: to a plan, or to one step of it that asks."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon.domain.event import Severity
from daemon.domain.person import Done, Refused, Unknown, Who
from daemon.domain.remediation import Approval, Remediation, Remedy, State, StepState
from daemon.domain.restraint import RestraintKind
from daemon.remediate.ask import ASK
from daemon.remediate.circumstances import PLAN
from daemon.remediate.moves import move
from daemon.remediate.people import record
from daemon.store import approvals, remediations, restraints
from daemon.store.engine import Tx

SHORTEST_HASH = 8
"""Fewer characters of a plan's hash do not tell it from another one."""


@dataclass(frozen=True, slots=True)
class Gate:
    """What waits for a person's word."""

    name: str
    """`plan`, or `ask-` and the step that waits."""
    plan_hash: str
    closes_at: datetime

    @property
    def words(self) -> str:
        return "the plan" if self.name == PLAN else f"the step {self.name.removeprefix(ASK)}"


def found(tx: Tx, short_id: str) -> Remediation:
    """Return the remediation of this id, or the only one whose id begins so. Raise Unknown, which says what is open."""
    one = remediations.get(tx, short_id) if short_id and short_id.isprintable() else None
    if one is not None:
        return one
    opened = ", ".join(f"{r.id} ({r.remedy} of {r.endpoint}, {r.state})" for r in remediations.opened(tx))
    raise Unknown(f"no remediation {short_id!r}, or several begin so; open are: {opened or 'none'}")


def open_gate(tx: Tx, one: Remediation, within: timedelta) -> Gate | None:
    """Return what waits for a word, answered or not. `within` is the time for an answer to a step that asks."""
    if one.state is State.AWAITING_APPROVAL:
        return Gate(PLAN, one.plan_hash, one.deadline_at)
    if one.state is not State.EXECUTING:
        return None
    asks = [s for s in remediations.steps(tx, one.id) if s.name.startswith(ASK) and s.state is StepState.INTENT]
    if not asks:
        return None
    return Gate(asks[-1].name, one.plan_hash, (asks[-1].started_at or one.updated_at) + within)


def answer(
    tx: Tx, one: Remediation, who: Who, *, granted: bool, within: timedelta, gate: str = "", plan: str = ""
) -> Done:
    """Take a person's word on what waits for it. The first word counts, and only for the plan it was given on.

    `gate` and `plan` (the beginning of its hash) say what the person was shown; left out, what waits now is meant.
    """
    asked = open_gate(tx, one, within)
    words = approvals.of(tx, one.id)
    name = gate or (asked.name if asked else max(words.values(), key=lambda w: w.at).gate if words else "")
    if name in words:
        raise Refused(f"{_name(one)} was answered before: {_said(words[name])}; it is {one.state} now")
    if asked is None or asked.name != name:
        raise Refused(f"{_name(one)} is {one.state}: nothing of it waits for a word{_outcome(one)}")
    if who.now > asked.closes_at:
        raise Refused(f"{_name(one)}: the time for an answer ended at {asked.closes_at:%F %T} UTC")
    if plan and (len(plan) < SHORTEST_HASH or not asked.plan_hash.startswith(plan)):
        shown = f"it is {asked.plan_hash[:12]} and not {plan[:12]}"
        raise Refused(f"{_name(one)}: that is not its plan ({shown}); `mlsteward explain {one.id}` shows it")
    if not approvals.answer(tx, Approval(one.id, name, asked.plan_hash, granted, who.by, who.reason, who.now)):
        raise Refused(f"{_name(one)} was answered before, a moment ago")
    return _follow(tx, one, asked, who, granted=granted)


def _follow(tx: Tx, one: Remediation, gate: Gate, who: Who, *, granted: bool) -> Done:
    verb, said = ("approve", "approved") if granted else ("reject", "rejected")
    numbers = {"remediation": one.id, "gate": gate.name, "plan_hash": gate.plan_hash}
    if gate.name != PLAN:
        next_ = f"it goes on at the next round{_held(tx, one, who)}" if granted else _backs_out(one)
        done = Done(verb, f"{_name(one)}: {gate.words} is {said}; {next_}", {**numbers, "state": str(one.state)})
        return record(tx, done, who, one.endpoint, told=Severity.INFO)
    to = State.APPROVED if granted else State.REJECTED
    moved = move(tx, one, to, f"{said} by {who.by}: {who.reason}", now=who.now)
    if moved is None:
        # raised, so that the word is not kept either
        raise Refused(f"{_name(one)} was moved by somebody else a moment ago: look at it again")
    next_ = _begins(tx, moved, who) if granted else f"nothing is done{_serves_on(one)}"
    done = Done(verb, f"{_name(one)} is {said}: {next_}", {**numbers, "state": str(to)})
    # the move itself tells people
    return record(tx, done, who, one.endpoint)


def _begins(tx: Tx, one: Remediation, who: Who) -> str:
    others = [f"{g.guard} ({g.detail})" for g in one.guards if not g.passed and g.guard != "approval"]
    seen = f", which was not so lately: {', '.join(others)}" if others else ""
    begins = f"it begins at the next round, if every guard still lets it{seen}"
    return f"{begins}{_held(tx, one, who)}; what has not begun by {one.deadline_at:%F %T} UTC is dropped"


def _held(tx: Tx, one: Remediation, who: Who) -> str:
    kinds = (RestraintKind.SILENCE,)
    stops = [r.words() for r in restraints.in_force(tx, who.now, one.endpoint) if r.kind not in kinds]
    return f", but not during {'; '.join(stops)}" if stops else ""


def _backs_out(one: Remediation) -> str:
    return f"it backs out, and version {one.from_version} gets everything back"


def _serves_on(one: Remediation) -> str:
    moves_traffic = one.remedy in (Remedy.PROMOTE, Remedy.ROLLBACK)
    return f", and version {one.from_version} goes on serving" if moves_traffic else ""


def _name(one: Remediation) -> str:
    return f"{one.remedy} {one.id} of {one.endpoint}"


def _said(word: Approval) -> str:
    return f"{word.by} said {'yes' if word.granted else 'no'} at {word.at:%F %T} UTC ({word.reason})"


def _outcome(one: Remediation) -> str:
    return f" ({one.outcome})" if one.outcome else ""
