"""What must be true before anything is done: the circumstances in, every guard's answer out. Pure.

All guards are asked, whatever the others say, and all answers are kept with the remediation.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from daemon.domain.remediation import GuardResult, Mode, Remediation, State
from daemon.remediate.guards import evidence, restraint, target
from daemon.remediate.guards.circumstances import Circumstances, Guard

__all__ = ["GUARDS", "Circumstances", "Conclusion", "Consequence", "ask_all", "conclude"]


class Consequence(StrEnum):
    """What becomes of a proposal while a guard says no."""

    ENDS = "ends"
    """Waiting will not help: it is about a world that is gone."""
    HOLDS = "holds"
    DEFERS = "defers"
    """It may not begin now, but a person may be asked already."""
    ASKS = "asks"


GUARDS: dict[str, tuple[Guard, Consequence]] = {
    "mode": (restraint.mode, Consequence.ENDS),
    "kill_switch": (restraint.kill_switch, Consequence.HOLDS),
    "lease": (restraint.lease, Consequence.HOLDS),
    "pause": (restraint.pause, Consequence.HOLDS),
    "hold": (restraint.hold, Consequence.HOLDS),
    "hours": (restraint.hours, Consequence.DEFERS),
    "slot": (restraint.slot, Consequence.HOLDS),
    "cooldown": (restraint.cooldown, Consequence.HOLDS),
    "budget": (restraint.budget, Consequence.HOLDS),
    "fresh": (evidence.fresh, Consequence.HOLDS),
    "still_firing": (evidence.still_firing, Consequence.ENDS),
    "enough_rows": (evidence.enough_rows, Consequence.HOLDS),
    "attributable": (evidence.attributable, Consequence.HOLDS),
    "sound_data": (evidence.sound_data, Consequence.HOLDS),
    "new_rows": (evidence.new_rows, Consequence.HOLDS),
    "alone": (evidence.alone, Consequence.HOLDS),
    "storm": (evidence.storm, Consequence.HOLDS),
    "settled": (target.settled, Consequence.HOLDS),
    "base": (target.base, Consequence.ENDS),
    "unchanged": (target.unchanged, Consequence.ENDS),
    "target": (target.target, Consequence.HOLDS),
    "not_put_back": (target.not_put_back, Consequence.HOLDS),
    "deployment": (target.deployment, Consequence.HOLDS),
    "last_healthy": (target.last_healthy, Consequence.HOLDS),
    "rules": (restraint.rules, Consequence.ENDS),
    "approval": (restraint.approval, Consequence.ASKS),
}

GONE = frozenset({"base", "unchanged", "rules"})
"""Where one of these ends a proposal, something else has taken its place; otherwise it is merely over."""


@dataclass(frozen=True, slots=True)
class Conclusion:
    """Where the answers take a proposal."""

    state: State
    sentence: str


def ask_all(remediation: Remediation, circumstances: Circumstances) -> tuple[GuardResult, ...]:
    """Ask every guard."""
    return tuple(GuardResult(name, *guard(remediation, circumstances)) for name, (guard, _) in GUARDS.items())


def conclude(one: Remediation, results: Sequence[GuardResult], mode: Mode) -> Conclusion:
    """Say where the answers take a proposal.

    1. What can never come true ends it.
    2. An approved one begins, or waits until everything lets it begin. One that waits for a word goes on waiting.
    3. One that is held up is blocked. Hours that are closed do not keep a person from being asked.
    4. `observe` turns off here, at the very place where `auto` would begin.
    """
    failed = [r for r in results if not r.passed]
    ending = [r for r in failed if _consequence(r) is Consequence.ENDS]
    why = "; ".join(f"{r.guard}: {r.detail}" for r in failed)
    if ending:
        gone = any(r.guard in GONE for r in ending)
        return Conclusion(State.SUPERSEDED if gone else State.EXPIRED, "; ".join(r.detail for r in ending))
    if one.state in (State.APPROVED, State.SCHEDULED):
        return Conclusion(State.SCHEDULED if failed else State.EXECUTING, why or one.sentence)
    if one.state is State.AWAITING_APPROVAL:
        return Conclusion(State.AWAITING_APPROVAL, why)
    if any(_consequence(r) is Consequence.HOLDS for r in failed):
        return Conclusion(State.BLOCKED, why)
    if mode is Mode.APPROVE and any(_consequence(r) is Consequence.ASKS for r in failed):
        return Conclusion(State.AWAITING_APPROVAL, f"may it be done? {one.sentence}")
    if failed:
        return Conclusion(State.BLOCKED, why)
    if mode is Mode.OBSERVE:
        return Conclusion(State.SHADOWED, f"would have been done: {one.sentence}")
    return Conclusion(State.EXECUTING, one.sentence)


def _consequence(result: GuardResult) -> Consequence:
    return GUARDS[result.guard][1]
