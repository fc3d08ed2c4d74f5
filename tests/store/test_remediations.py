"""Remediations: one proposal of a kind, one in flight, moved by whoever is first."""

from dataclasses import fields, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete

from daemon.domain.remediation import IN_FLIGHT, MOVES, OPEN, GuardResult, Remediation, Remedy, State
from daemon.store import remediations, tables
from daemon.store.engine import Store, StoreError
from tests.store.nouns import T0, remediation
from tests.store.together import together

MINUTE, MICROSECOND = timedelta(minutes=1), timedelta(microseconds=1)
FULL = replace(
    remediation("r2"),
    parent_id="r1",
    state=State.SUCCEEDED,
    guards=(GuardResult("cooldown", False, "10 m to go"), GuardResult("mode", True, "")),
    outcome="all is well",
    verify_since=T0 + MINUTE,
    began_at=T0 + MINUTE,
    updated_at=T0 + MINUTE,
)


def approved(name: str = "r1", **changes: Any) -> Remediation:
    """Return one that may set off."""
    return remediation(name, **{"state": State.APPROVED, **changes})


def propose(store: Store, *given: Remediation) -> list[bool]:
    with store.begin() as tx:
        return [remediations.propose(tx, each) for each in given]


def move(store: Store, given: Remediation, to: State, **changes: object) -> Remediation | None:
    with store.begin() as tx:
        return remediations.move(tx, given, to, now=T0 + MINUTE, **changes)


def ids(found: list[Remediation]) -> list[str]:
    return [each.id for each in found]


def test_a_remediation_comes_back_as_it_was(store: Store) -> None:
    assert propose(store, remediation(), FULL) == [True, True]
    with store.read() as tx:
        assert remediations.get(tx, "r1") == remediation()
        assert remediations.get(tx, "r2") == FULL
    unsaid = {field.name for field in fields(FULL) if getattr(FULL, field.name) == getattr(remediation(), field.name)}
    assert unsaid <= {"endpoint", "remedy", "reason", "sentence", "evidence", "model", "plan"} | {
        "from_version",
        "to_version",
        "created_at",
        "deadline_at",
    }


def test_a_second_proposal_of_the_same_remedy_has_to_wait(store: Store) -> None:
    assert propose(store, remediation("r1"), remediation("r2")) == [True, False]
    assert propose(store, remediation("r3", remedy=Remedy.RETRAIN), remediation("r4", endpoint="delays")) == [True] * 2


def test_a_blocked_proposal_stands_in_the_way_and_an_ended_one_does_not(store: Store) -> None:
    propose(store, remediation("r1"))
    blocked = move(store, remediation("r1"), State.BLOCKED)
    assert blocked is not None
    assert propose(store, remediation("r2")) == [False]
    move(store, blocked, State.EXPIRED)
    assert propose(store, remediation("r2")) == [True]


def test_a_proposal_may_wait_beside_one_in_flight(store: Store) -> None:
    assert propose(store, remediation("r1", state=State.EXECUTING), remediation("r2")) == [True, True]


def test_an_id_given_twice_is_an_error_not_a_proposal_in_the_way(store: Store) -> None:
    propose(store, remediation("r1", state=State.FAILED))
    with pytest.raises(StoreError) as caught:
        propose(store, remediation("r1"))
    assert not caught.value.transient


def test_of_two_threads_that_propose_at_once_one_wins(store: Store) -> None:
    for n in range(5):
        rivals = [remediation(f"{n} {who}", endpoint=f"endpoint {n}") for who in "ab"]
        answers = together(*(lambda one=one: propose(store, one) for one in rivals))
        assert sorted(answers) == [[False], [True]]


def test_of_two_threads_that_move_at_once_one_wins(store: Store) -> None:
    for n in range(5):
        one = approved(f"r{n}", endpoint=f"endpoint {n}")
        propose(store, one)
        answers = together(*(lambda to=to, one=one: move(store, one, to) for to in (State.EXECUTING, State.EXPIRED)))
        (winner,) = [answer for answer in answers if answer]
        with store.read() as tx:
            assert remediations.get(tx, one.id) == winner


def test_of_two_threads_that_set_off_on_one_endpoint_one_wins(store: Store) -> None:
    for n in range(5):
        rivals = [approved(f"{n} {remedy}", endpoint=f"endpoint {n}", remedy=remedy) for remedy in Remedy]
        propose(store, *rivals)
        answers = together(*(lambda one=one: move(store, one, State.EXECUTING) for one in rivals))
        assert sum(answer is not None for answer in answers) == 1


def test_a_move_keeps_what_it_changes(store: Store) -> None:
    propose(store, approved())
    guards = (GuardResult("mode", True, "auto"),)
    moved = move(store, approved(), State.EXECUTING, guards=guards, plan={"to": 2}, deadline_at=T0 + 9 * MINUTE)
    assert moved == replace(
        approved(),
        state=State.EXECUTING,
        updated_at=T0 + MINUTE,
        guards=guards,
        plan={"to": 2},
        deadline_at=T0 + 9 * MINUTE,
    )
    with store.read() as tx:
        assert remediations.get(tx, "r1") == moved


def test_a_move_leaves_alone_what_others_changed_meanwhile(store: Store) -> None:
    propose(store, remediation())
    blocked = move(store, remediation(), State.BLOCKED)
    assert blocked is not None
    move(store, blocked, State.BLOCKED, plan={"fresh": True})
    moved = move(store, blocked, State.APPROVED)
    assert moved is not None
    assert moved.plan == {"fresh": True}


def test_a_move_from_a_state_it_is_no_longer_in_comes_too_late(store: Store) -> None:
    propose(store, approved())
    first = move(store, approved(), State.EXECUTING)
    assert move(store, approved(), State.EXPIRED) is None
    with store.read() as tx:
        assert remediations.get(tx, "r1") == first


def test_a_move_of_what_is_gone_comes_too_late(store: Store) -> None:
    assert move(store, approved(), State.EXECUTING) is None


@pytest.mark.parametrize("state", State)
def test_only_moves_that_there_are_can_be_made(sqlite_store: Store, state: State) -> None:
    for to in State:
        one = remediation(f"{state} {to}", state=state, endpoint=f"{to}")
        propose(sqlite_store, one)
        if to in MOVES.get(state, ()):
            assert move(sqlite_store, one, to) is not None
        else:
            with pytest.raises(ValueError, match=f"does not move from {state} to {to}"):
                move(sqlite_store, one, to)


def test_one_in_flight_keeps_the_next_from_setting_off_and_the_transaction_goes_on(store: Store) -> None:
    propose(store, remediation("r1", state=State.NEEDS_HUMAN), approved("r2"))
    with store.begin() as tx:
        assert remediations.move(tx, approved("r2"), State.EXECUTING, now=T0) is None
        assert remediations.move(tx, approved("r2"), State.SCHEDULED, now=T0) is not None
    with store.read() as tx:
        assert ids(remediations.opened(tx)) == ["r1", "r2"]


def test_what_else_the_database_refuses_is_not_taken_for_a_rival(store: Store) -> None:
    propose(store, approved("r1"))
    with pytest.raises(StoreError):
        move(store, approved("r1"), State.EXECUTING, outcome=None)
    with pytest.raises(StoreError):
        move(store, approved("r1"), State.SCHEDULED, parent_id="nobody")


def test_a_field_that_there_is_not_cannot_be_changed(store: Store) -> None:
    with pytest.raises(TypeError, match="colour"):
        move(store, remediation(), State.BLOCKED, colour="red")


TRIES = st.lists(st.tuples(st.integers(0, 5), st.sampled_from(sorted(State))), max_size=40)


@given(tries=TRIES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_tried_at_most_one_is_in_flight_on_an_endpoint(
    store: Store, tries: list[tuple[int, State]]
) -> None:
    remedies = list(Remedy)
    known = [remediation(f"r{n}", endpoint=f"endpoint {n % 2}", remedy=remedies[n // 2]) for n in range(6)]
    with store.begin() as tx:
        tx.execute(delete(tables.remediation))
        assert all(remediations.propose(tx, one) for one in known)
        for n, to in tries:
            if to in MOVES.get(known[n].state, ()):
                known[n] = remediations.move(tx, known[n], to, now=T0) or known[n]
            running = [one.endpoint for one in known if one.state in IN_FLIGHT]
            assert len(running) == len(set(running))
        assert ids(remediations.history(tx, limit=99)) == ids(known[::-1])


def test_what_is_open_comes_in_flight_first_then_proposals_oldest_first(store: Store) -> None:
    def at(name: str, state: State, minutes: int, endpoint: str, remedy: Remedy = Remedy.ROLLBACK) -> Remediation:
        return remediation(name, state=state, created_at=T0 + minutes * MINUTE, endpoint=endpoint, remedy=remedy)

    propose(
        store,
        at("newer proposal", State.BLOCKED, 3, "a"),
        at("older proposal", State.PROPOSED, 1, "b"),
        at("newer in flight", State.COMPENSATING, 4, "b"),
        at("older in flight", State.NEEDS_HUMAN, 2, "a"),
        at("ended", State.FAILED, 0, "a"),
        at("shadowed", State.SHADOWED, 0, "a"),
    )
    with store.read() as tx:
        assert ids(remediations.opened(tx)) == [
            "older in flight",
            "newer in flight",
            "older proposal",
            "newer proposal",
        ]
        assert ids(remediations.opened(tx, "a")) == ["older in flight", "newer proposal"]
        assert remediations.opened(tx, "c") == []


def test_a_remediation_is_found_by_the_beginning_of_its_id_where_only_one_begins_so(store: Store) -> None:
    names = ["260301-1", "260301-12", "260302-1", "100%", "1000"]
    propose(store, *(remediation(name, endpoint=name) for name in names))
    with store.read() as tx:
        found = {
            begin: remediations.get(tx, begin) for begin in ("2603", "260302", "260301-1", "100%", "10", "x", "260302_")
        }
    assert {begin: one and one.id for begin, one in found.items()} == {
        "2603": None,
        "260302": "260302-1",
        "260301-1": "260301-1",
        "100%": "100%",
        "10": None,
        "x": None,
        "260302_": None,
    }


def test_history_comes_newest_first_for_one_endpoint_or_all(store: Store) -> None:
    ended = [
        remediation(f"r{n}", state=State.FAILED, created_at=T0 + n * MINUTE, endpoint="ab"[n % 2]) for n in range(4)
    ]
    propose(store, *ended)
    with store.read() as tx:
        assert ids(remediations.history(tx, limit=3)) == ["r3", "r2", "r1"]
        assert ids(remediations.history(tx, "a", limit=3)) == ["r2", "r0"]


def ran(name: str, state: State, minutes: int, **changes: Any) -> Remediation:
    """Return one that ended so many minutes after T0, having begun at T0."""
    return remediation(name, **{"state": state, "began_at": T0, "updated_at": T0 + minutes * MINUTE, **changes})


def test_a_cooldown_counts_from_every_end_of_what_began_or_would_have_and_of_a_no(store: Store) -> None:
    begun = [state for state in State if state not in OPEN]
    # of proposals there is one at a time, and one in flight
    unbegun = [*begun, State.BLOCKED]
    propose(store, *(ran(f"begun {state}", state, n) for n, state in enumerate(begun)))
    propose(store, *(ran(f"not {state}", state, 100 + n, began_at=None) for n, state in enumerate(unbegun)))
    propose(store, ran("elsewhere", State.FAILED, 200, endpoint="delays"))
    propose(store, ran("another remedy", State.FAILED, 200, remedy=Remedy.RETRAIN))
    with store.read() as tx:
        found = remediations.ended(tx, "flights", Remedy.ROLLBACK)
        few = remediations.ended(tx, "flights", Remedy.ROLLBACK, limit=2)
        assert remediations.ended(tx, "delays", Remedy.RETRAIN) == []
    counts = {100 + n for n, state in enumerate(unbegun) if state in (State.SHADOWED, State.REJECTED)}
    ends = sorted((T0 + n * MINUTE for n in counts | set(range(len(begun)))), reverse=True)
    assert (found, few) == (ends, ends[:2])


def test_budgets_count_what_began_since_a_moment_or_would_have(store: Store) -> None:
    propose(
        store,
        ran("begun", State.SUCCEEDED, 9, began_at=T0 + MINUTE),
        ran("under way", State.VERIFYING, 9, began_at=T0 + MINUTE, endpoint="delays"),
        ran("shadowed", State.SHADOWED, 1, began_at=None),
        ran("begun before", State.SUCCEEDED, 9, began_at=T0 + MINUTE - MICROSECOND),
        ran("shadowed before", State.SHADOWED, 0, began_at=None),
        ran("blocked", State.BLOCKED, 9, began_at=None),
        ran("rejected", State.REJECTED, 9, began_at=None),
    )
    with store.read() as tx:
        assert sorted(ids(remediations.begun_since(tx, T0 + MINUTE))) == ["begun", "shadowed", "under way"]


@pytest.mark.parametrize(
    ("last", "began"),
    [
        (ran("x", State.FAILED, 9, began_at=T0 + 2 * MINUTE), T0 + 2 * MINUTE),
        (ran("x", State.EXECUTING, 9, began_at=T0 + 2 * MINUTE), T0 + 2 * MINUTE),
        (ran("x", State.SHADOWED, 9, began_at=None), T0 + 9 * MINUTE),
        (ran("x", State.REJECTED, 9, began_at=None), T0),
        (ran("x", State.FAILED, 9, began_at=T0 + 2 * MINUTE, endpoint="delays"), T0),
        (ran("x", State.FAILED, 9, began_at=T0 + 2 * MINUTE, remedy=Remedy.ARCHIVE), T0),
    ],
)
def test_the_last_beginning_is_that_of_what_began_or_would_have(
    store: Store, last: Remediation, began: datetime
) -> None:
    with store.begin() as tx:
        assert remediations.last_begun(tx, "flights", Remedy.ROLLBACK) is None
        remediations.propose(tx, ran("before", State.SUCCEEDED, 1))
        remediations.propose(tx, last)
        assert remediations.last_begun(tx, "flights", Remedy.ROLLBACK) == began


def test_of_many_that_decide_at_once_one_decides_at_a_time(store: Store) -> None:
    def decide(n: int) -> list[int]:
        with store.begin() as tx:
            remediations.lock_dispatch(tx)
            begun = len(remediations.begun_since(tx, T0))
            remediations.propose(tx, ran(f"r{n}", State.EXECUTING, 0, endpoint=f"endpoint {n}"))
            return [begun]

    seen = together(*(lambda n=n: decide(n) for n in range(6)))
    assert sorted(seen) == [[n] for n in range(6)]
