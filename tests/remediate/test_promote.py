"""A promotion from its proposal to its end: gates, stage, smoke, canary, bake, full, alias, verified; or backed out."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.remedies import Gate, Promote
from daemon.domain.finding import Verdict
from daemon.domain.remediation import Remedy, Standing, State, StepState
from daemon.remediate.promote import stages
from tests.remediate.conftest import Tell
from tests.remediate.stories import ENDPOINT, MINUTE, MODEL, Story

CANARIES = st.lists(st.integers(1, 99), unique=True, max_size=4).map(sorted)
UPDATES = ["{1: 100, 2: 0}", "{1: 90, 2: 10}", "{1: 50, 2: 50}", "{1: 0, 2: 100}"]
RETIRED = "{2: 100}"
"""Once it is verified, the champion is kept ready no longer."""


@given(canary=CANARIES, champion=st.integers(1, 9), challenger=st.integers(10, 19), standby=st.booleans())
def test_each_stage_gives_the_challenger_more_and_all_of_them_sum_to_100(
    canary: list[int], champion: int, challenger: int, standby: bool
) -> None:
    steps = stages(champion, challenger, canary, standby=standby)
    shares = [traffic[challenger] for _, traffic in steps]
    assert shares == [0, *canary, 100]
    assert all(a < b for a, b in pairwise(shares))
    assert all(sum(traffic.values()) == 100 for _, traffic in steps)
    assert all((champion in traffic) is (standby or name != "full") for name, traffic in steps)
    assert len({name for name, _ in steps}) == len(steps)


def promotion(story: Story, **about: Any) -> Story:
    story.propose(Remedy.PROMOTE, to=story.register(**about))
    return story


def updates(story: Story) -> list[str]:
    return [detail for call, detail in story.done() if call == "serving.update"]


def test_a_challenger_that_does_well_becomes_champion(story: Story) -> None:
    promotion(story).live()
    assert story.ends() == [(Remedy.PROMOTE, State.SUCCEEDED)]
    assert updates(story) == [*UPDATES, RETIRED]
    assert (story.traffic(), story.champion()) == ({2: 100}, 2)
    assert story.known() == {1: Standing.GOOD}, "whoever is followed has done nothing wrong"
    assert [s.name for s in story.steps()] == [
        "gates", "stage", "smoke", "load", "canary-10", "bake-10", "canary-50", "bake-50", "full", "alias", "retire",
    ]  # fmt: skip
    assert all(s.state is StepState.DONE for s in story.steps())


@pytest.mark.parametrize("metrics", [{"auc": 0.59}, {}, {"auc": 0.9}, {"auc": 0.9, "champion_auc": 0.91}])
def test_gates_decide_before_the_world_is_touched(tell: Tell, metrics: dict[str, float]) -> None:
    rules = Promote(gates=(Gate(metric="auc", min=0.6), Gate(metric="auc", champion="champion_auc")), canary=(10,))
    story = promotion(tell(promote=rules), metrics=metrics)
    story.live()
    assert story.ends() == [(Remedy.PROMOTE, State.FAILED)]
    assert not story.ledger.effects
    assert 2 not in story.known(), "a version that never served is not known bad"
    assert "auc" in story.newest().outcome


def test_in_full_charge_and_unseen_a_person_is_called_and_nothing_is_guessed(story: Story) -> None:
    promotion(story).live(until=State.VERIFYING)
    story.requests = 0
    story.live()
    assert story.ends() == [(Remedy.PROMOTE, State.NEEDS_HUMAN)]
    assert (story.traffic(), story.champion()) == ({1: 0, 2: 100}, 2), "the way back stays open"


@pytest.mark.parametrize(("auc", "after"), [(0.9, {2: 100, 7: 0}), (0.1, {1: 100, 7: 0})], ids=["promoted", "refused"])
def test_what_a_team_keeps_ready_at_zero_percent_is_not_taken_away(
    story: Story, auc: float, after: dict[int, int]
) -> None:
    story.serving.deploy(ENDPOINT, {1: 100, 7: 0})
    promotion(story, metrics={"auc": auc}).live()
    assert story.traffic() == after
    assert len(updates(story)) == (5 if auc > 0.6 else 0)


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
    assert updates(story) == [*UPDATES, RETIRED]
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
