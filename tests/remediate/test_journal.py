"""The journal: an intent before each effect, closed only by looking, and never an effect too many."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from daemon.domain.remediation import Remediation, Remedy, Step, StepState, token
from daemon.ports import PlatformError
from daemon.remediate.journal import (
    MOST_CALLS,
    Act,
    Outcome,
    Progress,
    Seen,
    advance,
    called_at,
    probe,
    unanswered,
)
from daemon.store import remediations
from daemon.store.engine import StoreError
from tests.fakes import Crash
from tests.remediate.stories import MINUTE, Story


@dataclass
class Switch:
    """A world of one switch, which an act turns from off to on."""

    on: object = False
    deaf: bool = False
    """It takes calls, and nothing comes of them."""
    turned: int = 0
    story: Story | None = None
    error: Exception | BaseException | None = None
    """Raised by the next call, after it has had its effect unless the switch is deaf."""
    blind: PlatformError | None = None

    def act(self, name: str = "switch", **how: object) -> Act:
        return Act(name, self.look, self.do, lambda: {"on": self.on}, **how)  # type: ignore[arg-type]

    def look(self, step: Step) -> Seen:
        if self.blind:
            raise self.blind
        if self.on is True:
            return Seen(Outcome.DONE, "it is on", {"on": True})
        same = self.on == step.expected["on"]
        return Seen(Outcome.READY if same else Outcome.FOREIGN, "" if same else f"it is {self.on}")

    def do(self, step: Step) -> Mapping[str, object]:
        if self.story:
            (written,) = self.story.steps()
            assert written.state is StepState.INTENT, "an effect without an intent"
            assert written.calls == step.calls + 1, "a call that was not counted before"
        if not self.deaf:
            self.turned += 1
            self.on = True
        error, self.error = self.error, None
        if error:
            raise error
        return {"answer": "yes"}


@pytest.fixture
def one(story: Story) -> Remediation:
    return story.propose(Remedy.ARCHIVE)


def go(story: Story, one: Remediation, *acts: Act, refusal: str = "") -> Progress:
    story.now += MINUTE
    return advance(one, acts, story.store, now=story.now, refusal=lambda tx: refusal)


def find_out(story: Story, one: Remediation, *acts: Act) -> Progress:
    story.now += MINUTE
    return probe(one, acts, story.store, now=story.now)


def test_an_act_is_intended_then_done_then_looked_at(story: Story, one: Remediation) -> None:
    world = Switch(story=story)
    first = go(story, one, world.act())
    assert (first.outcome, first.acted, world.turned) == (Outcome.WAIT, True, 1)
    second = go(story, one, world.act())
    assert (second.outcome, second.acted, second.complete, world.turned) == (Outcome.DONE, False, False, 1)
    assert go(story, one, world.act()).complete
    (row,) = story.steps()
    assert (row.state, row.calls, row.token) == (StepState.DONE, 1, token(one.id, "switch"))
    assert row.expected == {"on": False}
    assert {"on": True, "answer": "yes", "detail": "it is on"}.items() <= row.result.items()
    assert row.ended_at == story.now - MINUTE


def test_what_is_as_wanted_already_is_done_without_a_call(story: Story, one: Remediation) -> None:
    world = Switch(on=True)
    assert go(story, one, world.act()).outcome is Outcome.DONE
    assert (world.turned, story.steps()[0].calls) == (0, 0)


def test_acts_go_in_order_each_after_the_one_before_is_closed(story: Story, one: Remediation) -> None:
    first, second = Switch(), Switch()
    seen = []
    while not go(story, one, first.act("first"), second.act("second")).complete:
        seen.append((first.turned, second.turned))
    assert seen == [(1, 0), (1, 0), (1, 1), (1, 1)]
    assert [(s.n, s.name) for s in story.steps()] == [(0, "first"), (1, "second")]


def test_what_a_newer_version_asks_for_before_what_was_begun_is_not_made_up_for(story: Story, one: Remediation) -> None:
    later = Act("second", lambda step: Seen(Outcome.DONE))
    go(story, one, later)
    before = Act("first", lambda step: Seen(Outcome.FAILED, "too late to ask"))
    after = Act("third", lambda step: Seen(Outcome.WAIT, "still asked"))
    assert go(story, one, before, later, after).detail == "still asked"


def test_a_crash_in_the_call_is_found_out_by_looking(story: Story, one: Remediation) -> None:
    world = Switch(error=Crash())
    with pytest.raises(Crash):
        go(story, one, world.act())
    assert go(story, one, world.act()).outcome is Outcome.DONE
    assert world.turned == 1


def test_a_crash_before_the_call_reached_anybody_lets_it_go_again(story: Story, one: Remediation) -> None:
    world = Switch(error=Crash(), deaf=True)
    with pytest.raises(Crash):
        go(story, one, world.act())
    world.deaf = False
    assert go(story, one, world.act()).acted
    assert world.turned == 1
    assert story.steps()[0].calls == 2


def test_a_lost_reply_leaves_one_effect(story: Story, one: Remediation) -> None:
    world = Switch(error=PlatformError("no answer", permanent=False))
    with pytest.raises(PlatformError):
        go(story, one, world.act())
    assert story.steps()[0].state is StepState.INTENT
    assert go(story, one, world.act()).outcome is Outcome.DONE
    assert world.turned == 1


def test_a_passing_error_of_a_look_leaves_the_intent_open(story: Story, one: Remediation) -> None:
    world = Switch(blind=PlatformError("away", permanent=False))
    with pytest.raises(PlatformError):
        go(story, one, world.act())
    assert story.steps()[0].state is StepState.INTENT
    world.blind = None
    assert go(story, one, world.act()).acted


def test_an_error_that_stays_fails_the_step(story: Story, one: Remediation) -> None:
    world = Switch(error=PlatformError("not allowed", permanent=True), deaf=True)
    failed = go(story, one, world.act())
    assert (failed.outcome, failed.detail) == (Outcome.FAILED, "not allowed")
    assert story.steps()[0].state is StepState.FAILED


def test_an_error_that_stays_fails_also_where_not_even_an_intent_could_be_made(story: Story, one: Remediation) -> None:
    def base() -> Mapping[str, object]:
        raise PlatformError("no such endpoint", permanent=True, missing=True)

    failed = go(story, one, replace(Switch().act(), base=base))
    assert (failed.outcome, failed.detail, failed.complete) == (Outcome.FAILED, "no such endpoint", False)


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.UNFIT, Outcome.FOREIGN, Outcome.CANCELLED])
def test_a_step_that_has_ended_badly_stays_ended_whatever_the_world_says_then(
    story: Story, one: Remediation, outcome: Outcome
) -> None:
    world = Switch()
    bad = replace(world.act(), look=lambda step: Seen(outcome, "as it was", {"n": 3}))
    first = go(story, one, bad)
    again = go(story, one, world.act())
    assert (first.outcome, first.detail) == (again.outcome, again.detail) == (outcome, "as it was")
    assert world.turned == 0
    assert story.steps()[0].result["n"] == 3


def test_somebody_elses_change_supersedes_the_step(story: Story, one: Remediation) -> None:
    world = Switch(error=PlatformError("no answer", permanent=False), deaf=True)
    with pytest.raises(PlatformError):
        go(story, one, world.act())
    world.on = "broken off"
    assert go(story, one, world.act()).outcome is Outcome.FOREIGN
    assert story.steps()[0].state is StepState.SUPERSEDED


def test_calls_that_change_nothing_come_to_an_end(story: Story, one: Remediation) -> None:
    world = Switch(deaf=True)
    outcomes = [go(story, one, world.act()).outcome for _ in range(MOST_CALLS + 1)]
    assert outcomes == [Outcome.WAIT] * MOST_CALLS + [Outcome.FAILED]
    assert story.steps()[0].calls == MOST_CALLS


def test_a_world_that_is_away_for_hours_does_not_use_up_the_calls(story: Story, one: Remediation) -> None:
    world = Switch(deaf=True)
    for _ in range(4 * MOST_CALLS):
        world.error = PlatformError("away", permanent=False)
        with pytest.raises(PlatformError):
            go(story, one, world.act())
    world.deaf = False
    assert go(story, one, world.act()).acted
    assert go(story, one, world.act()).outcome is Outcome.DONE


def test_a_call_that_kills_the_daemon_each_time_is_given_up(story: Story, one: Remediation) -> None:
    world = Switch(deaf=True)
    for _ in range(MOST_CALLS):
        world.error = Crash()
        with pytest.raises(Crash):
            go(story, one, world.act())
    assert go(story, one, world.act()).outcome is Outcome.FAILED


@pytest.mark.parametrize("outcome", [Outcome.WAIT, Outcome.READY])
def test_what_is_not_done_in_time_has_failed(story: Story, one: Remediation, outcome: Outcome) -> None:
    world = Switch(deaf=True)
    act = replace(world.act(within=2 * MINUTE), look=lambda step: Seen(outcome, "not yet"))
    outcomes = [go(story, one, act).outcome for _ in range(4)]
    assert outcomes == [Outcome.WAIT] * 3 + [Outcome.FAILED]
    assert "not yet" in str(story.steps()[0].result["detail"])


def unanswered_call(story: Story, one: Remediation, world: Switch, error: Exception | BaseException) -> None:
    world.error = error
    with pytest.raises(type(error)):
        go(story, one, world.act())
    found = unanswered(one, story.store)
    assert found is not None
    assert (found.name, found.calls - found.answers) == ("switch", 1)


LOST = PlatformError("no answer", permanent=False)


@pytest.mark.parametrize("error", [Crash(), LOST])
def test_a_call_that_took_and_was_not_answered_is_found_done(
    story: Story, one: Remediation, error: Exception | BaseException
) -> None:
    world = Switch()
    unanswered_call(story, one, world, error)
    assert find_out(story, one, world.act()).outcome is Outcome.DONE
    assert unanswered(one, story.store) is None
    assert (world.turned, story.steps()[0].state) == (1, StepState.DONE)


@pytest.mark.parametrize("error", [Crash(), LOST])
def test_a_call_that_did_not_take_is_found_so_and_is_not_made_again_by_looking(
    story: Story, one: Remediation, error: Exception | BaseException
) -> None:
    world = Switch(deaf=True)
    unanswered_call(story, one, world, error)
    world.deaf = False
    assert find_out(story, one, world.act()).outcome is Outcome.READY
    assert (world.turned, unanswered(one, story.store)) == (0, None)
    assert go(story, one, world.act()).acted
    assert (world.turned, story.steps()[0].calls) == (1, 2)


def test_what_cannot_be_looked_at_stays_unanswered(story: Story, one: Remediation) -> None:
    world = Switch(deaf=True)
    unanswered_call(story, one, world, LOST)
    world.blind = PlatformError("away", permanent=False)
    with pytest.raises(PlatformError):
        find_out(story, one, world.act())
    assert unanswered(one, story.store) is not None


def test_what_is_seen_to_be_on_its_way_stays_unanswered(story: Story, one: Remediation) -> None:
    world = Switch(deaf=True)
    unanswered_call(story, one, world, LOST)
    waiting = replace(world.act(), look=lambda step: Seen(Outcome.WAIT, "an update is under way"))
    assert find_out(story, one, waiting).outcome is Outcome.WAIT
    assert unanswered(one, story.store) is not None


def test_what_somebody_else_changed_meanwhile_is_seen_by_the_look(story: Story, one: Remediation) -> None:
    world = Switch(deaf=True)
    unanswered_call(story, one, world, LOST)
    world.on = "broken off"
    assert find_out(story, one, world.act()).outcome is Outcome.FOREIGN
    assert story.steps()[0].state is StepState.SUPERSEDED


def test_an_error_that_stays_ends_the_looking(story: Story, one: Remediation) -> None:
    world = Switch(deaf=True)
    unanswered_call(story, one, world, LOST)
    world.blind = PlatformError("no such endpoint", permanent=True, missing=True)
    assert find_out(story, one, world.act()).outcome is Outcome.FAILED
    assert story.steps()[0].state is StepState.FAILED


def test_where_every_call_was_answered_there_is_nothing_to_find_out(story: Story, one: Remediation) -> None:
    world = Switch(deaf=True)
    assert find_out(story, one, world.act()).outcome is Outcome.READY
    go(story, one, world.act())
    before = story.steps()
    assert find_out(story, one, world.act()).outcome is Outcome.READY
    assert story.steps() == before


def test_a_refused_call_is_neither_counted_nor_made(story: Story, one: Remediation) -> None:
    world = Switch()
    held = go(story, one, world.act(), refusal="the kill switch is pulled")
    assert (held.outcome, held.acted, held.detail) == (Outcome.WAIT, False, "held up: the kill switch is pulled")
    (row,) = story.steps()
    assert (row.calls, row.answers, called_at(row), world.turned) == (0, 0, None, 0)
    assert go(story, one, world.act()).acted


def test_a_refusal_does_not_keep_anybody_from_looking(story: Story, one: Remediation) -> None:
    world = Switch()
    go(story, one, world.act())
    assert go(story, one, world.act(), refusal="no").outcome is Outcome.DONE


def test_deaths_in_the_call_count_also_where_each_is_followed_by_a_look(story: Story, one: Remediation) -> None:
    world = Switch(deaf=True)
    for _ in range(MOST_CALLS):
        unanswered_call(story, one, world, Crash())
        assert find_out(story, one, world.act()).outcome is Outcome.READY
    assert go(story, one, world.act()).outcome is Outcome.FAILED


def test_silence_does_not_count_also_where_each_is_followed_by_a_look(story: Story, one: Remediation) -> None:
    world = Switch(deaf=True)
    for _ in range(2 * MOST_CALLS):
        unanswered_call(story, one, world, LOST)
        assert find_out(story, one, world.act()).outcome is Outcome.READY
    assert go(story, one, world.act()).acted


def test_what_is_done_is_done_also_late(story: Story, one: Remediation) -> None:
    world = Switch()
    go(story, one, world.act(within=MINUTE))
    story.now += timedelta(hours=9)
    assert go(story, one, world.act(within=MINUTE)).outcome is Outcome.DONE


@pytest.mark.parametrize(("transaction", "turned"), [(1, 0), (2, 0), (3, 1), (4, 1)])
@pytest.mark.parametrize("fault", ["crash_after", "refuse"])
def test_a_store_that_fails_at_any_write_costs_no_effect_and_adds_none(
    story: Story, one: Remediation, fault: str, transaction: int, turned: int
) -> None:
    world = Switch(story=story)
    setattr(story.store.faults, fault, frozenset({transaction}))
    with pytest.raises((Crash, StoreError)):
        while not go(story, one, world.act()).complete:
            pass
    assert world.turned == turned
    story.restart()
    while not go(story, one, world.act()).complete:
        pass
    assert world.turned == 1
    assert [s.state for s in story.steps()] == [StepState.DONE]


def test_a_step_that_was_closed_meanwhile_makes_no_call(story: Story, one: Remediation) -> None:
    world = Switch()

    def look(step: Step) -> Seen:
        with story.memory.begin() as tx:
            remediations.close_step(tx, step, StepState.DONE, {}, story.now)
        return Seen(Outcome.READY)

    assert not go(story, one, replace(world.act(), look=look)).acted
    assert world.turned == 0


def test_the_time_of_the_last_call_is_kept(story: Story, one: Remediation) -> None:
    world = Switch(deaf=True)
    go(story, one, world.act())
    go(story, one, world.act())
    assert called_at(story.steps()[0]) == story.now
