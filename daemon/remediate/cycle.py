"""Loop 2, one endpoint, one step: open this first.

proposed -> guards -> executing -> acts, one a call -> verifying -> succeeded
                 \\-> blocked | shadowed | expired         \\-> compensating -> failed | needs_human
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from daemon.config.endpoint import EndpointSettings
from daemon.domain.remediation import PROPOSALS, Mode, Remediation, Remedy, Standing, State, VersionVerdict
from daemon.ports import Jobs, Registry, Serving
from daemon.remediate import archive, guards, plans
from daemon.remediate.circumstances import circumstances, windows_since
from daemon.remediate.journal import Outcome, Progress, advance
from daemon.remediate.moves import move, move_alone, promotion_of
from daemon.remediate.verify import verify
from daemon.store import remediations, verdicts
from daemon.store.engine import Store


@dataclass(frozen=True, slots=True)
class Doors:
    """What a remediation may touch outside."""

    serving: Serving
    registry: Registry
    jobs: Jobs
    scratch: Path


@dataclass(frozen=True, slots=True)
class Stepped:
    """What one call did, for the log and the metrics."""

    remediation: Remediation
    state: State
    sentence: str


def step(settings: EndpointSettings, doors: Doors, store: Store, *, now: datetime) -> Stepped | None:
    """Move the endpoint's most urgent open remediation by one step; None where nothing is open.

    What is under way goes before what is proposed; only a rollback goes before a retraining that waits for a job.
    """
    with store.begin() as tx:
        open_now = remediations.opened(tx, settings.name)
    for one in sorted(open_now, key=_urgency):
        if one.state in PROPOSALS:
            return _weigh(one, open_now, settings, doors, store, now)
        if one.state is State.EXECUTING:
            return _execute(one, settings, doors, store, now)
        if one.state is State.VERIFYING:
            return _verify(one, settings, store, now)
        if one.state is State.COMPENSATING:
            return _compensate(one, settings, doors, store, now)
    return None


def _urgency(one: Remediation) -> tuple[int, datetime]:
    if one.state is State.NEEDS_HUMAN:
        return 3, one.created_at
    if one.remedy is Remedy.ROLLBACK and one.state in PROPOSALS:
        return 0, one.created_at
    return (2 if one.state in PROPOSALS else 1), one.created_at


def _weigh(
    one: Remediation,
    open_now: Sequence[Remediation],
    settings: EndpointSettings,
    doors: Doors,
    store: Store,
    now: datetime,
) -> Stepped:
    """Ask every guard, keep every answer, and let the proposal through, hold it, or end it."""
    if now > one.deadline_at:
        return _move(store, one, State.EXPIRED, "nothing let it through in time", now)
    _make_way(one, open_now, store, now)
    asked = circumstances(one, settings, doors.serving, doors.registry, store, now=now)
    results = guards.ask_all(one, asked)
    failed = [r for r in results if not r.passed]
    if any(r.guard in guards.ENDING for r in failed):
        why = "; ".join(r.detail for r in failed if r.guard in guards.ENDING)
        return _move(
            store, one, State.SUPERSEDED if one.remedy is Remedy.PROMOTE else State.EXPIRED, why, now, guards=results
        )
    if failed:
        why = "; ".join(f"{r.guard}: {r.detail}" for r in failed)
        if one.state is State.BLOCKED and [r.guard for r in one.guards if not r.passed] == [r.guard for r in failed]:
            return Stepped(one, State.BLOCKED, why)
        return _move(store, one, State.BLOCKED, why, now, guards=results)
    if asked.mode is Mode.OBSERVE:
        return _move(store, one, State.SHADOWED, f"would have been done: {one.sentence}", now, guards=results)
    planned = plans.freeze(one, asked.state)
    return _move(
        store,
        one,
        State.EXECUTING,
        one.sentence,
        now,
        guards=results,
        plan=planned,
        deadline=plans.patience(one, settings),
    )


def _make_way(one: Remediation, open_now: Sequence[Remediation], store: Store, now: datetime) -> None:
    """A rollback does not wait for hours on a training job: that plan is dropped, its run is left to end by itself."""
    for other in open_now:
        if one.remedy is Remedy.ROLLBACK and other.remedy is Remedy.RETRAIN and other.state is State.EXECUTING:
            move_alone(store, other, State.SUPERSEDED, f"rollback {one.id} goes first", now=now)


def _execute(one: Remediation, settings: EndpointSettings, doors: Doors, store: Store, now: datetime) -> Stepped:
    if now > one.deadline_at:
        return _failed(one, f"not done by {one.deadline_at:%F %T} UTC", store, now)
    acts = plans.acts(one, settings, doors, store, now=now)
    progress = advance(one, acts, store, now=now)
    if progress.outcome is Outcome.FOREIGN:
        return _move(store, one, State.SUPERSEDED, f"somebody else was here: {progress.detail}", now)
    if progress.outcome is Outcome.FAILED:
        return _failed(one, progress.detail, store, now)
    if progress.step is None:
        return _carried_out(one, settings, store, now)
    return Stepped(one, one.state, _words(progress))


def _carried_out(one: Remediation, settings: EndpointSettings, store: Store, now: datetime) -> Stepped:
    """All acts are done: what touched traffic is verified, a retraining hands over, an archive is at its end."""
    if one.remedy in (Remedy.ROLLBACK, Remedy.PROMOTE):
        sentence = f"version {one.to_version} serves everything; watching whether it is well"
        return _move(store, one, State.VERIFYING, sentence, now, verify_since=now, deadline=settings.rollback.timeout)
    if one.remedy is Remedy.ARCHIVE:
        return _move(store, one, State.SUCCEEDED, archive.told(one), now)
    with store.begin() as tx:
        steps = {s.name: s for s in remediations.steps(tx, one.id)}
        version = int(str(steps["challenger"].result["version"]))
        sentence = f"the retraining brought forth version {version}"
        move(tx, one, State.SUCCEEDED, sentence, now=now, to_version=version)
        remediations.propose(tx, promotion_of(one, version, now=now, lives=timedelta(hours=24)))
    return Stepped(one, State.SUCCEEDED, sentence)


def _verify(one: Remediation, settings: EndpointSettings, store: Store, now: datetime) -> Stepped:
    """Nothing has succeeded until windows that began after the change say so."""
    promote = one.remedy is Remedy.PROMOTE
    seen = verify(
        windows_since(store, one.endpoint, one.to_version or 0, one.verify_since or now),
        healthy=settings.promote.windows if promote else settings.rollback.windows,
        requests=settings.health.requests,
        breaches=settings.decide.breaches,
    )
    if seen.outcome is Outcome.DONE:
        with store.begin() as tx:
            if one.remedy is Remedy.ROLLBACK and one.from_version is not None:
                verdicts.set_standing(tx, _bad(one, one.from_version, one.sentence, now))
            move(tx, one, State.SUCCEEDED, f"version {one.to_version} serves well: {seen.detail}", now=now)
        return Stepped(one, State.SUCCEEDED, seen.detail)
    if seen.outcome is Outcome.FAILED:
        return _failed(one, f"version {one.to_version} is not well either: {seen.detail}", store, now)
    if now > one.deadline_at:
        sentence = f"could not be verified in time ({seen.detail}): please look at version {one.to_version}"
        return _move(store, one, State.NEEDS_HUMAN, sentence, now)
    return Stepped(one, one.state, seen.detail)


def _failed(one: Remediation, why: str, store: Store, now: datetime) -> Stepped:
    """A promotion backs out, a rollback calls a person, anything else has changed nothing that serves."""
    if one.remedy is Remedy.PROMOTE:
        with store.begin() as tx:
            if one.to_version is not None:
                verdicts.set_standing(tx, _bad(one, one.to_version, why, now))
            move(tx, one, State.COMPENSATING, f"backing out: {why}", now=now, deadline=timedelta(hours=2))
        return Stepped(one, State.COMPENSATING, why)
    if one.remedy is Remedy.ROLLBACK:
        return _move(store, one, State.NEEDS_HUMAN, f"{why}: please look at it", now)
    return _move(store, one, State.FAILED, why, now)


def _compensate(one: Remediation, settings: EndpointSettings, doors: Doors, store: Store, now: datetime) -> Stepped:
    if now > one.deadline_at:
        return _move(store, one, State.NEEDS_HUMAN, "backing out did not come to an end: please look at it", now)
    progress = advance(one, plans.back_out(one, settings, doors, now=now), store, now=now)
    if progress.outcome is Outcome.FOREIGN:
        return _move(store, one, State.SUPERSEDED, f"somebody else was here: {progress.detail}", now)
    if progress.outcome is Outcome.FAILED:
        return _move(store, one, State.NEEDS_HUMAN, f"backing out failed ({progress.detail}): please look at it", now)
    if progress.step is None:
        return _move(store, one, State.FAILED, f"backed out, version {one.from_version} serves: {one.outcome}", now)
    return Stepped(one, one.state, _words(progress))


def _bad(one: Remediation, version: int, why: str, now: datetime) -> VersionVerdict:
    return VersionVerdict(one.endpoint, one.model, version, Standing.BAD, why, now)


def _words(progress: Progress) -> str:
    name = progress.step.name if progress.step else ""
    return f"{name}: {progress.detail or progress.outcome}"


def _move(store: Store, one: Remediation, to: State, sentence: str, now: datetime, **changes: object) -> Stepped:
    move_alone(store, one, to, sentence, now=now, **changes)
    return Stepped(one, to, sentence)
