"""A promotion that comes to nothing gives the champion everything back, from whichever stage it had reached."""

import pytest

from daemon.domain.finding import Verdict
from daemon.domain.remediation import Remedy, Standing, State
from daemon.ports import PlatformError
from tests.remediate.stories import ENDPOINT, MODEL, Story
from tests.remediate.test_promote import promotion, updates

BACK = "{1: 100}"
STAGES = ["{1: 100, 2: 0}", "{1: 90, 2: 10}", "{1: 50, 2: 50}", "{1: 0, 2: 100}"]


def assert_backed_out(story: Story, *stages_reached: str) -> None:
    assert story.newest().state is State.FAILED
    assert updates(story) == [*stages_reached, *([BACK] if stages_reached else [])]
    assert (story.traffic(), story.champion()) == ({1: 100}, 1)


def test_a_challenger_that_refuses_its_own_example_gets_no_traffic(story: Story) -> None:
    story.serving.answers[ENDPOINT, 2] = (400, 9.0)
    promotion(story).live()
    assert_backed_out(story, STAGES[0])
    assert "5 of 5 smoke requests failed (400)" in story.newest().outcome


@pytest.mark.parametrize("reached", [2, 3])
def test_a_canary_in_breach_is_backed_out_and_known_bad(story: Story, reached: int) -> None:
    promotion(story)
    while updates(story)[-1:] != [STAGES[reached - 1]]:
        story.live(until=State.EXECUTING)
    story.verdicts[2] = Verdict.BREACH
    story.live()
    assert_backed_out(story, *STAGES[:reached])
    assert story.known() == {1: Standing.GOOD, 2: Standing.BAD}


@pytest.mark.parametrize("verdict", [Verdict.INCONCLUSIVE, Verdict.NO_DATA])
def test_a_canary_that_nobody_could_judge_is_backed_out_and_not_known_bad(story: Story, verdict: Verdict) -> None:
    story.verdicts[2] = verdict
    promotion(story).live()
    assert_backed_out(story, *STAGES[:2])
    assert story.known() == {1: Standing.GOOD}
    assert "given up after 6:00:00" in story.newest().outcome


def test_an_endpoint_without_traffic_promotes_nobody(story: Story) -> None:
    promotion(story).live(until=State.EXECUTING)
    story.requests = 0
    story.live()
    assert_backed_out(story, *STAGES[:2])
    assert story.known() == {1: Standing.GOOD}


def test_in_full_charge_and_in_breach_the_champion_comes_back(story: Story) -> None:
    promotion(story).live(until=State.VERIFYING)
    story.verdicts[2] = Verdict.BREACH
    story.live()
    assert_backed_out(story, *STAGES)
    assert story.known()[2] is Standing.BAD
    assert story.done()[-1] == ("registry.set_alias", "champion")


@pytest.mark.parametrize("reached", [0, 1, 2, 3])
def test_a_stage_that_databricks_cannot_deploy_is_backed_out_and_not_known_bad(story: Story, reached: int) -> None:
    promotion(story)
    while len(updates(story)) < reached:
        story.live(until=State.EXECUTING)
    story.serving.fail_update(ENDPOINT)
    story.live()
    assert story.newest().state is State.FAILED
    assert story.traffic() == {1: 100}
    assert updates(story) == [*STAGES[: reached + 1], *([BACK] if reached else [])]
    assert 2 not in story.known()


@pytest.mark.parametrize("reached", [1, 2, 4])
def test_a_deployment_that_hangs_is_given_up_and_backed_out_as_soon_as_it_can_be(story: Story, reached: int) -> None:
    promotion(story)
    while len(updates(story)) < reached - 1:
        story.live(until=State.EXECUTING)
    story.serving.looks = None
    story.live(until=State.COMPENSATING)
    for _ in range(5):
        story.tick()
        story.step()
    assert story.newest().state is State.COMPENSATING, "our own update was taken for somebody else's"
    story.serving.looks = 1
    story.serving.complete(ENDPOINT)
    story.live()
    assert_backed_out(story, *STAGES[:reached])


def test_a_back_out_that_hangs_calls_a_person(story: Story) -> None:
    story.serving.answers[ENDPOINT, 2] = (500, 9.0)
    promotion(story).live(until=State.COMPENSATING)
    story.serving.looks = None
    story.live()
    assert story.ends() == [(Remedy.PROMOTE, State.NEEDS_HUMAN)]


def test_a_back_out_that_databricks_refuses_calls_a_person(story: Story) -> None:
    story.serving.answers[ENDPOINT, 2] = (500, 9.0)
    promotion(story).live(until=State.COMPENSATING)
    story.serving.fail_next(PlatformError("not allowed", permanent=True), call="update")
    story.live()
    assert story.ends() == [(Remedy.PROMOTE, State.NEEDS_HUMAN)]
    assert "not allowed" in story.newest().outcome


def test_a_back_out_that_databricks_cannot_deploy_calls_a_person(story: Story) -> None:
    story.serving.answers[ENDPOINT, 2] = (500, 9.0)
    promotion(story).live(until=State.COMPENSATING)
    story.serving.fail_update(ENDPOINT)
    assert story.live().newest().state is State.NEEDS_HUMAN


@pytest.mark.parametrize("before", [(), ("champion",)])
@pytest.mark.parametrize("reached", [1, 4])
def test_an_alias_that_came_to_a_challenger_goes_back_to_the_version_in_charge(
    story: Story, before: tuple[str, ...], reached: int
) -> None:
    promotion(story, aliases=before)
    while len(updates(story)) < reached:
        story.live(until=State.EXECUTING)
    story.verdicts[2] = Verdict.BREACH
    story.live()
    assert story.newest().state is State.FAILED
    assert story.champion() == 1


def test_an_alias_that_names_something_else_is_left_alone_by_a_back_out(story: Story) -> None:
    promotion(story)
    named = story.registry.add(MODEL, aliases=("champion",))
    story.verdicts[2] = Verdict.BREACH
    assert story.live().newest().state is State.FAILED
    assert story.champion() == named


def test_a_challenger_that_vanishes_under_way_is_backed_out(story: Story) -> None:
    promotion(story).live(until=State.EXECUTING)
    story.registry.drop(MODEL, 2)
    story.live()
    assert story.newest().state is State.FAILED
    assert story.traffic() == {1: 100}
