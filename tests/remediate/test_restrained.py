"""Whoever forbids it has the last word: between the intent and the call, in the middle of a plan, at any moment."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.domain.remediation import IN_FLIGHT, Mode, Remedy, State, StepState
from daemon.domain.restraint import Restraint, RestraintKind
from daemon.remediate.moves import move
from daemon.remediate.switch import kill_switch
from daemon.store import restraints
from tests.remediate.conftest import Tell
from tests.remediate.stories import DRIFT, ENDPOINT, Story
from tests.remediate.test_crash import SHORT
from tests.remediate.test_rollback import bad_release

Begin = Callable[[Story], Story]
STOPS = [kind for kind in RestraintKind if kind not in (RestraintKind.SILENCE, RestraintKind.STORM)]


def retraining(story: Story) -> Story:
    story.fires(DRIFT)
    story.propose(Remedy.RETRAIN)
    return story


def promotion(story: Story) -> Story:
    story.propose(Remedy.PROMOTE, to=story.register())
    return story


def housekeeping(story: Story) -> Story:
    story.propose(Remedy.ARCHIVE, plan={"phase": "mark", "versions": [1]}, from_version=None)
    return story


BEGIN: dict[str, Begin] = {
    "retrain": retraining,
    "promote": promotion,
    "rollback": bad_release,
    "archive": housekeeping,
}


@pytest.fixture(params=BEGIN)
def begin(request: pytest.FixtureRequest) -> Begin:
    return BEGIN[request.param]


def restrain(story: Story, kind: RestraintKind, *, endpoint: str = ENDPOINT) -> None:
    with story.memory.begin() as tx:
        restraints.impose(tx, Restraint(kind, endpoint, "ada", "because", story.now))


def lift(story: Story, kind: RestraintKind, *, endpoint: str = ENDPOINT) -> None:
    with story.memory.begin() as tx:
        assert restraints.lift(tx, [kind], endpoint, by="ada", now=story.now)


def until_an_intent(story: Story) -> None:
    """Step until a step that changes the world is intended, and not called yet."""
    story.step()
    free = story.doors
    story.doors = replace(free, stopped=lambda: "not yet")
    while not any(s.state is StepState.INTENT for s in story.steps()):
        story.tick()
        story.step()
    story.doors = free


@pytest.mark.parametrize("where", [ENDPOINT, ""])
@pytest.mark.parametrize("kind", STOPS)
def test_what_is_forbidden_between_the_intent_and_the_call_is_not_called(
    tell: Tell, begin: Begin, kind: RestraintKind, where: str
) -> None:
    story = begin(tell(**SHORT))
    until_an_intent(story)
    restrain(story, kind, endpoint=where)
    for _ in range(5):
        story.tick()
        story.step()
    assert not story.done()
    assert story.newest().state is State.EXECUTING
    assert [s.calls for s in story.steps() if s.state is StepState.INTENT] == [0]
    lift(story, kind, endpoint=where)
    story.tick()
    story.step()
    assert len(story.done()) == 1


@pytest.mark.parametrize("door", ["stopped", "follows"])
def test_the_kill_file_and_the_lease_stop_it_there_too(tell: Tell, begin: Begin, door: str) -> None:
    story = begin(tell(**SHORT))
    until_an_intent(story)
    free = story.doors
    story.doors = replace(free, **{door: lambda: "no"})  # type: ignore[arg-type]
    stepped = [story.step() for _ in range(3)]
    assert not story.done()
    assert "held up: no" in stepped[-1].sentence  # type: ignore[union-attr]
    story.doors = free
    story.step()
    assert len(story.done()) == 1


@pytest.mark.parametrize("kind", [RestraintKind.SILENCE, RestraintKind.STORM])
def test_what_forbids_only_to_tell_or_to_begin_lets_go_on_what_has_begun(
    tell: Tell, begin: Begin, kind: RestraintKind
) -> None:
    story = begin(tell(**SHORT))
    story.live(until=State.EXECUTING)
    restrain(story, kind, endpoint="")
    while story.history()[0].state in IN_FLIGHT:
        story.tick()
        story.step()
    assert story.history()[0].state is State.SUCCEEDED


def test_another_endpoints_restraint_is_not_ours(tell: Tell, begin: Begin) -> None:
    story = begin(tell(**SHORT))
    for kind in STOPS:
        restrain(story, kind, endpoint="delays")
    story.live(until=State.SUCCEEDED)
    assert story.history()[0].state is State.SUCCEEDED


@pytest.mark.parametrize("kind", STOPS)
def test_under_it_at_any_moment_nothing_more_is_called_and_after_it_all_comes_to_its_end(
    tell: Tell, kind: RestraintKind
) -> None:
    length, n = 99, 0
    while n < length:
        story = promotion(tell(**SHORT))
        for _ in range(n):
            story.tick()
            story.attempt(story.step)
        if not story.opened():
            break
        restrain(story, kind)
        before = story.done()
        for _ in range(4):
            story.tick()
            story.attempt(story.step)
        assert story.done() == before
        lift(story, kind)
        assert story.live().newest().state is State.SUCCEEDED
        assert story.traffic() == {2: 100}
        n += 3
    assert n > 9


def test_a_pause_that_outlasts_the_patience_ends_in_a_back_out_that_waits_for_it_too(tell: Tell) -> None:
    story = promotion(tell(**SHORT))
    while not story.traffic().get(2):
        story.live(until=State.EXECUTING)
    restrain(story, RestraintKind.PAUSE)
    effects = story.done()
    story.live()
    assert story.newest().state is State.NEEDS_HUMAN, "it could not even be backed out: a person has to look"
    assert story.done() == effects


@pytest.mark.parametrize("mode", [Mode.OFF, Mode.OBSERVE])
@pytest.mark.parametrize("state", [State.EXECUTING, State.VERIFYING])
def test_a_mode_that_is_turned_down_under_way_calls_a_person_at_once(
    tell: Tell, begin: Begin, mode: Mode, state: State
) -> None:
    story = begin(tell(**SHORT))
    if state is State.VERIFYING and story.newest().remedy in (Remedy.RETRAIN, Remedy.ARCHIVE):
        state = State.EXECUTING
    story.live(until=state)
    modes = {remedy.value: mode for remedy in Remedy}
    story.settings = story.settings.model_copy(update={"mode": story.settings.mode.model_copy(update=modes)})
    effects = story.done()
    story.step()
    assert story.newest().state is State.NEEDS_HUMAN
    assert f"its mode was turned to {mode} while it was {state}" in story.newest().outcome
    for _ in range(6):
        story.tick()
        story.step()
    assert story.done() == effects


def test_a_mode_that_is_turned_down_in_the_middle_of_a_back_out_calls_a_person(tell: Tell) -> None:
    story = promotion(tell(**SHORT))
    story.serving.answers[ENDPOINT, 2] = (500, 9.0)
    story.live(until=State.COMPENSATING)
    story.settings = story.settings.model_copy(
        update={"mode": story.settings.mode.model_copy(update={"promote": Mode.OBSERVE})}
    )
    story.step()
    assert story.newest().state is State.NEEDS_HUMAN


def test_what_somebody_ended_while_the_look_hung_is_not_called_any_more(tell: Tell, begin: Begin) -> None:
    story = begin(tell(**SHORT))
    until_an_intent(story)

    def end(call: str) -> None:
        one = story.newest()
        if one.state is State.EXECUTING:
            with story.memory.begin() as tx:
                asked = move(tx, one, State.NEEDS_HUMAN, "it hung", now=story.now)
                assert asked and move(tx, asked, State.CANCELLED, "done by hand", now=story.now)

    story.ledger.meanwhile = end
    if story.newest().remedy is Remedy.RETRAIN:
        end("jobs.start")
    story.step()
    assert not story.done()
    assert story.newest().state is State.CANCELLED


def test_the_kill_switch_is_a_file_and_who_cannot_look_does_not_act(tmp_path: Path) -> None:
    file = tmp_path / "KILL"
    assert kill_switch(file) == ""
    assert kill_switch(tmp_path / "no folder" / "KILL") == ""
    file.symlink_to("/nowhere/at/all")
    assert "is pulled" in kill_switch(file)
    file.unlink()
    file.touch()
    assert "is pulled" in kill_switch(file)
    assert "is pulled" not in kill_switch(file / "below a file")
    assert "cannot be looked for" in kill_switch(tmp_path / (300 * "x"))


def test_a_restraint_that_ends_by_itself_lets_it_go_on(tell: Tell, begin: Begin) -> None:
    story = begin(tell(**SHORT))
    until_an_intent(story)
    with story.memory.begin() as tx:
        end = story.now + timedelta(minutes=10)
        restraints.impose(tx, Restraint(RestraintKind.MAINTENANCE, ENDPOINT, "ada", "patches", story.now, end))
    acted = []
    for _ in range(3):
        story.tick()
        story.step()
        acted.append(len(story.done()))
    assert acted[0] == 0
    assert acted[1] == 1
