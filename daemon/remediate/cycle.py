"""Loop 2, one endpoint, one step: open this first.

proposed -> guards -> approved -> executing -> acts, one a call -> verifying -> succeeded
     \\-> blocked | shadowed            |  ^                      \\-> compensating -> failed | needs_human
     \\-> awaiting_approval             v  |
                                 indeterminate: a call without an answer, left only by looking

From anywhere: superseded, as soon as somebody else has changed what the plan was made for; expired, past its deadline.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from daemon.config.endpoint import EndpointSettings
from daemon.domain.event import Event, Severity
from daemon.domain.remediation import Mode, Remediation, Remedy, Standing, State, VersionVerdict
from daemon.domain.states import PROPOSALS
from daemon.ports import PlatformError
from daemon.remediate import archive, plans
from daemon.remediate.circumstances import mode_of, windows_since
from daemon.remediate.dispatch import outlived, refusal
from daemon.remediate.doors import Doors, Stepped
from daemon.remediate.frozen import by_its_rules
from daemon.remediate.journal import Act, Outcome, Progress, Seen, advance, probe, unanswered
from daemon.remediate.moves import move, move_alone, promotion_of, stepped, supersede
from daemon.remediate.verify import verify
from daemon.remediate.weigh import weigh
from daemon.store import endpoints, events, remediations, verdicts
from daemon.store.engine import Store

__all__ = ["Doors", "Stepped", "step"]

BACKING_OUT = timedelta(hours=2)
"""A promotion that is not backed out by then calls for a person."""


def step(settings: EndpointSettings, doors: Doors, store: Store, *, now: datetime) -> Stepped | None:
    """Move the endpoint's most urgent open remediation by one step; None where nothing is open.

    What is under way goes before what is proposed, but a rollback goes before a training job and before housekeeping.
    One that only waits lets the next have its turn.
    """
    with store.read() as tx:
        open_now = remediations.opened(tx, settings.name)
    waiting = None
    for one in sorted(open_now, key=_urgency):
        moved = _step(one, settings, doors, store, now)
        if moved is not None and not moved.waits:
            return moved
        waiting = waiting or moved
    return waiting


def _urgency(one: Remediation) -> tuple[int, datetime]:
    if one.state in PROPOSALS:
        return (1 if one.remedy is Remedy.ROLLBACK else 3), one.created_at
    unhurried = one.remedy in (Remedy.RETRAIN, Remedy.ARCHIVE)
    return (2 if unhurried else 0), one.created_at


def _step(one: Remediation, settings: EndpointSettings, doors: Doors, store: Store, now: datetime) -> Stepped | None:
    if one.state in PROPOSALS:
        return weigh(one, settings, doors, store, now=now)
    if one.state is State.NEEDS_HUMAN:
        return None
    if mode_of(settings, one.remedy) not in (Mode.APPROVE, Mode.AUTO):
        sentence = f"its mode was turned to {mode_of(settings, one.remedy)} while it was {one.state}: it stays as it is"
        return move_alone(store, one, State.NEEDS_HUMAN, sentence, now=now)
    settings = by_its_rules(one, settings)
    if one.state is State.EXECUTING:
        return _execute(one, settings, doors, store, now)
    if one.state is State.INDETERMINATE:
        return _find_out(one, settings, doors, store, now)
    if one.state is State.VERIFYING:
        return _verify(one, settings, doors, store, now)
    if one.state is State.COMPENSATING:
        return _compensate(one, settings, doors, store, now)
    return None


def _execute(one: Remediation, settings: EndpointSettings, doors: Doors, store: Store, now: datetime) -> Stepped:
    if lost := unanswered(one, store):
        sentence = f"{lost.name} was called and nobody knows whether it took: looking"
        with store.begin() as tx:
            moved = move(tx, one, State.INDETERMINATE, sentence, now=now)
        return _find_out(moved, settings, doors, store, now) if moved else stepped(one, None, sentence)
    if now > one.deadline_at:
        return _failed(one, Seen(Outcome.FAILED, f"not done by {one.deadline_at:%F %T} UTC"), store, now)
    if old := outlived(one, settings, store, now=now):
        return _failed(one, Seen(Outcome.FAILED, old), store, now)
    acts = plans.acts(one, settings, doors, store, now=now)
    progress = _advance(one, acts, doors, store, now)
    if progress.outcome is Outcome.FOREIGN:
        return supersede(store, one, progress.detail, now=now)
    if progress.outcome is Outcome.CANCELLED:
        return move_alone(store, one, State.CANCELLED, progress.detail, now=now)
    if progress.outcome in (Outcome.FAILED, Outcome.UNFIT):
        return _failed(one, Seen(progress.outcome, progress.detail), store, now)
    if progress.complete:
        return _carried_out(one, settings, store, now)
    return _went_on(one, progress, store, now)


def _find_out(one: Remediation, settings: EndpointSettings, doors: Doors, store: Store, now: datetime) -> Stepped:
    """Look what became of a call that nobody answered. Done or not, it goes on; changed by somebody else, it ends."""
    if now > one.deadline_at:
        sentence = f"{one.outcome}; it could not be found out in time: please look at it"
        return move_alone(store, one, State.NEEDS_HUMAN, sentence, now=now)
    progress = probe(one, plans.acts(one, settings, doors, store, now=now), store, now=now)
    if progress.outcome is Outcome.FOREIGN:
        return supersede(store, one, progress.detail, now=now)
    if progress.outcome is Outcome.WAIT:
        return Stepped(one, one.state, progress.detail, waits=True)
    return move_alone(store, one, State.EXECUTING, f"found out: {progress.detail}", now=now)


def _advance(one: Remediation, acts: Sequence[Act], doors: Doors, store: Store, now: datetime) -> Progress:
    return advance(one, acts, store, now=now, refusal=lambda tx: refusal(tx, one, doors, now=now))


def _carried_out(one: Remediation, settings: EndpointSettings, store: Store, now: datetime) -> Stepped:
    """All acts are done: what touched traffic is verified, a retraining hands over, an archive is at its end."""
    if one.remedy is Remedy.ARCHIVE:
        return move_alone(store, one, State.SUCCEEDED, archive.told(one), now=now)
    if one.remedy is Remedy.RETRAIN:
        return _hand_over(one, store, now)
    patience = settings.promote.timeout if one.remedy is Remedy.PROMOTE else settings.rollback.timeout
    sentence = f"version {one.to_version} serves everything; watching whether it is well"
    with store.read() as tx:
        # by a clock that was set back, windows from before the change would begin after it
        since = max(now, endpoints.watermark(tx, one.endpoint) or now)
    return move_alone(store, one, State.VERIFYING, sentence, now=now, verify_since=since, deadline=patience)


def _hand_over(one: Remediation, store: Store, now: datetime) -> Stepped:
    """End a retraining and propose to promote what it brought forth, in the place of any older challenger."""
    with store.begin() as tx:
        steps = {s.name: s for s in remediations.steps(tx, one.id)}
        version = int(str(steps["challenger"].result["version"]))
        sentence = f"the retraining brought forth version {version}"
        ended = move(tx, one, State.SUCCEEDED, sentence, now=now, to_version=version)
        if ended is not None:
            for other in remediations.opened(tx, one.endpoint):
                if other.remedy is Remedy.PROMOTE and other.state in PROPOSALS:
                    move(tx, other, State.SUPERSEDED, f"version {version} is newer", now=now)
            remediations.propose(tx, promotion_of(one, version, now=now, lives=timedelta(hours=24)))
    return stepped(one, ended, sentence)


def _verify(one: Remediation, settings: EndpointSettings, doors: Doors, store: Store, now: datetime) -> Stepped:
    """Nothing has succeeded until windows that began after the change say so, and what was changed still serves."""
    promote, target = one.remedy is Remedy.PROMOTE, one.to_version or 0
    seen = verify(
        windows_since(store, one.endpoint, target, one.verify_since or now),
        healthy=settings.promote.windows if promote else settings.rollback.windows,
        requests=settings.health.requests,
        breaches=settings.decide.breaches,
    )
    late = now > one.deadline_at
    try:
        foreign = plans.disturbed(one, doors, store)
    except PlatformError as error:
        if not (error.permanent or late):
            raise
        return move_alone(store, one, State.NEEDS_HUMAN, f"could not be verified: {error}", now=now)
    if foreign:
        return supersede(store, one, foreign, now=now)
    if seen.outcome is Outcome.DONE:
        return _wind_up(one, seen, settings, doors, store, now)
    if seen.outcome is Outcome.UNFIT:
        return _failed(one, Seen(seen.outcome, f"version {target} is not well: {seen.detail}"), store, now)
    if late:
        sentence = f"could not be verified in time ({seen.detail}): please look at version {target}"
        return move_alone(store, one, State.NEEDS_HUMAN, sentence, now=now)
    return Stepped(one, one.state, seen.detail, waits=True)


def _wind_up(
    one: Remediation, seen: Seen, settings: EndpointSettings, doors: Doors, store: Store, now: datetime
) -> Stepped:
    """It is verified. What was kept ready only for the way back is put away; where that fails, it stays."""
    progress = _advance(one, plans.wind_up(one, settings, doors, store, now=now), doors, store, now)
    if progress.outcome is Outcome.FOREIGN:
        return supersede(store, one, progress.detail, now=now)
    closed = progress.outcome is Outcome.DONE and not progress.complete
    if closed or (progress.outcome is Outcome.WAIT and now <= one.deadline_at):
        return _went_on(one, progress, store, now)
    left = "" if progress.complete else f"; {plans.stays(one, progress)}: {progress.detail}"
    return _succeeded(one, f"version {one.to_version} serves well: {seen.detail}{left}", store, now)


def _succeeded(one: Remediation, sentence: str, store: Store, now: datetime) -> Stepped:
    with store.begin() as tx:
        ended = move(tx, one, State.SUCCEEDED, sentence, now=now)
        if ended is not None and one.remedy is Remedy.ROLLBACK and one.from_version is not None:
            verdicts.set_standing(tx, _bad(one, one.from_version, one.sentence, now))
    return stepped(one, ended, sentence)


def _failed(one: Remediation, seen: Seen, store: Store, now: datetime) -> Stepped:
    """A promotion backs out, a rollback calls a person, anything else has changed nothing that serves.

    Only a version whose own windows were in breach is known bad from then on: not one that nobody could judge.
    """
    if one.remedy is Remedy.ROLLBACK:
        return move_alone(store, one, State.NEEDS_HUMAN, f"{seen.detail}: please look at it", now=now)
    if one.remedy is not Remedy.PROMOTE:
        return move_alone(store, one, State.FAILED, seen.detail, now=now)
    sentence = f"backing out: {seen.detail}"
    with store.begin() as tx:
        ended = move(tx, one, State.COMPENSATING, sentence, now=now, deadline=BACKING_OUT)
        if ended is not None and seen.outcome is Outcome.UNFIT and one.to_version is not None:
            verdicts.set_standing(tx, _bad(one, one.to_version, seen.detail, now))
    return stepped(one, ended, sentence)


def _compensate(one: Remediation, settings: EndpointSettings, doors: Doors, store: Store, now: datetime) -> Stepped:
    if now > one.deadline_at:
        sentence = f"{one.outcome}; that did not come to an end: please look at it"
        return move_alone(store, one, State.NEEDS_HUMAN, sentence, now=now)
    progress = _advance(one, plans.back_out(one, settings, doors, store, now=now), doors, store, now)
    if progress.outcome is Outcome.FOREIGN:
        return supersede(store, one, progress.detail, now=now)
    if progress.outcome is Outcome.FAILED:
        sentence = f"backing out failed ({progress.detail}): please look at it"
        return move_alone(store, one, State.NEEDS_HUMAN, sentence, now=now)
    if progress.complete:
        why = one.outcome.removeprefix("backing out: ")
        sentence = f"backed out, version {one.from_version} serves everything again: {why}"
        return move_alone(store, one, State.FAILED, sentence, now=now)
    return _went_on(one, progress, store, now)


def _went_on(one: Remediation, progress: Progress, store: Store, now: datetime) -> Stepped:
    name = progress.step.name if progress.step else ""
    waits = progress.outcome is Outcome.WAIT and not progress.acted
    if waits and name.startswith(plans.ASK):
        step = name.removeprefix(plans.ASK)
        sentence = f"{one.remedy} of {one.endpoint}: may it go on with {step}? {one.sentence}"
        numbers = {"remediation": one.id, "gate": name, "plan_hash": one.plan_hash}
        with store.begin() as tx:
            asks = Event("remediation.asks", Severity.WARNING, sentence, now, one.endpoint, numbers, f"{one.id}:{name}")
            events.append(tx, asks)
    return Stepped(one, one.state, f"{name}: {progress.detail or progress.outcome}", waits)


def _bad(one: Remediation, version: int, why: str, now: datetime) -> VersionVerdict:
    return VersionVerdict(one.endpoint, one.model, version, Standing.BAD, why, now)
