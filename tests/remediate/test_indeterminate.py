"""A call that nobody answered: left only by looking, never by calling again."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from daemon.domain.remediation import State, StepState
from daemon.domain.restraint import RestraintKind
from daemon.ports import PlatformError
from daemon.store import events, restraints
from tests.remediate.conftest import Tell
from tests.remediate.stories import ENDPOINT, Story
from tests.remediate.test_crash import SHORT
from tests.remediate.test_restrained import BEGIN, until_an_intent

CALLS = {"retrain": "start", "promote": "update", "rollback": "update", "archive": "set_tag"}
AWAY = PlatformError("away", permanent=False)


@pytest.fixture(params=BEGIN)
def about(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def lost(tell: Tell, about: str, *, took: bool, looks: int | None = 1) -> Story:
    """Return a story whose first call to the world was made a moment ago, and not answered."""
    story = BEGIN[about](tell(looks=looks, **SHORT))
    until_an_intent(story)
    for fake in (story.serving, story.registry, story.jobs):
        if took:
            fake.lose_reply(CALLS[about])
        else:
            fake.fail_next(AWAY, call=CALLS[about])
    with pytest.raises(PlatformError):
        story.step()
    for fake in (story.serving, story.registry, story.jobs):
        # the other fakes were not asked: theirs would come later
        fake.calm()
    assert len(story.done()) == took
    return story


def states(story: Story) -> list[str]:
    with story.memory.read() as tx:
        told = events.history(tx, limit=99)[::-1]
    return [e.kind.removeprefix("remediation.") for e in told if e.kind.startswith("remediation.")]


@pytest.mark.parametrize("took", [True, False])
def test_it_is_looked_at_first_and_done_once(tell: Tell, about: str, took: bool) -> None:
    story = lost(tell, about, took=took)
    effects = story.done()
    story.tick()
    story.step()
    assert states(story)[-2:] == ["indeterminate", "executing"]
    assert story.done() == effects, "looking calls nothing"
    while story.history()[0].state is not State.SUCCEEDED:
        story.tick()
        story.step()
    first = story.steps(story.history()[0])[0 if about != "promote" else 1]
    assert first.state is StepState.DONE
    calls = [call for call, _ in story.done()]
    assert (
        calls.count({"retrain": "jobs.start", "archive": "registry.set_tag"}.get(about, "serving.update"))
        == ({"retrain": 1, "archive": 1, "rollback": 1, "promote": 4}[about])
    )


@pytest.mark.parametrize("about", ["promote", "rollback", "archive"])
def test_while_nobody_can_look_it_stays_and_then_a_person_is_called(tell: Tell, about: str) -> None:
    story = lost(tell, about, took=True)
    for fake in (story.serving, story.registry):
        fake.fail_next(AWAY, times=10_000)
    for _ in range(3):
        story.now += timedelta(minutes=5)
        story.attempt(story.step)
    assert story.newest().state is State.INDETERMINATE
    story.now = story.newest().deadline_at + timedelta(seconds=1)
    story.attempt(story.step)
    assert story.newest().state is State.NEEDS_HUMAN
    assert "nobody knows whether it took" in story.newest().outcome
    assert len(story.done()) == 1


@pytest.mark.parametrize("about", ["promote", "rollback"])
def test_while_it_is_on_its_way_it_is_waited_for(tell: Tell, about: str) -> None:
    story = lost(tell, about, took=True, looks=None)
    for _ in range(4):
        story.tick()
        story.step()
    assert story.newest().state is State.INDETERMINATE
    story.serving.complete(ENDPOINT)
    story.tick()
    story.step()
    assert story.newest().state is State.EXECUTING
    assert len(story.done()) == 1


CHANGES: dict[str, Callable[[Story], object]] = {
    "another version": lambda s: s.serving.deploy(ENDPOINT, {9: 100}),
    "the same anew": lambda s: s.serving.deploy(ENDPOINT, s.traffic()),
}


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("about", ["promote", "rollback"])
def test_what_somebody_else_made_of_it_is_left_alone_and_held(tell: Tell, about: str, what: str) -> None:
    story = lost(tell, about, took=False)
    CHANGES[what](story)
    story.tick()
    story.step()
    assert story.newest().state is State.SUPERSEDED
    assert not story.done()
    with story.memory.read() as tx:
        assert [r.kind for r in restraints.in_force(tx, story.now, ENDPOINT)] == [RestraintKind.HOLD]


@pytest.mark.parametrize("took", [True, False])
def test_under_a_kill_switch_it_is_looked_at_all_the_same(tell: Tell, about: str, took: bool) -> None:
    story = lost(tell, about, took=took)
    story.doors = replace(story.doors, stopped=lambda: "the kill switch is pulled")
    effects = story.done()
    for _ in range(4):
        story.tick()
        story.step()
    assert story.newest().state in (State.EXECUTING, State.VERIFYING, State.SUCCEEDED)
    assert "indeterminate" in states(story)
    assert story.done() == effects


def test_a_workspace_that_never_answers_is_never_called_without_a_look_between(tell: Tell) -> None:
    story = lost(tell, "rollback", took=False)
    asked: list[str] = []
    story.ledger.meanwhile = asked.append
    story.serving.fail_next(AWAY, call="update", times=10_000)
    story.live()
    assert story.newest().state is State.NEEDS_HUMAN
    updates = [n for n, call in enumerate(asked) if call == "serving.update"]
    assert len(updates) > 5
    for before, after in pairwise(updates):
        # one look to find out, one more right before the next call
        assert asked[before + 1 : after].count("serving.state") >= 2
