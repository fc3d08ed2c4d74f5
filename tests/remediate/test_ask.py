"""Before a step that its rules name a promotion waits for a person: yes, no, no answer, another plan."""

from datetime import timedelta

import pytest

from daemon.config.remedies import Approve, Promote
from daemon.domain.event import Event, Severity
from daemon.domain.remediation import Approval, Remedy, State
from daemon.store import approvals, events
from tests.remediate.conftest import Tell
from tests.remediate.stories import MODEL, Story
from tests.remediate.test_promote import promotion, updates

UPDATES = {"stage": [], "canary-20": ["{1: 100, 2: 0}"], "full": ["{1: 100, 2: 0}", "{1: 80, 2: 20}"]}
UPDATES["alias"] = [*UPDATES["full"], "{1: 0, 2: 100}"]
BACK = ["{1: 100}"]
HOURS = Approve(within=timedelta(hours=3))


@pytest.fixture(params=UPDATES)
def step(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def asked(tell: Tell, step: str) -> Story:
    """A promotion that waits for a word on the step."""
    story = promotion(tell(promote=Promote(canary=(20,), windows=1, requests=50, ask_before=(step,)), approve=HOURS))
    for _ in range(60):
        story.tick()
        story.step()
        if story.steps() and story.steps()[-1].name == f"ask-{step}":
            return story
    raise AssertionError(f"nobody was asked: {story.newest().outcome}")


def says(story: Story, step: str, granted: bool, *, plan_hash: str = "") -> None:
    one = story.newest()
    word = Approval(one.id, f"ask-{step}", plan_hash or one.plan_hash, granted, "ana", "because", story.now)
    with story.memory.begin() as tx:
        assert approvals.answer(tx, word)


def told(story: Story) -> list[Event]:
    with story.memory.read() as tx:
        return [e for e in events.history(tx, limit=99) if e.kind == "remediation.asks"]


def test_it_waits_asks_once_and_goes_on_at_a_yes(asked: Story, step: str) -> None:
    for _ in range(20):
        asked.tick()
        asked.step()
    assert updates(asked) == UPDATES[step]
    assert asked.newest().state is State.EXECUTING
    (event,) = told(asked)
    assert event.severity is Severity.WARNING
    assert f"may it go on with {step}?" in event.sentence
    assert event.numbers["plan_hash"] == asked.newest().plan_hash
    says(asked, step, granted=True)
    assert asked.live().ends() == [(Remedy.PROMOTE, State.SUCCEEDED)]
    assert asked.champion() == 2


def test_a_no_takes_back_what_was_done_so_far(asked: Story, step: str) -> None:
    says(asked, step, granted=False)
    asked.live()
    assert asked.ends() == [(Remedy.PROMOTE, State.FAILED)]
    assert f"ana said no to {step}: because" in asked.newest().outcome
    assert updates(asked) == [*UPDATES[step], *(BACK if UPDATES[step] else [])]
    assert (asked.traffic(), asked.champion()) == ({1: 100}, 1)
    assert 2 not in asked.known(), "a no is no verdict on the version"


def test_without_an_answer_in_time_it_is_a_no(asked: Story, step: str) -> None:
    began, within = asked.now, asked.settings.approve.within
    asked.live()
    assert asked.ends() == [(Remedy.PROMOTE, State.FAILED)]
    assert within < asked.now - began < within + timedelta(minutes=45)
    assert f"waits for a person's word on {step}" in asked.newest().outcome
    assert (asked.traffic(), asked.champion()) == ({1: 100}, 1)


def test_a_yes_to_another_plan_is_none(asked: Story, step: str) -> None:
    says(asked, step, granted=True, plan_hash="another")
    asked.live()
    assert asked.ends() == [(Remedy.PROMOTE, State.FAILED)]
    assert "ana said yes to another plan" in asked.newest().outcome
    assert updates(asked) == [*UPDATES[step], *(BACK if UPDATES[step] else [])]


def test_an_alias_that_is_moved_while_a_person_thinks_ends_the_plan(asked: Story, step: str) -> None:
    asked.registry.set_alias(MODEL, "champion", asked.registry.add(MODEL))
    says(asked, step, granted=True)
    asked.live()
    assert asked.newest().state is State.SUPERSEDED
    assert updates(asked) == UPDATES[step]
