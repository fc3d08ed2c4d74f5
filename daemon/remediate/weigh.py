"""A proposal and the guards: let it through, hold it, or end it."""

from collections.abc import Sequence
from datetime import datetime

from daemon.config.endpoint import EndpointSettings
from daemon.domain.remediation import GuardResult, Mode, Remediation, State
from daemon.remediate import guards, plans
from daemon.remediate.circumstances import circumstances
from daemon.remediate.doors import Doors, Stepped
from daemon.remediate.frozen import freeze
from daemon.remediate.moves import move, move_alone, stepped
from daemon.store.engine import Store


def weigh(one: Remediation, settings: EndpointSettings, doors: Doors, store: Store, *, now: datetime) -> Stepped:
    """Ask every guard, and keep every answer. Observe goes the same way, and turns off before the first effect."""
    if now > one.deadline_at:
        return move_alone(store, one, State.EXPIRED, "nothing let it through in time", now=now)
    asked = circumstances(one, settings, doors.serving, doors.registry, store, now=now)
    results = guards.ask_all(one, asked)
    if any(not r.passed for r in results):
        return _turn_down(one, results, store, now)
    if asked.mode is Mode.OBSERVE:
        sentence = f"would have been done: {one.sentence}"
        return move_alone(store, one, State.SHADOWED, sentence, now=now, guards=results)
    plan = freeze(one, settings, asked.state, doors.registry)
    with store.begin() as tx:
        for other in asked.in_flight:
            # the slot is free but for what gives way; its training run is left to end by itself
            move(tx, other, State.SUPERSEDED, f"{one.remedy} {one.id} goes first", now=now)
        through = move(
            tx,
            one,
            State.EXECUTING,
            one.sentence,
            now=now,
            guards=results,
            plan=plan,
            deadline=plans.patience(one, settings),
        )
    return stepped(one, through, one.sentence)


def _turn_down(one: Remediation, results: Sequence[GuardResult], store: Store, now: datetime) -> Stepped:
    failed = [r for r in results if not r.passed]
    ending = [r for r in failed if r.guard in guards.ENDING]
    if ending:
        to = State.SUPERSEDED if any(r.guard == "base" for r in ending) else State.EXPIRED
        return move_alone(store, one, to, "; ".join(r.detail for r in ending), now=now, guards=tuple(results))
    why = "; ".join(f"{r.guard}: {r.detail}" for r in failed)
    if one.state is State.BLOCKED and [r.guard for r in one.guards if not r.passed] == [r.guard for r in failed]:
        return Stepped(one, State.BLOCKED, why, waits=True)
    return move_alone(store, one, State.BLOCKED, why, now=now, guards=tuple(results))
