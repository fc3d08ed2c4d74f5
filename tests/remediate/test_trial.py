"""What a challenger is asked before it gets any traffic: its own example, what clients send, and that under load."""

from typing import Any

import pytest

from daemon.config.remedies import Promote
from daemon.domain.remediation import Remedy, State, Step
from daemon.domain.restraint import Restraint, RestraintKind
from daemon.ports import PlatformError
from daemon.store import restraints
from tests.remediate.conftest import Tell
from tests.remediate.stories import ENDPOINT, EXAMPLE, MODEL, SIGNATURE, Story
from tests.remediate.test_promote import UPDATES, promotion, updates

OWN = {"dataframe_records": [{"distance": 2.0}]}
NEW, OLD = "flight_delay-2", "flight_delay-1"


def ruled(tell: Tell, **rules: Any) -> Story:
    return tell(promote=Promote(canary=(10,), **rules))


def asked(story: Story, entity: str) -> list[object]:
    return [payload for _, name, payload in story.serving.queries if name == entity]


def step(story: Story, name: str) -> Step:
    return next(s for s in story.steps() if s.name == name)


def detail(story: Story, name: str) -> str:
    return str(step(story, name).result["detail"])


def test_smoke_is_its_own_example_and_what_clients_send_to_it_alone(tell: Tell) -> None:
    story = promotion(ruled(tell, load_requests=0), example=OWN).live()
    assert asked(story, NEW) == [OWN] * 5 + [EXAMPLE] * 5
    assert not asked(story, OLD)
    assert detail(story, "smoke") == "10 smoke requests answered, the slowest in 5 ms"
    assert "load_requests is 0" in detail(story, "load")


def test_load_is_what_clients_send_to_both(tell: Tell) -> None:
    story = promotion(ruled(tell, load_requests=20), example=OWN).live()
    assert asked(story, OLD) == [EXAMPLE] * 20
    assert asked(story, NEW)[-20:] == [EXAMPLE] * 20
    assert step(story, "load").calls == 1


def test_without_any_example_there_is_nothing_to_try_and_that_is_said(story: Story) -> None:
    story.registry.describe(MODEL, 1, signature=SIGNATURE, example=None)
    assert promotion(story, example=None).live().newest().state is State.SUCCEEDED
    assert not story.serving.queries
    assert "no input example" in detail(story, "smoke")
    assert "no input example" in detail(story, "load")


def test_a_challenger_that_is_certainly_slower_gets_no_traffic(story: Story) -> None:
    story.serving.answers[ENDPOINT, 2] = (200, 50.0)
    promotion(story).live()
    assert story.newest().state is State.FAILED
    assert updates(story) == [UPDATES[0], "{1: 100}"]
    assert "more than 25% slower" in story.newest().outcome
    assert 2 not in story.known(), "what never had traffic is not known bad"


def test_a_champion_that_refuses_proves_nothing_about_its_challenger(story: Story) -> None:
    story.serving.answers[ENDPOINT, 1] = (503, 50.0)
    promotion(story).live()
    assert story.newest().state is State.FAILED
    assert "the champion refused 50 of 50" in story.newest().outcome
    assert story.known().keys() == {1}


@pytest.mark.parametrize("kind", [RestraintKind.KILL, RestraintKind.PAUSE, RestraintKind.MAINTENANCE])
@pytest.mark.parametrize("name", ["smoke", "load"])
def test_no_request_is_sent_where_nothing_may_be_done(story: Story, name: str, kind: RestraintKind) -> None:
    promotion(story)
    before = {"smoke": "stage", "load": "smoke"}[name]
    while not any(s.name == before and s.ended_at for s in story.steps()):
        story.live(until=State.EXECUTING)
    sent = len(story.serving.queries)
    with story.memory.begin() as tx:
        restraints.impose(tx, Restraint(kind, ENDPOINT, "ana", "because", story.now))
    for _ in range(5):
        story.tick()
        story.step()
    assert len(story.serving.queries) == sent
    assert story.newest().state is State.EXECUTING


def test_a_workspace_that_is_away_meanwhile_is_tried_again(story: Story) -> None:
    promotion(story)
    story.serving.fail_next(PlatformError("away", permanent=False), call="query", times=3)
    assert story.live().ends() == [(Remedy.PROMOTE, State.SUCCEEDED)]


def test_a_served_entity_goes_by_the_name_that_its_team_gave_it(story: Story) -> None:
    story.serving.rename(ENDPOINT, 1, "in-charge")
    promotion(story).live()
    assert story.newest().state is State.SUCCEEDED
    assert len(asked(story, "in-charge")) == story.settings.promote.load_requests
    assert [e.detail["loads"] for e in story.ledger.of("serving.update")] == [[(NEW, 2)], [], [], [], []]


@pytest.mark.parametrize("lacks", [1, 2])
def test_a_version_without_a_signature_does_not_pass(story: Story, lacks: int) -> None:
    promotion(story)
    story.registry.describe(MODEL, lacks, signature=None, example=EXAMPLE)
    story.live()
    assert story.newest().state is State.FAILED
    assert f"version {lacks} has no signature" in story.newest().outcome
    assert not story.ledger.effects


@pytest.mark.parametrize(
    ("metrics", "state"),
    [({"evaluation_rows": 500.0}, State.SUCCEEDED), ({"evaluation_rows": 499.0}, State.FAILED), ({}, State.FAILED)],
)
def test_too_few_rows_prove_nothing(tell: Tell, metrics: dict[str, float], state: State) -> None:
    story = promotion(ruled(tell, minimum_rows=500), metrics=metrics).live()
    assert story.newest().state is state
    assert (state is State.SUCCEEDED) or "evaluat" in story.newest().outcome
