"""A proposal and the guards: let it through, ask a person, hold it, or end it."""

from datetime import datetime
from typing import Any

from daemon.config.endpoint import EndpointSettings
from daemon.domain.remediation import Approval, GuardResult, Remediation, State
from daemon.domain.serving import EndpointState
from daemon.domain.states import PLANNED, PROPOSALS
from daemon.remediate import guards, plans
from daemon.remediate.approval_tag import BY_TAG
from daemon.remediate.circumstances import PLAN, ask_world, circumstances
from daemon.remediate.doors import Doors, Stepped
from daemon.remediate.frozen import freeze
from daemon.remediate.guards import Circumstances, Conclusion
from daemon.remediate.guards.target import MOVES_TRAFFIC
from daemon.remediate.known import known_config
from daemon.remediate.moves import hold, move, move_alone, stepped
from daemon.store import approvals, remediations
from daemon.store.engine import Store, Tx
from daemon.telemetry.failpoint import failpoint


def weigh(one: Remediation, settings: EndpointSettings, doors: Doors, store: Store, *, now: datetime) -> Stepped:
    """Ask every guard, and keep every answer. Observe goes the same way, and turns off before the first effect.

    The record is read, and what follows is written, in one transaction under one lock: two remediations cannot both
    find the same budget unspent, and a kill switch that was committed before is seen.
    """
    if now > one.deadline_at:
        return move_alone(store, one, State.EXPIRED, _too_late(one), now=now)
    world = ask_world(one, settings, doors)
    with store.begin() as tx:
        remediations.lock_dispatch(tx)
        found = remediations.get(tx, one.id)
        if found is None or found.state not in PROPOSALS:
            return stepped(one, None, "")
        one = found
        if world.tagged:
            one = _approved_by_tag(tx, one, settings, now)
        asked = circumstances(one, settings, doors, world, tx, now=now)
        results = guards.ask_all(one, asked)
        done = _follow(tx, one, guards.conclude(one, results, asked.mode), results, asked, settings, now)
    failpoint("after_move")
    return done


def _follow(
    tx: Tx,
    one: Remediation,
    conclusion: Conclusion,
    results: tuple[GuardResult, ...],
    asked: Circumstances,
    settings: EndpointSettings,
    now: datetime,
) -> Stepped:
    to, sentence = conclusion.state, conclusion.sentence
    if to is State.EXECUTING:
        return _begin(tx, one, results, asked, settings, now)
    if to is one.state and (to is State.AWAITING_APPROVAL or _failed(results) == _failed(one.guards)):
        return Stepped(one, to, sentence, waits=True)
    changes: dict[str, Any] = {"guards": results}
    if to in (State.AWAITING_APPROVAL, State.SHADOWED):
        changes["plan"] = _plan(one, asked, settings)
    if to is State.AWAITING_APPROVAL:
        changes["deadline"] = settings.approve.within
    moved = move(tx, one, to, sentence, now=now, **changes)
    if moved is not None and to is State.SUPERSEDED and _by_hand(tx, one, results, asked):
        hold(tx, one.endpoint, f"{one.remedy} {one.id}: {sentence}", now=now)
    return stepped(one, moved, sentence)


def _begin(
    tx: Tx,
    one: Remediation,
    results: tuple[GuardResult, ...],
    asked: Circumstances,
    settings: EndpointSettings,
    now: datetime,
) -> Stepped:
    """Let it loose: by itself (`auto`), or because a person has said so."""
    with tx.begin_nested() as savepoint:
        for other in asked.in_flight:
            # the slot is free but for what gives way; its training run is left to end by itself
            move(tx, other, State.SUPERSEDED, f"{one.remedy} {one.id} goes first", now=now)
        ready: Remediation | None = one
        if one.state not in (State.APPROVED, State.SCHEDULED):
            changes = {"plan": _plan(one, asked, settings), "guards": results}
            ready = move(tx, one, State.APPROVED, "mode is auto, and every guard lets it through", now=now, **changes)
        patience = plans.patience(one, settings)
        began: dict[str, Any] = {"deadline": patience, "guards": results, "began_at": now}
        through = ready and move(tx, ready, State.EXECUTING, one.sentence, now=now, **began)
        if through is None:
            # somebody was faster: what was to give way goes on
            savepoint.rollback()
    return stepped(one, through, one.sentence)


def _plan(one: Remediation, asked: Circumstances, settings: EndpointSettings) -> Any:
    return freeze(one, settings, asked.state, asked.alias_version)


def _approved_by_tag(tx: Tx, one: Remediation, settings: EndpointSettings, now: datetime) -> Remediation:
    """Take the word that a person left in the registry, for the plan that waits for one."""
    if one.state is not State.AWAITING_APPROVAL:
        return one
    reason = f"the version is tagged {settings.promote.approval_tag} = approved"
    word = Approval(one.id, PLAN, one.plan_hash, True, BY_TAG, reason, now)
    if not approvals.answer(tx, word):
        return one
    return move(tx, one, State.APPROVED, reason, now=now) or one


def _failed(results: tuple[GuardResult, ...]) -> list[str]:
    return [r.guard for r in results if not r.passed]


def _by_hand(tx: Tx, one: Remediation, results: tuple[GuardResult, ...], asked: Circumstances) -> bool:
    """Tell whether it was a person who changed what the plan was made for: what serves, and not its settings.

    Of a remedy that moves traffic that holds before there is a plan, too: a proposal may wait for hours.
    """
    if one.state not in PLANNED and one.remedy not in MOVES_TRAFFIC:
        return False
    if not {"base", "unchanged"} & set(_failed(results)):
        return False
    return not any(r.remedy in MOVES_TRAFFIC for r in asked.in_flight) and not _left_by_us(tx, one, asked.state)


def _left_by_us(tx: Tx, one: Remediation, state: EndpointState) -> bool:
    """Tell whether what serves is what another remediation has left behind since the plan was made."""
    others = [r for r in remediations.history(tx, one.endpoint, limit=20) if r.id != one.id and r.began_at]
    left = {known_config(r, {s.name: s for s in remediations.steps(tx, r.id)}) for r in others}
    return state.config_version in left - {None, one.plan.get("config_version")}


def _too_late(one: Remediation) -> str:
    if one.state is State.AWAITING_APPROVAL:
        return "nobody said yes or no in time"
    return "nothing let it through in time"
