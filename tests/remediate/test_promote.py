"""A promotion from its proposal to its end: gates, stage, smoke, canary, bake, full, alias, verified; or backed out."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.endpoint import Gate, Promote
from daemon.domain.finding import Verdict
from daemon.domain.remediation import Remedy, Standing, State, StepState
from daemon.ports import PlatformError
from daemon.remediate.promote import stages
from tests.remediate.conftest import Tell
from tests.remediate.stories import ENDPOINT, MINUTE, MODEL, Story

CANARIES = st.lists(st.integers(1, 99), unique=True, max_size=4).map(sorted)
UPDATES = ["{1: 100, 2: 0}", "{1: 90, 2: 10}", "{1: 50, 2: 50}", "{2: 100}"]
BACK = "{1: 100}"


@given(canary=CANARIES, champion=st.integers(1, 9), challenger=st.integers(10, 19))
def test_each_stage_gives_the_challenger_more_and_all_of_them_sum_to_100(
    canary: list[int], champion: int, challenger: int
) -> None:
    steps = stages(champion, challenger, canary)
    shares = [traffic[challenger] for _, traffic in steps]
    assert shares == [0, *canary, 100]
    assert all(a < b for a, b in pairwise(shares))
    assert all(sum(traffic.values()) == 100 for _, traffic in steps)
    assert len({name for name, _ in steps}) == len(steps)


def promotion(story: Story, **about: Any) -> Story:
    story.propose(Remedy.PROMOTE, to=story.register(**about))
    return story


def updates(story: Story) -> list[str]:
    return [detail for call, detail in story.done() if call == "serving.update"]


def assert_backed_out(story: Story, *stages_reached: str) -> None:
    assert story.newest().state is State.FAILED
    assert updates(story) == [*stages_reached, *([BACK] if stages_reached else [])]
    assert (story.traffic(), story.champion()) == ({1: 100}, 1)


def test_a_challenger_that_does_well_becomes_champion(story: Story) -> None:
    promotion(story).live()
    assert story.ends() == [(Remedy.PROMOTE, State.SUCCEEDED)]
    assert updates(story) == UPDATES
    assert (story.traffic(), story.champion()) == ({2: 100}, 2)
    assert [s.name for s in story.steps()] == [
        "gates", "stage", "smoke", "canary-10", "bake-10", "canary-50", "bake-50", "full", "alias",
    ]  # fmt: skip
    assert all(s.state is StepState.DONE for s in story.steps())


def test_its_smoke_requests_are_its_own_input_example_sent_to_it_alone(story: Story) -> None:
    promotion(story).live()
    assert {(endpoint, entity) for endpoint, entity, _ in story.serving.queries} == {(ENDPOINT, "flight_delay-2")}
    assert len(story.serving.queries) == story.settings.promote.smoke_requests


def test_without_an_input_example_there_is_nothing_to_try(story: Story) -> None:
    assert promotion(story, example=None).live().newest().state is State.SUCCEEDED
    assert not story.serving.queries


@pytest.mark.parametrize("metrics", [{"auc": 0.59}, {}, {"auc": 0.9}, {"auc": 0.9, "champion_auc": 0.91}])
def test_gates_decide_before_the_world_is_touched(tell: Tell, metrics: dict[str, float]) -> None:
    rules = Promote(gates=(Gate(metric="auc", min=0.6), Gate(metric="auc", champion="champion_auc")), canary=(10,))
    story = promotion(tell(promote=rules), metrics=metrics)
    story.live()
    assert story.ends() == [(Remedy.PROMOTE, State.FAILED)]
    assert not story.ledger.effects
    assert 2 not in story.known(), "a version that never served is not known bad"
    assert "auc" in story.newest().outcome


def test_a_challenger_that_refuses_its_own_example_gets_no_traffic(story: Story) -> None:
    story.serving.answers[ENDPOINT, 2] = (400, 9.0)
    promotion(story).live()
    assert_backed_out(story, UPDATES[0])
    assert "5 of 5 smoke requests failed (400)" in story.newest().outcome


@pytest.mark.parametrize("reached", [2, 3])
def test_a_canary_in_breach_is_backed_out_and_known_bad(story: Story, reached: int) -> None:
    promotion(story)
    while updates(story)[-1:] != [UPDATES[reached - 1]]:
        story.live(until=State.EXECUTING)
    story.verdicts[2] = Verdict.BREACH
    story.live()
    assert_backed_out(story, *UPDATES[:reached])
    assert story.known() == {1: Standing.GOOD, 2: Standing.BAD}


def test_a_champion_in_trouble_does_not_condemn_its_challenger(story: Story) -> None:
    story.verdicts[1] = Verdict.BREACH
    assert promotion(story).live().newest().state is State.SUCCEEDED


@pytest.mark.parametrize("verdict", [Verdict.INCONCLUSIVE, Verdict.NO_DATA])
def test_a_canary_that_nobody_could_judge_is_backed_out_and_not_known_bad(story: Story, verdict: Verdict) -> None:
    story.verdicts[2] = verdict
    promotion(story).live()
    assert_backed_out(story, *UPDATES[:2])
    assert story.known() == {1: Standing.GOOD}
    assert "given up after 6:00:00" in story.newest().outcome


def test_an_endpoint_without_traffic_promotes_nobody(story: Story) -> None:
    promotion(story).live(until=State.EXECUTING)
    story.requests = 0
    story.live()
    assert_backed_out(story, *UPDATES[:2])
    assert story.known() == {1: Standing.GOOD}


def test_in_full_charge_and_in_breach_the_champion_comes_back(story: Story) -> None:
    promotion(story).live(until=State.VERIFYING)
    story.verdicts[2] = Verdict.BREACH
    story.live()
    assert_backed_out(story, *UPDATES)
    assert story.known()[2] is Standing.BAD
    assert story.done()[-1] == ("registry.set_alias", "champion")


def test_in_full_charge_and_unseen_a_person_is_called_and_nothing_is_guessed(story: Story) -> None:
    promotion(story).live(until=State.VERIFYING)
    story.requests = 0
    story.live()
    assert story.ends() == [(Remedy.PROMOTE, State.NEEDS_HUMAN)]
    assert (story.traffic(), story.champion()) == ({2: 100}, 2)


@pytest.mark.parametrize("reached", [0, 1, 2, 3])
def test_a_stage_that_databricks_cannot_deploy_is_backed_out_and_not_known_bad(story: Story, reached: int) -> None:
    promotion(story)
    while len(updates(story)) < reached:
        story.live(until=State.EXECUTING)
    story.serving.fail_update(ENDPOINT)
    story.live()
    assert story.newest().state is State.FAILED
    assert story.traffic() == {1: 100}
    assert updates(story) == [*UPDATES[: reached + 1], *([BACK] if reached else [])]
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
    assert_backed_out(story, *UPDATES[:reached])


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


@pytest.mark.parametrize("breach", [True, False])
def test_a_team_that_uses_no_alias_gets_one_only_with_a_new_champion(story: Story, breach: bool) -> None:
    story.settings = story.settings.model_copy(
        update={"promote": story.settings.promote.model_copy(update={"alias": "in-charge"})}
    )
    story.verdicts[2] = Verdict.BREACH if breach else Verdict.HEALTHY
    promotion(story).live()
    assert story.registry.alias(MODEL, "in-charge") == (None if breach else 2)


def test_a_configuration_that_is_reloaded_under_way_changes_no_plan(story: Story) -> None:
    promotion(story)
    while len(updates(story)) < 2:
        story.live(until=State.EXECUTING)
    reloaded = story.settings.promote.model_copy(update={"canary": (25,), "alias": "other"})
    story.settings = story.settings.model_copy(update={"promote": reloaded})
    story.live()
    assert story.newest().state is State.SUCCEEDED
    assert updates(story) == UPDATES
    assert story.champion() == 2


def test_windows_that_began_before_the_traffic_moved_prove_nothing(story: Story) -> None:
    promotion(story)
    while not any(s.name == "bake-10" and s.state is StepState.DONE for s in story.steps()):
        story.live(until=State.EXECUTING)
    steps = {s.name: s for s in story.steps()}
    moved, began, proven = steps["canary-10"].ended_at, steps["bake-10"].started_at, steps["bake-10"].ended_at
    assert moved and began and proven
    assert moved <= began
    assert proven - began >= 45 * MINUTE


def test_a_challenger_that_vanishes_under_way_is_backed_out(story: Story) -> None:
    promotion(story).live(until=State.EXECUTING)
    story.registry.drop(MODEL, 2)
    story.live()
    assert story.newest().state is State.FAILED
    assert story.traffic() == {1: 100}
