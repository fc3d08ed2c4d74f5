"""Observe decides exactly what auto would: one trace of what happens, told twice, and every decision compared."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.config.remedies import Allowed, Archive, Budget, Retrain, Rollback
from daemon.domain.finding import Against, Check, Statistic
from daemon.domain.remediation import Mode, Remedy, Standing, State
from daemon.domain.restraint import Restraint, RestraintKind
from daemon.remediate.moves import move
from daemon.store import findings, restraints
from tests.remediate.conftest import Tell
from tests.remediate.stories import AUTO, DRIFT, ENDPOINT, ERRORS, JOB, MINUTE, Story, firing

OBSERVE = AUTO.model_copy(update=dict.fromkeys(("retrain", "promote", "rollback", "archive"), Mode.OBSERVE))


def restrain(story: Story, kind: RestraintKind) -> None:
    with story.memory.begin() as tx:
        until = story.now + 40 * MINUTE
        restraints.impose(tx, Restraint(kind, ENDPOINT, "ada", "because", story.now, until))


def propose(story: Story, remedy: Remedy) -> None:
    """Do what the watch loop, the retraining and housekeeping do: propose, where nothing of it is open."""
    if not any(r.remedy is remedy for r in story.opened()):
        to = {Remedy.ROLLBACK: 1, Remedy.PROMOTE: 3}.get(remedy)
        plan = {"phase": "mark", "versions": [1]} if remedy is Remedy.ARCHIVE else {}
        version = None if remedy is Remedy.ARCHIVE else 2
        story.propose(remedy, to=to, from_version=version, plan=plan)


def upstream(story: Story) -> None:
    with story.memory.begin() as tx:
        findings.save(tx, [firing(ERRORS, endpoint="delays", version=1, end=story.now)])


def wait(story: Story, length: timedelta) -> None:
    for _ in range(length // (5 * MINUTE)):
        story.tick()


HAPPENINGS: dict[str, Callable[[Story], object]] = {
    "errors": lambda s: s.fires(version=2),
    "errors of its own": lambda s: s.fires(Check(Statistic.LATENCY_P95), version=2, against=Against.ITSELF),
    "drift": lambda s: s.fires(DRIFT, version=2),
    "nulls": lambda s: s.fires(Check(Statistic.NULLS, "distance"), version=2),
    "calm": lambda s: s.calms(),
    "upstream": upstream,
    "pause": lambda s: restrain(s, RestraintKind.PAUSE),
    "storm": lambda s: restrain(s, RestraintKind.STORM),
    "kill": lambda s: restrain(s, RestraintKind.KILL),
    "silence": lambda s: restrain(s, RestraintKind.SILENCE),
    "deployed anew": lambda s: s.serving.deploy(ENDPOINT, s.traffic()),
    "another version": lambda s: s.serving.deploy(ENDPOINT, {1: 50, 2: 50}),
    "back": lambda s: s.serving.deploy(ENDPOINT, {2: 100}),
    "unknown": lambda s: s.serving.unknown(ENDPOINT),
    "known": lambda s: s.serving.unknown(ENDPOINT, False),
    "target bad": lambda s: s.stands(3, Standing.BAD),
    "no traffic": lambda s: setattr(s, "requests", 0),
    "traffic": lambda s: setattr(s, "requests", 600),
    "an hour": lambda s: wait(s, timedelta(hours=1)),
    "a quarter": lambda s: wait(s, 15 * MINUTE),
    **{f"propose {remedy}": lambda s, remedy=remedy: propose(s, remedy) for remedy in Remedy},  # type: ignore[misc]
}


def tell_it(story: Story, trace: list[str]) -> list[tuple[object, ...]]:
    """Live through a trace, and return every decision with all its answers."""
    for _ in range(2):
        story.register()
    story.serving.deploy(ENDPOINT, {2: 100})
    decisions: list[tuple[object, ...]] = []
    for what in trace:
        HAPPENINGS[what](story)
        story.now += timedelta(seconds=15)
        story.step()
        for one in story.history():
            through = one.state in (State.EXECUTING, State.SHADOWED, State.SUCCEEDED)
            answers = [(g.guard, g.passed) for g in one.guards]
            decisions.append((what, one.id, "through" if through else str(one.state), answers, through and one.plan))
            if one.state is State.EXECUTING:
                # what auto does ends at once and changes nothing, so that the world stays the same for both
                with story.memory.begin() as tx:
                    move(tx, one, State.SUCCEEDED, "so told", now=story.now)
    return decisions


@given(trace=st.lists(st.sampled_from(sorted(HAPPENINGS)), min_size=5, max_size=25))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_trace_told_in_both_modes_leads_to_the_same_decisions(tell: Tell, trace: list[str]) -> None:
    rules = {
        "retrain": Retrain(job_id=JOB, cooldown=timedelta(hours=1), new_rows=700, per_day=2),
        "rollback": Rollback(cooldown=timedelta(minutes=30), per_day=3),
        "budget": Budget(per_day=4),
        "archive": Archive(folder=Path("/vault")),
        "allowed": Allowed(hours=("12:00-15:00",)),
    }
    auto, observe = tell(mode=AUTO, **rules), tell(mode=OBSERVE, **rules)
    assert tell_it(auto, trace) == tell_it(observe, trace)
    assert not observe.ledger.effects


def test_the_traces_reach_decisions_of_every_kind(tell: Tell) -> None:
    trace = ["errors", "propose rollback", "drift", "propose retrain", "propose promote", "propose archive"]
    trace += ["propose rollback", "calm", "a quarter"]
    seen = {(each[1], each[2]) for each in tell_it(tell(mode=AUTO), trace)}
    assert {state for _, state in seen} >= {"through", "blocked", "expired"}
