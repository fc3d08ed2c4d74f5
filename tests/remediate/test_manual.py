"""A person changes the world before, during or after each step: what they did stays, and the plan ends."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from daemon.domain.finding import Verdict
from daemon.domain.remediation import IN_FLIGHT, Mode, Remedy, Standing, State, StepState
from daemon.domain.restraint import RestraintKind
from daemon.remediate.moves import move
from daemon.store import restraints
from tests.remediate.conftest import Tell
from tests.remediate.stories import AUTO, DRIFT, ENDPOINT, MODEL, Story
from tests.remediate.test_crash import SHORT
from tests.remediate.test_rollback import bad_release

Begin = Callable[[Story], Story]


def promotion(story: Story) -> Story:
    story.propose(Remedy.PROMOTE, to=story.register())
    return story


def condemned(story: Story) -> Story:
    story.verdicts[2] = Verdict.BREACH
    return promotion(story)


def deploy(story: Story) -> None:
    story.serving.deploy(ENDPOINT, {9: 100})


def begin_to_deploy(story: Story) -> None:
    story.serving.looks = 3
    story.serving.deploying(ENDPOINT, {9: 100})


def deploy_the_same_anew(story: Story) -> None:
    story.serving.deploy(ENDPOINT, story.traffic())


BEGIN: dict[str, Begin] = {"a promotion": promotion, "a canary in breach": condemned, "a rollback": bad_release}


@pytest.fixture(params=BEGIN)
def begin(request: pytest.FixtureRequest) -> Begin:
    return BEGIN[request.param]


def ticks(story: Story, count: int = 10_000) -> int:
    """Live so many ticks, or until nothing is open; return how many it were."""
    for n in range(count):
        if not story.opened():
            return n
        story.tick()
        story.attempt(story.step)
    return count


def at_any_moment(tell: Tell, begin: Begin) -> list[Story]:
    """Return the same story, each time one tick further on, up to the last one in which something is open."""
    length = ticks(begin(tell(**SHORT)))
    stories = [begin(tell(**SHORT)) for _ in range(length)]
    for n, story in enumerate(stories):
        assert ticks(story, n) == n
    return stories


def effects(story: Story) -> list[str]:
    return [call for call, _ in story.done() if call in ("serving.update", "registry.set_alias")]


@pytest.mark.parametrize("change", [deploy, begin_to_deploy])
def test_a_manual_deployment_at_any_moment_wins(tell: Tell, begin: Begin, change: Callable[[Story], None]) -> None:
    for story in at_any_moment(tell, begin):
        backed_out = any(s.name == "back-out-alias" and s.ended_at for s in story.steps())
        change(story)
        before = effects(story)
        ticks(story)
        story.serving.complete(ENDPOINT)
        assert story.traffic() == {9: 100}
        assert effects(story) == before, "an effect after somebody else had taken over"
        assert story.newest().state is (State.FAILED if backed_out else State.SUPERSEDED)


def test_an_alias_moved_by_hand_at_any_moment_stays(tell: Tell, begin: Begin) -> None:
    for story in at_any_moment(tell, begin)[1:]:
        elsewhere = story.registry.add(MODEL)
        story.registry.set_alias(MODEL, "champion", elsewhere)
        before = len(story.ledger.of("registry.set_alias"))
        ticks(story)
        assert story.champion() == elsewhere
        assert len(story.ledger.of("registry.set_alias")) == before
        assert story.newest().state in (State.SUPERSEDED, State.SUCCEEDED, State.FAILED)
        assert sum(story.traffic().values()) == 100


def test_the_same_traffic_deployed_anew_by_hand_leaves_nothing_half_done(tell: Tell, begin: Begin) -> None:
    for story in at_any_moment(tell, begin):
        deploy_the_same_anew(story)
        ticks(story)
        assert story.newest().state in (State.SUPERSEDED, State.SUCCEEDED, State.FAILED)
        if story.newest().state is not State.SUPERSEDED:
            assert list(story.traffic().values()) == [100]


def test_what_was_superseded_lets_the_endpoint_go(tell: Tell, begin: Begin) -> None:
    story = begin(tell(**SHORT))
    ticks(story, 3)
    deploy(story)
    ticks(story)
    assert not [r for r in story.history() if r.state in IN_FLIGHT]
    assert "version 9" in story.newest().outcome


@pytest.mark.parametrize("step", ["stage", "smoke", "canary-20", "bake-20", "full", "alias"])
def test_a_takeover_is_seen_at_the_next_step_and_not_taken_for_a_failure(tell: Tell, step: str) -> None:
    story = promotion(tell(**SHORT))
    names = ["gates", "stage", "smoke", "canary-20", "bake-20", "full", "alias"]
    before = names[names.index(step) - 1]
    while not any(s.name == before and s.state is StepState.DONE for s in story.steps()):
        ticks(story, 1)
    deploy(story)
    asked = len(story.serving.queries)
    assert ticks(story) == 1
    assert story.newest().state is State.SUPERSEDED
    assert len(story.serving.queries) == asked


def test_a_person_who_deploys_while_it_is_being_verified_ends_the_watching(story: Story) -> None:
    bad_release(story).live(until=State.VERIFYING)
    deploy(story)
    assert ticks(story) == 1
    assert story.newest().state is State.SUPERSEDED


def test_to_put_a_version_at_zero_percent_beside_it_is_a_takeover_too(story: Story) -> None:
    bad_release(story).live(until=State.VERIFYING)
    story.serving.deploy(ENDPOINT, {1: 100, 2: 0})
    assert story.live().newest().state is State.SUPERSEDED
    assert held(story)


def held(story: Story) -> bool:
    with story.memory.read() as tx:
        return any(r.kind is RestraintKind.HOLD for r in restraints.in_force(tx, story.now, ENDPOINT))


def release(story: Story) -> None:
    with story.memory.begin() as tx:
        assert restraints.lift(tx, [RestraintKind.HOLD], ENDPOINT, by="ada", now=story.now)


@dataclass
class Person:
    """Deploys version 9 by hand right before the n-th question of a kind that the daemon asks the world."""

    story: Story
    at: int | None = None
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    """Of each question: the state of the remediation, its step, the call."""

    def __call__(self, call: str) -> None:
        story = self.story
        opened = [s.name for s in story.steps() if s.state is StepState.INTENT]
        self.asked.append((story.newest().state, "".join(opened), call))
        if len(self.asked) - 1 == self.at:
            story.serving.deploy(ENDPOINT, {9: 100})


def watched(tell: Tell, begin: Begin, at: int | None = None) -> Person:
    """Live through the story with somebody who watches what is asked, and deploys at one question."""
    story = begin(tell(**SHORT))
    person = story.ledger.meanwhile = Person(story, at)
    ticks(story)
    return person


EFFECTS = ("serving.update", "registry.set_alias")


def test_a_deployment_by_hand_before_any_question_that_is_asked_wins_and_holds(tell: Tell, begin: Begin) -> None:
    asked = watched(tell, begin).asked
    # between the last look and the update itself nobody can be seen: Databricks compares nothing
    moments = [n for n, key in enumerate(asked) if asked.index(key) == n and key[2] != "serving.update"]
    assert len(moments) > 10
    for n in moments:
        person = watched(tell, begin, n)
        story, later = person.story, person.asked[n + 1 :]
        assert story.traffic() == {9: 100}, asked[n]
        made = [call for _, _, call in later if call in EFFECTS]
        # the alias lives in another service than the traffic: between the two looks and the call lies a moment, too
        between = asked[n][1].endswith("alias") and asked[n][2] == "registry.alias"
        assert made in ([], ["registry.set_alias"] if between else []), f"after a deployment before {asked[n]}"
        superseded = story.newest().state is State.SUPERSEDED
        looked = any(call == "serving.state" for _, _, call in (asked[n], *later))
        assert superseded is looked, f"{story.newest().state} after a deployment before {asked[n]}"
        # also where it was a proposal so far, without a plan: whoever deploys meanwhile is in charge
        assert held(story) is superseded


def test_what_is_held_is_left_alone_until_it_is_released(tell: Tell) -> None:
    story = bad_release(tell(**SHORT))
    ticks(story, 2)
    story.serving.deploy(ENDPOINT, {2: 100})
    ticks(story)
    assert (story.newest().state, held(story)) == (State.SUPERSEDED, True)
    before = story.done()
    for remedy, to in ((Remedy.ROLLBACK, 1), (Remedy.PROMOTE, story.register()), (Remedy.RETRAIN, None)):
        story.fires(DRIFT, version=2)
        story.propose(remedy, to=to, from_version=2, id=f"again {remedy}")
    ticks(story, 12)
    assert {r.state for r in story.opened()} == {State.BLOCKED}
    assert all("hold of flights by mlsteward" in r.outcome for r in story.opened())
    assert story.done() == before
    release(story)
    ticks(story, 24)
    assert story.done() != before


@pytest.mark.parametrize("by", ["alias", "config", "traffic"])
@pytest.mark.parametrize("state", [State.AWAITING_APPROVAL, State.APPROVED, State.SCHEDULED])
def test_a_change_before_the_first_step_ends_what_was_planned_and_holds(tell: Tell, state: State, by: str) -> None:
    story = tell(**SHORT, mode=AUTO.model_copy(update={"rollback": Mode.APPROVE}))
    bad_release(story).step()
    assert story.newest().state is State.AWAITING_APPROVAL
    with story.memory.begin() as tx:
        one = story.newest()
        for to in (State.APPROVED, State.SCHEDULED):
            if state in (State.APPROVED, State.SCHEDULED) and one.state is not state:
                one = move(tx, one, to, "so told", now=story.now) or one
    {
        "alias": lambda: story.registry.set_alias(MODEL, "champion", 1),
        "config": lambda: story.serving.deploy(ENDPOINT, {2: 100}),
        "traffic": lambda: story.serving.deploy(ENDPOINT, {1: 50, 2: 50}),
    }[by]()
    before = story.done()
    story.step()
    assert (story.newest().state, held(story)) == (State.SUPERSEDED, True)
    assert story.done() == before


def test_what_another_remediation_of_ours_has_changed_is_no_persons_deed(tell: Tell) -> None:
    story = tell(**SHORT, mode=AUTO.model_copy(update={"retrain": Mode.APPROVE, "promote": Mode.APPROVE}))
    bad = story.register(aliases=("champion",))
    story.serving.deploy(ENDPOINT, {bad: 100})
    story.fires(DRIFT, version=bad)
    story.propose(Remedy.RETRAIN, from_version=bad)
    story.propose(Remedy.PROMOTE, to=story.register(), from_version=bad)
    while {r.state for r in story.opened()} != {State.AWAITING_APPROVAL}:
        ticks(story, 1)
    story.fires(version=bad)
    story.propose(Remedy.ROLLBACK, to=1, from_version=bad)
    ticks(story, 30)
    ends = {r.remedy: r.state for r in story.history()}
    assert ends == {
        Remedy.ROLLBACK: State.SUCCEEDED,
        Remedy.RETRAIN: State.SUPERSEDED,
        Remedy.PROMOTE: State.SUPERSEDED,
    }
    assert not held(story)


def test_a_bad_version_that_a_person_put_back_is_not_taken_away_again(tell: Tell) -> None:
    story = bad_release(tell(**SHORT))
    ticks(story)
    assert story.known() == {1: Standing.GOOD, 2: Standing.BAD}
    story.serving.deploy(ENDPOINT, {2: 100})
    before = story.done()
    story.fires(version=2)
    story.propose(Remedy.ROLLBACK, to=1, from_version=2)
    story.now += timedelta(hours=5)
    story.seen()
    story.step()
    assert story.newest().state is State.BLOCKED
    assert "a person put it back" in story.newest().outcome
    ticks(story, 12)
    assert story.done() == before
