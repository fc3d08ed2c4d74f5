"""Who is told of which move, and how loudly; and whose change holds an endpoint."""

from datetime import timedelta

import pytest

from daemon.domain.event import Severity
from daemon.domain.remediation import MOVES, Remedy, State
from daemon.domain.restraint import RestraintKind
from daemon.domain.states import PLANNED
from daemon.remediate.moves import REMINDED_AFTER, move, supersede
from daemon.store import events, restraints
from tests.remediate.stories import ENDPOINT, Story

QUIET = None
INFO, WARNING, PAGE = Severity.INFO, Severity.WARNING, Severity.PAGE
TOLD = {
    State.BLOCKED: QUIET,
    State.SHADOWED: INFO,
    State.AWAITING_APPROVAL: WARNING,
    State.APPROVED: INFO,
    State.SCHEDULED: INFO,
    State.EXECUTING: INFO,
    State.INDETERMINATE: QUIET,
    State.VERIFYING: QUIET,
    State.COMPENSATING: WARNING,
    State.SUCCEEDED: INFO,
    State.FAILED: WARNING,
    State.SUPERSEDED: WARNING,
    State.REJECTED: INFO,
    State.EXPIRED: QUIET,
    State.CANCELLED: WARNING,
    State.NEEDS_HUMAN: PAGE,
}
WHILE_SOMEBODY_IS_ILL = {State.BLOCKED: WARNING, State.AWAITING_APPROVAL: PAGE}
PAIRS = [(before, to) for before, moves in MOVES.items() for to in sorted(moves)]


def loudness(story: Story, remedy: Remedy, before: State, to: State) -> Severity | None:
    one = story.propose(remedy, id=f"{before} {to}", state=before, endpoint=f"{before} {to}", to=2)
    with story.memory.begin() as tx:
        assert move(tx, one, to, "so it is", now=story.now) is not None
        (told,) = events.history(tx, one.endpoint, limit=9)
    again = f":{story.now.isoformat()}" if to is before else ""
    assert told.dedup_key in ("", f"{one.id}:{to}{again}")
    assert told.sentence == f"{remedy} of {one.endpoint}: so it is"
    assert told.numbers == {"remediation": one.id, "from": 1, "to": 2}
    return told.severity if told.dedup_key else None


@pytest.mark.parametrize("remedy", Remedy)
def test_people_are_told_as_loudly_as_it_concerns_them(story: Story, remedy: Remedy) -> None:
    for before, to in PAIRS:
        loud = TOLD[to]
        if remedy is Remedy.ROLLBACK:
            loud = WHILE_SOMEBODY_IS_ILL.get(to, loud)
        if to is State.EXPIRED and before in PLANNED:
            loud = INFO
        if before is to is State.SCHEDULED or (before, to) == (State.INDETERMINATE, State.EXECUTING):
            loud = QUIET
        if to is State.APPROVED and before is not State.AWAITING_APPROVAL:
            loud = QUIET
        assert loudness(story, remedy, before, to) is loud, f"{before} -> {to}"


@pytest.mark.parametrize("remedy", Remedy)
def test_what_expires_because_its_time_is_up_is_told_more_loudly(story: Story, remedy: Remedy) -> None:
    story.now += timedelta(hours=25)
    for before, to in PAIRS:
        if to is State.EXPIRED:
            one = story.propose(remedy, state=before, endpoint=before, id=before, deadline_at=story.now)
            story.now += timedelta(seconds=1)
            with story.memory.begin() as tx:
                move(tx, one, to, "too late", now=story.now)
                (told,) = events.history(tx, before, limit=9)
            assert told.severity is (PAGE if remedy is Remedy.ROLLBACK else WARNING)
            assert told.dedup_key


def test_what_needs_a_person_has_a_time_to_page_again_whatever_was_asked_for(story: Story) -> None:
    one = story.propose(Remedy.ROLLBACK, state=State.VERIFYING)
    with story.memory.begin() as tx:
        moved = move(tx, one, State.NEEDS_HUMAN, "look", now=story.now, deadline=timedelta(days=9))
    assert moved is not None
    assert moved.deadline_at == story.now + REMINDED_AFTER


def test_every_move_leaves_an_event_however_often_it_comes_to_it(story: Story) -> None:
    one = story.propose(Remedy.ROLLBACK, to=1)
    trace = [State.BLOCKED, State.BLOCKED, State.BLOCKED, State.APPROVED, State.SCHEDULED, State.SCHEDULED]
    trace += [State.EXECUTING, State.INDETERMINATE, State.EXECUTING, State.INDETERMINATE, State.EXECUTING]
    trace += [State.VERIFYING, State.NEEDS_HUMAN, State.NEEDS_HUMAN, State.NEEDS_HUMAN, State.CANCELLED]
    for to in trace:
        story.now += timedelta(minutes=1)
        with story.memory.begin() as tx:
            moved = move(tx, one, to, "so it is", now=story.now)
        assert moved is not None
        one = moved
    with story.memory.read() as tx:
        told = [e.kind for e in events.history(tx, ENDPOINT, limit=99)[::-1]]
    assert told == [f"remediation.{to}" for to in trace]


def held(story: Story) -> list[str]:
    with story.memory.read() as tx:
        found = restraints.in_force(tx, story.now)
    assert {(r.kind, r.endpoint, r.owner, r.until) for r in found} <= {
        (RestraintKind.HOLD, ENDPOINT, "mlsteward", None)
    }
    return [r.reason for r in found]


@pytest.mark.parametrize("state", sorted(state for state, to in MOVES.items() if State.SUPERSEDED in to))
@pytest.mark.parametrize("remedy", [Remedy.PROMOTE, Remedy.ROLLBACK, Remedy.RETRAIN])
def test_who_changes_what_a_plan_was_made_for_holds_the_endpoint(story: Story, remedy: Remedy, state: State) -> None:
    one = story.propose(remedy, state=state)
    assert supersede(story.store, one, "it serves version 9", now=story.now).state is State.SUPERSEDED
    assert held(story) == ([f"{remedy} {one.id}: it serves version 9"] if state in PLANNED else [])
    with story.memory.read() as tx:
        told = [(e.kind, e.severity) for e in events.history(tx, ENDPOINT, limit=9) if e.dedup_key]
    assert (("endpoint.held", WARNING) in told) is (state in PLANNED)


def test_who_objects_to_housekeeping_holds_nothing(story: Story) -> None:
    one = story.propose(Remedy.ARCHIVE, state=State.EXECUTING)
    supersede(story.store, one, "version 3 is to be kept", now=story.now)
    assert held(story) == []


def test_an_endpoint_is_held_once(story: Story) -> None:
    for n in range(2):
        one = story.propose(Remedy.ROLLBACK, state=State.EXECUTING, id=str(n))
        supersede(story.store, one, f"change {n}", now=story.now)
    assert len(held(story)) == 1
    with story.memory.read() as tx:
        assert sum(e.kind == "endpoint.held" for e in events.history(tx, ENDPOINT, limit=9)) == 1


def test_who_comes_too_late_to_supersede_holds_nothing(story: Story) -> None:
    one = story.propose(Remedy.ROLLBACK, state=State.EXECUTING)
    with story.memory.begin() as tx:
        move(tx, one, State.NEEDS_HUMAN, "look", now=story.now)
    assert supersede(story.store, one, "it serves version 9", now=story.now).state is State.EXECUTING
    assert held(story) == []
