"""Nothing is stuck silently: what is past its time is moved on by somebody who asks nobody but the store."""

from datetime import timedelta
from threading import Event as Signal
from threading import Thread

import pytest

from daemon.domain.event import Severity
from daemon.domain.remediation import Remedy, State
from daemon.domain.states import IN_FLIGHT, OPEN, OVERDUE, PROPOSALS
from daemon.ports import PlatformError
from daemon.remediate.moves import REMINDED_AFTER
from daemon.remediate.overdue import GRACE, due, sweep
from daemon.store import events
from tests.remediate.stories import ENDPOINT, START, Story, proposal
from tests.remediate.test_rollback import bad_release
from tests.store.nouns import remediation

SECOND = timedelta(seconds=1)
WAITING = sorted(OPEN - {State.NEEDS_HUMAN})


def swept(story: Story, *configured: str) -> list[tuple[State, State]]:
    moved = sweep(story.store, configured or (ENDPOINT,), now=story.now)
    return [(one.remediation.state, one.state) for one in moved]


def told(story: Story) -> list[tuple[str, Severity]]:
    with story.memory.read() as tx:
        return [(e.kind, e.severity) for e in events.history(tx, limit=99) if e.dedup_key]


@pytest.mark.parametrize("state", WAITING)
def test_each_open_state_goes_where_the_table_says_and_somebody_is_told(story: Story, state: State) -> None:
    one = story.propose(Remedy.ROLLBACK, state=state, to=1)
    story.now = one.deadline_at + GRACE
    assert swept(story) == []
    story.now += SECOND
    assert swept(story) == [(state, OVERDUE[state])]
    assert told(story) == [(f"remediation.{OVERDUE[state]}", Severity.PAGE)]
    assert str(state) in story.newest().outcome
    assert swept(story) == [], "once"


@pytest.mark.parametrize("remedy", [Remedy.RETRAIN, Remedy.PROMOTE, Remedy.ARCHIVE])
def test_a_proposal_that_nobody_is_ill_for_is_dropped_less_loudly(story: Story, remedy: Remedy) -> None:
    story.propose(remedy, state=State.BLOCKED)
    story.now += timedelta(hours=25)
    assert swept(story) == [(State.BLOCKED, State.EXPIRED)]
    assert told(story) == [("remediation.expired", Severity.WARNING)]


@pytest.mark.parametrize("state", WAITING)
def test_an_endpoint_that_is_not_configured_any_more_leaves_nothing_open_behind(story: Story, state: State) -> None:
    story.propose(Remedy.PROMOTE, state=state)
    assert swept(story, "delays") == [(state, State.CANCELLED if state in PROPOSALS else State.NEEDS_HUMAN)]
    assert "flights is not configured any more" in story.newest().outcome
    assert story.newest().state not in OPEN or story.newest().state is State.NEEDS_HUMAN


def test_what_needs_a_person_pages_again_and_again_in_the_same_words(story: Story) -> None:
    story.serving.looks = None
    bad_release(story).live()
    words = story.newest().outcome
    began = story.now
    paged: list[timedelta] = []
    while len(paged) < 3:
        story.tick()
        story.step()
        paged += [story.now - began for _ in swept(story)]
    gaps = [paged[0], paged[1] - paged[0], paged[2] - paged[1]]
    assert all(timedelta() <= gap - REMINDED_AFTER <= timedelta(minutes=5) for gap in gaps)
    assert story.newest().outcome == words
    assert [each for each in told(story) if each[1] is Severity.PAGE] == [
        ("remediation.needs_human", Severity.PAGE)
    ] * 4


def test_what_needs_a_person_pages_also_where_its_endpoint_is_gone(story: Story) -> None:
    one = story.propose(Remedy.ROLLBACK, state=State.NEEDS_HUMAN)
    assert swept(story, "delays") == []
    story.now = one.deadline_at + SECOND
    assert swept(story, "delays") == [(State.NEEDS_HUMAN, State.NEEDS_HUMAN)]


@pytest.mark.parametrize("state", sorted(set(State) - OPEN))
def test_what_has_ended_stays_ended(story: Story, state: State) -> None:
    story.propose(Remedy.ROLLBACK, state=state)
    story.now += timedelta(days=400)
    assert swept(story, "delays") == []


def test_the_remediations_own_loop_goes_first(story: Story) -> None:
    bad_release(story).live(until=State.VERIFYING)
    story.requests = 0
    story.now = story.newest().deadline_at + SECOND
    assert swept(story) == []
    story.step()
    assert "could not be verified in time" in story.newest().outcome
    assert swept(story) == []


def test_a_workspace_that_is_away_for_ever_is_not_waited_for_for_ever(story: Story) -> None:
    """The step raises before it comes to the deadline; nobody but the sweep would see it."""
    bad_release(story).live(until=State.EXECUTING)
    story.serving.fail_next(PlatformError("away", permanent=False), call="state", times=10_000)
    for _ in range(60):
        story.tick()
        story.attempt(story.step)
        swept(story)
    assert story.newest().state is State.NEEDS_HUMAN


def test_a_loop_that_hangs_in_a_call_is_not_waited_for_and_its_late_answer_does_no_harm(story: Story) -> None:
    bad_release(story).live(until=State.EXECUTING)
    hangs, goes_on = Signal(), Signal()

    def hang(call: str) -> None:
        if call == "serving.update":
            hangs.set()
            assert goes_on.wait(timeout=60)

    story.ledger.meanwhile = hang
    worker = Thread(target=story.step)
    worker.start()
    assert hangs.wait(timeout=60)
    story.now = story.newest().deadline_at + GRACE + SECOND
    assert swept(story) == [(State.EXECUTING, State.NEEDS_HUMAN)]
    goes_on.set()
    worker.join(timeout=60)
    assert not worker.is_alive()
    assert story.newest().state is State.NEEDS_HUMAN
    effects = story.done()
    for _ in range(12):
        story.tick()
        story.step()
    assert story.done() == effects


def test_a_clock_that_jumps_a_day_ahead_drops_proposals_and_calls_a_person_and_does_nothing(story: Story) -> None:
    bad_release(story)
    story.now += timedelta(days=2)
    assert swept(story) == [(State.PROPOSED, State.EXPIRED)]
    story.step()
    assert not story.done()


def test_a_clock_that_jumps_back_hurries_nothing(story: Story) -> None:
    bad_release(story).live(until=State.VERIFYING)
    story.now -= timedelta(days=1)
    assert swept(story) == []
    assert story.newest().state is State.VERIFYING


@pytest.mark.parametrize("state", sorted(OPEN))
def test_before_its_time_nothing_is_due(state: State) -> None:
    one = remediation(state=state, endpoint=ENDPOINT)
    assert due(one, [ENDPOINT], now=one.deadline_at, grace=GRACE) is None


def test_every_open_state_is_swept() -> None:
    late = proposal(Remedy.ROLLBACK, START).deadline_at + 2 * GRACE
    moves = {s: due(remediation(state=s, endpoint=ENDPOINT), [ENDPOINT], now=late, grace=GRACE) for s in OPEN}
    assert {s: found and found[0] for s, found in moves.items()} == {
        **dict.fromkeys(PROPOSALS, State.EXPIRED),
        **dict.fromkeys(IN_FLIGHT, State.NEEDS_HUMAN),
    }
