"""The champion stays ready at 0 % until its successor is verified: going back is a change of traffic, no start."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from daemon.config.remedies import Promote
from daemon.domain.finding import Verdict
from daemon.domain.registry import Stage
from daemon.domain.remediation import Remedy, Standing, State
from daemon.domain.restraint import RestraintKind
from daemon.ports import PlatformError
from daemon.store import restraints
from tests.remediate.conftest import Tell
from tests.remediate.stories import ENDPOINT, MODEL, Story
from tests.remediate.test_promote import UPDATES, promotion, updates

RULES = Promote(canary=(20,), windows=1, requests=50, load_requests=4, smoke_requests=1, stages=True)


def loads(story: Story) -> list[object]:
    return [e.detail["loads"] for e in story.ledger.of("serving.update")]


def in_full_charge(story: Story) -> Story:
    return promotion(story).live(until=State.VERIFYING)


def succeeds(story: Story) -> None:
    in_full_charge(story).live()


def is_not_well_in_full_charge(story: Story) -> None:
    in_full_charge(story).verdicts[2] = Verdict.BREACH
    story.live()


PLAYS: dict[str, Callable[[Story], None]] = {
    "it succeeds": succeeds,
    "it is not well in full charge": is_not_well_in_full_charge,
}


def outcome(story: Story) -> dict[str, Any]:
    return {
        "ends": story.ends(),
        "steps": [(s.name, s.state) for s in story.steps()],
        "effects": story.done(),
        "traffic": story.traffic(),
        "champion": story.champion(),
        "stages": [v.stage for v in story.registry.versions(MODEL)],
        "known": story.known(),
    }


@pytest.fixture(params=PLAYS)
def play(request: pytest.FixtureRequest) -> Callable[[Story], None]:
    return PLAYS[request.param]


def test_undisturbed_each_play_has_its_end(tell: Tell) -> None:
    well, ill = tell(promote=RULES), tell(promote=RULES)
    succeeds(well)
    assert well.ends() == [(Remedy.PROMOTE, State.SUCCEEDED)]
    assert (well.traffic(), well.champion()) == ({2: 100}, 2)
    is_not_well_in_full_charge(ill)
    assert ill.ends() == [(Remedy.PROMOTE, State.FAILED)]
    assert (ill.traffic(), ill.champion()) == ({1: 100}, 1)


def test_dead_after_any_write_from_full_charge_on_it_ends_as_undisturbed(
    tell: Tell, play: Callable[[Story], None]
) -> None:
    undisturbed, first = tell(promote=RULES), in_full_charge(tell(promote=RULES)).store.faults.begun
    play(undisturbed)
    for n in range(first, undisturbed.store.faults.begun + 1):
        story = tell(promote=RULES)
        story.store.faults.crash_after = frozenset({n})
        play(story)
        assert outcome(story) == outcome(undisturbed), f"transaction {n}"


def test_dead_after_any_effect_from_full_charge_on_it_ends_as_undisturbed(
    tell: Tell, play: Callable[[Story], None]
) -> None:
    undisturbed, first = tell(promote=RULES), len(in_full_charge(tell(promote=RULES)).ledger.effects)
    play(undisturbed)
    for n in range(first, len(undisturbed.ledger.effects) + 1):
        story = tell(promote=RULES)
        story.ledger.crash_after = n
        play(story)
        assert outcome(story) == outcome(undisturbed), f"effect {n}: {undisturbed.ledger.effects[n - 1]}"


def test_a_breach_while_it_is_verified_goes_back_and_nothing_is_loaded_for_it(story: Story) -> None:
    is_not_well_in_full_charge(story)
    assert updates(story) == [*UPDATES, "{1: 100}"]
    assert loads(story) == [[("flight_delay-2", 2)], [], [], [], []]
    assert story.known()[2] is Standing.BAD


def test_without_a_standby_going_back_is_a_start(tell: Tell) -> None:
    story = tell(promote=RULES.model_copy(update={"standby": False}))
    is_not_well_in_full_charge(story)
    assert (story.newest().state, story.traffic()) == (State.FAILED, {1: 100})
    assert loads(story)[-1] == [("flight_delay-1", 1)], "this is what the standby is for"


def test_a_champion_that_is_kept_ready_is_not_put_away_before_its_successor_is_verified(story: Story) -> None:
    promotion(story).live(until=State.VERIFYING)
    story.verdicts[2] = Verdict.INCONCLUSIVE
    for _ in range(20):
        story.tick()
        story.step()
        assert story.traffic() == {1: 0, 2: 100}
    story.verdicts.clear()
    assert story.live().traffic() == {2: 100}


def test_a_standby_that_cannot_be_put_away_stays_and_that_is_said(story: Story) -> None:
    promotion(story).live(until=State.VERIFYING)
    story.serving.fail_update(ENDPOINT)
    story.live()
    assert story.ends() == [(Remedy.PROMOTE, State.SUCCEEDED)]
    assert story.traffic() == {1: 0, 2: 100}
    assert "the standby stays: Databricks could not deploy" in story.newest().outcome


def test_a_standby_that_databricks_will_not_put_away_stays(story: Story) -> None:
    promotion(story).live(until=State.VERIFYING)
    story.serving.fail_next(PlatformError("not allowed", permanent=True), call="update")
    story.live()
    assert (story.newest().state, story.traffic()) == (State.SUCCEEDED, {1: 0, 2: 100})
    assert "the standby stays: not allowed" in story.newest().outcome


def test_a_standby_whose_putting_away_hangs_ends_in_time(story: Story) -> None:
    promotion(story).live(until=State.VERIFYING)
    story.serving.looks = None
    while len(updates(story)) < 5:
        story.live(until=State.VERIFYING)
    began = story.now
    story.live()
    assert story.newest().state is State.SUCCEEDED
    assert story.now - began <= timedelta(minutes=45)
    assert "the standby stays: given up after 0:30:00" in story.newest().outcome


CHANGES: dict[str, Callable[[Story], object]] = {
    "deploys": lambda s: s.serving.deploy(ENDPOINT, {9: 100}),
    "shares the traffic": lambda s: s.serving.deploy(ENDPOINT, {1: 50, 2: 50}),
    "deploys the same anew": lambda s: s.serving.deploy(ENDPOINT, s.traffic()),
    "points the alias": lambda s: s.registry.set_alias(MODEL, "champion", 1),
}


@pytest.mark.parametrize("what", CHANGES)
@pytest.mark.parametrize("reached", ["verifying", "verified"])
def test_a_person_who_changes_something_meanwhile_wins(story: Story, reached: str, what: str) -> None:
    promotion(story).live(until=State.VERIFYING)
    if reached == "verified":
        story.serving.fail_next(PlatformError("away", permanent=False), call="update")
        while not any(s.name == "retire" for s in story.steps()):
            story.live(until=State.VERIFYING)
    CHANGES[what](story)
    now, done = story.traffic(), len(story.ledger.effects)
    story.live()
    assert story.newest().state is State.SUPERSEDED
    assert (story.traffic(), len(story.ledger.effects)) == (now, done)
    with story.memory.read() as tx:
        assert [r.kind for r in restraints.in_force(tx, story.now, ENDPOINT)] == [RestraintKind.HOLD]


def test_a_rollback_to_a_version_that_is_kept_ready_loads_nothing(story: Story) -> None:
    bad = story.register(aliases=("champion",))
    story.serving.deploy(ENDPOINT, {1: 0, bad: 100})
    story.serving.rename(ENDPOINT, 1, "the-one-before")
    story.verdicts[bad] = Verdict.BREACH
    story.fires(version=bad)
    story.propose(Remedy.ROLLBACK, to=1, from_version=bad)
    story.live()
    assert (story.newest().state, story.traffic()) == (State.SUCCEEDED, {1: 100})
    assert [call for call, _ in story.done()] == ["serving.update", "registry.set_alias"]
    assert loads(story) == [[]]


@pytest.mark.parametrize("after", ["serving.update", "registry.set_alias"])
def test_a_rollback_that_dies_between_traffic_and_alias_points_it_afterwards(story: Story, after: str) -> None:
    bad = story.register(aliases=("champion",))
    story.serving.deploy(ENDPOINT, {bad: 100})
    story.fires(version=bad)
    story.propose(Remedy.ROLLBACK, to=1, from_version=bad)
    story.ledger.crash_after = 1 if after == "serving.update" else 2
    while not story.ledger.of(after):
        story.tick()
        story.attempt(story.step)
    assert story.traffic() == {1: 100}, "whatever the alias says, the good version serves"
    assert story.live().newest().state is State.SUCCEEDED
    assert story.champion() == 1
    assert [call for call, _ in story.done()] == ["serving.update", "registry.set_alias"]


def test_stages_are_none_of_its_business_unless_asked(story: Story) -> None:
    promotion(story).live()
    assert [v.stage for v in story.registry.versions(MODEL)] == [Stage.NONE, Stage.NONE]
    assert not story.ledger.of("registry.set_stage")
