"""The table of states: complete, without a dead end that nobody sees, and without a way back from an end."""

import pytest

from daemon.domain.states import IN_FLIGHT, MOVES, OPEN, OVERDUE, PLANNED, PROPOSALS, State

ENDS = {
    State.SHADOWED,
    State.SUCCEEDED,
    State.FAILED,
    State.SUPERSEDED,
    State.REJECTED,
    State.EXPIRED,
    State.CANCELLED,
}
"""As the specification lists them; `needs_human` is none, it keeps its place."""


def reached(*starts: State) -> set[State]:
    found, new = set(starts), set(starts)
    while new:
        new = {to for state in new for to in MOVES.get(state, ())} - found
        found |= new
    return found


def test_every_state_is_open_or_an_end() -> None:
    assert set(State) == ENDS | OPEN
    assert not ENDS & OPEN
    assert PROPOSALS | IN_FLIGHT == OPEN
    assert not PROPOSALS & IN_FLIGHT
    assert PLANNED < OPEN


def test_every_state_can_be_reached_from_a_proposal() -> None:
    assert reached(State.PROPOSED) == set(State)


@pytest.mark.parametrize("state", sorted(OPEN))
def test_from_every_open_state_there_is_a_way_to_an_end(state: State) -> None:
    assert reached(state) & ENDS


def test_nothing_moves_on_from_an_end() -> None:
    assert MOVES.keys() == OPEN


@pytest.mark.parametrize("state", sorted(OPEN))
def test_every_open_state_has_somewhere_to_go_when_its_time_is_up(state: State) -> None:
    to = OVERDUE[state]
    assert to in MOVES[state]
    # nothing was done yet: it is dropped. Something may have been: a person is called
    assert to is (State.EXPIRED if state in PROPOSALS else State.NEEDS_HUMAN)


def test_what_was_called_and_not_answered_is_never_an_end_by_itself() -> None:
    assert MOVES[State.INDETERMINATE] == {State.EXECUTING, State.SUPERSEDED, State.NEEDS_HUMAN}


def test_only_a_person_takes_the_place_from_what_needs_one() -> None:
    assert MOVES[State.NEEDS_HUMAN] == {State.NEEDS_HUMAN, State.CANCELLED, State.SUCCEEDED}


def test_nothing_begins_but_by_way_of_an_approval() -> None:
    assert {state for state, to in MOVES.items() if State.EXECUTING in to} == {
        State.APPROVED,
        State.SCHEDULED,
        State.INDETERMINATE,
    }
    assert {state for state, to in MOVES.items() if State.APPROVED in to} == {
        State.PROPOSED,
        State.BLOCKED,
        State.AWAITING_APPROVAL,
    }


def test_nothing_that_was_begun_becomes_a_proposal_again() -> None:
    assert not reached(State.EXECUTING) & PROPOSALS


def test_a_success_is_reached_through_verification_or_by_what_touches_no_traffic_or_a_person() -> None:
    assert {state for state, to in MOVES.items() if State.SUCCEEDED in to} == {
        State.EXECUTING,
        State.VERIFYING,
        State.NEEDS_HUMAN,
    }
