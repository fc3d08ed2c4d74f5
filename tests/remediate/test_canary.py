"""A canary is judged beside its champion over the same minutes; and a world that changes meanwhile ends the plan."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from daemon.config.remedies import Promote
from daemon.domain.finding import Verdict
from daemon.domain.remediation import Approval, Remedy, Standing, State, StepState
from daemon.store import approvals
from tests.remediate.conftest import Tell
from tests.remediate.stories import ENDPOINT, MODEL, Story
from tests.remediate.test_promote import RETIRED, UPDATES, promotion, updates


def baking(story: Story) -> Story:
    promotion(story)
    while updates(story)[-1:] != [UPDATES[1]]:
        story.live(until=State.EXECUTING)
    return story


def assert_backed_out_and_not_called_bad(story: Story) -> None:
    assert story.ends() == [(Remedy.PROMOTE, State.FAILED)]
    assert (story.traffic(), story.champion()) == ({1: 100}, 1)
    assert 2 not in story.known()


@pytest.mark.parametrize("challenger", [Verdict.HEALTHY, Verdict.BREACH])
def test_beside_a_champion_in_breach_nothing_is_proven_and_in_the_end_it_is_backed_out(
    story: Story, challenger: Verdict
) -> None:
    story.verdicts = {1: Verdict.BREACH, 2: challenger}
    began = story.now
    baking(story).live()
    assert_backed_out_and_not_called_bad(story)
    assert story.now - began > story.settings.promote.timeout
    assert "because the champion was in breach as well" in story.newest().outcome


def test_beside_a_champion_that_recovers_it_goes_on(story: Story) -> None:
    story.verdicts[1] = Verdict.BREACH
    baking(story)
    for _ in range(12):
        story.tick()
        story.step()
    assert story.newest().state is State.EXECUTING
    story.verdicts.clear()
    assert story.live().newest().state is State.SUCCEEDED


@pytest.mark.parametrize("answered", [0, 49])
def test_without_a_champion_beside_it_nothing_is_proven(story: Story, answered: int) -> None:
    story.answered[1] = answered
    baking(story).live()
    assert_backed_out_and_not_called_bad(story)
    assert "because the champion answered too few requests beside it" in story.newest().outcome


def test_a_breach_that_nobody_stood_beside_backs_out_at_once_and_calls_nobody_bad(story: Story) -> None:
    story.answered[1] = 0
    story.verdicts[2] = Verdict.BREACH
    began = story.now
    baking(story).live()
    assert_backed_out_and_not_called_bad(story)
    assert story.now - began < timedelta(hours=2)


def test_a_breach_of_its_own_is_remembered(story: Story) -> None:
    story.verdicts[2] = Verdict.BREACH
    baking(story).live()
    assert story.known()[2] is Standing.BAD


def test_each_step_bakes_by_its_time(tell: Tell) -> None:
    story = tell(promote=Promote(canary=(10, 50), windows=1, requests=1, bake=timedelta(hours=2)))
    promotion(story).live()
    steps = {s.name: s for s in story.steps()}
    for bake in (steps["bake-10"], steps["bake-50"]):
        assert bake.started_at and bake.ended_at
        assert timedelta(hours=2) <= bake.ended_at - bake.started_at <= timedelta(hours=2, minutes=10)


def test_blue_green_is_the_promotion_without_a_canary(tell: Tell) -> None:
    story = promotion(tell(promote=Promote(canary=()))).live()
    assert story.ends() == [(Remedy.PROMOTE, State.SUCCEEDED)]
    assert updates(story) == [UPDATES[0], UPDATES[3], RETIRED]
    assert [s.name for s in story.steps()] == ["gates", "stage", "smoke", "load", "full", "alias", "retire"]
    assert [e.detail["loads"] for e in story.ledger.of("serving.update")] == [[("flight_delay-2", 2)], [], []]


def test_green_that_is_not_well_gives_way_to_blue(tell: Tell) -> None:
    story = tell(promote=Promote(canary=()))
    story.verdicts[2] = Verdict.BREACH
    promotion(story).live()
    assert (story.newest().state, story.known()[2]) == (State.FAILED, Standing.BAD)
    assert updates(story) == [UPDATES[0], UPDATES[3], "{1: 100}"]
    assert (story.traffic(), story.champion()) == ({1: 100}, 1)


def test_blue_green_without_a_standby_is_not_begun(tell: Tell) -> None:
    story = promotion(tell(promote=Promote(canary=(), standby=False)))
    story.step()
    assert story.newest().state is State.BLOCKED
    assert "set promote.standby" in story.newest().outcome


def test_what_verifies_full_charge_began_after_it(story: Story) -> None:
    promotion(story).live(until=State.VERIFYING)
    took_over, since = story.now, story.newest().verify_since
    assert since is not None
    assert since >= next(s.ended_at for s in story.steps() if s.name == "full" and s.ended_at)
    story.live()
    assert story.now - took_over >= 3 * timedelta(minutes=15), "three windows that began since"


CHANGES: dict[str, Callable[[Story], object]] = {
    "traffic": lambda s: s.serving.deploy(ENDPOINT, {9: 100}),
    "the same deployed anew": lambda s: s.serving.deploy(ENDPOINT, s.traffic()),
    "alias": lambda s: s.registry.set_alias(MODEL, "champion", s.registry.add(MODEL)),
}
WAITS = ["gates", "ask-stage", "stage", "smoke", "load", "canary-10", "bake-10", "ask-full", "full", "alias"]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("at", WAITS)
def test_a_champion_that_somebody_changed_meanwhile_ends_the_plan_at_the_next_act(
    tell: Tell, at: str, change: str
) -> None:
    story = promotion(tell(promote=Promote(canary=(10,), ask_before=("stage", "full"))))
    _live_up_to(story, at)
    CHANGES[change](story)
    done, sent = len(story.ledger.effects), len(story.serving.queries)
    story.step()
    assert story.newest().state is State.SUPERSEDED
    assert (len(story.ledger.effects), len(story.serving.queries)) == (done, sent)


def _live_up_to(story: Story, act: str) -> None:
    """Live until this act is the next to be looked at; whoever is asked says yes."""
    for _ in range(100):
        one = story.newest()
        if one.state is State.EXECUTING:
            with story.memory.begin() as tx:
                for gate in ("ask-stage", "ask-full"):
                    approvals.answer(tx, Approval(one.id, gate, one.plan_hash, True, "ana", "fine", story.now))
            if sum(s.state is StepState.DONE for s in story.steps()) == WAITS.index(act):
                return
        story.tick()
        story.step()
    raise AssertionError(f"{act} never came: {story.newest().outcome}")
