"""A person changes the world before, during or after each step: what they did stays, and the plan ends."""

from collections.abc import Callable

import pytest

from daemon.domain.finding import Verdict
from daemon.domain.remediation import IN_FLIGHT, Remedy, State, StepState
from tests.remediate.conftest import Tell
from tests.remediate.stories import ENDPOINT, MODEL, Story
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


def test_a_version_at_zero_percent_beside_it_is_nobodys_takeover(story: Story) -> None:
    bad_release(story).live(until=State.VERIFYING)
    story.serving.deploy(ENDPOINT, {1: 100, 2: 0})
    assert story.live().newest().state is State.SUCCEEDED
