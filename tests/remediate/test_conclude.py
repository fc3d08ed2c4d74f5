"""Where the answers of the guards take a proposal: states x consequences x modes, one table."""

from itertools import chain, combinations

import pytest

from daemon.domain.remediation import GuardResult, Mode, Remedy, State
from daemon.domain.states import MOVES, PROPOSALS
from daemon.remediate.guards import GONE, GUARDS, Consequence, conclude
from tests.remediate.worlds import wanted

ENDS, HOLDS, DEFERS, ASKS = Consequence
SAYS_NO = {
    consequence: next(name for name, (_, its) in GUARDS.items() if its is consequence and name not in GONE)
    for consequence in Consequence
}
GONE_TOO = "base"
UNASKED = (State.PROPOSED, State.BLOCKED)
DECIDED = (State.APPROVED, State.SCHEDULED)


def told(*noes: str) -> list[GuardResult]:
    return [GuardResult(name, name not in noes, f"as to {name}") for name in GUARDS]


def expected(state: State, noes: set[Consequence], mode: Mode) -> State:
    """Spell out the rule, state by state."""
    if ENDS in noes:
        return State.EXPIRED
    if state in DECIDED:
        return State.SCHEDULED if noes else State.EXECUTING
    if state is State.AWAITING_APPROVAL:
        return State.AWAITING_APPROVAL
    if HOLDS in noes:
        return State.BLOCKED
    if mode is Mode.APPROVE and ASKS in noes:
        return State.AWAITING_APPROVAL
    if noes:
        return State.BLOCKED
    return State.SHADOWED if mode is Mode.OBSERVE else State.EXECUTING


SETS = [set(each) for each in chain.from_iterable(combinations(Consequence, n) for n in range(5))]


@pytest.mark.parametrize("mode", [Mode.OBSERVE, Mode.APPROVE, Mode.AUTO])
@pytest.mark.parametrize("noes", SETS, ids=lambda noes: "+".join(sorted(noes)) or "all well")
@pytest.mark.parametrize("state", sorted(PROPOSALS))
def test_the_answers_decide_where_it_goes(state: State, noes: set[Consequence], mode: Mode) -> None:
    one = wanted(Remedy.ROLLBACK, state=state)
    conclusion = conclude(one, told(*(SAYS_NO[each] for each in noes)), mode)
    assert conclusion.state is expected(state, noes, mode)
    assert conclusion.sentence or conclusion.state is state is State.AWAITING_APPROVAL
    # an approval that is given on the way (`auto`) is a move of its own
    through = {State.APPROVED} if conclusion.state is State.EXECUTING else {conclusion.state}
    assert conclusion.state is state or (through | {conclusion.state}) & MOVES[state]


@pytest.mark.parametrize("guard", GUARDS)
@pytest.mark.parametrize("state", sorted(PROPOSALS))
def test_no_guard_that_says_no_lets_anything_begin(state: State, guard: str) -> None:
    for mode in Mode:
        assert conclude(wanted(Remedy.ROLLBACK, state=state), told(guard), mode).state is not State.EXECUTING


@pytest.mark.parametrize("guard", sorted(GONE))
@pytest.mark.parametrize("state", sorted(PROPOSALS))
def test_what_something_else_has_taken_the_place_of_is_superseded(state: State, guard: str) -> None:
    assert GUARDS[guard][1] is ENDS
    everything = told(*GUARDS)
    assert conclude(wanted(Remedy.ROLLBACK, state=state), told(guard), Mode.AUTO).state is State.SUPERSEDED
    assert conclude(wanted(Remedy.ROLLBACK, state=state), everything, Mode.AUTO).state is State.SUPERSEDED


def test_what_can_never_come_true_and_what_can() -> None:
    by = {each: {name for name, (_, its) in GUARDS.items() if its is each} for each in Consequence}
    assert by[ENDS] == {"mode", "still_firing", "base", "unchanged", "rules"}
    assert by[DEFERS] == {"hours"}
    assert by[ASKS] == {"approval"}


def test_every_no_is_said_with_its_reason() -> None:
    blocked = conclude(wanted(Remedy.ROLLBACK), told("pause", "budget"), Mode.AUTO)
    assert blocked.sentence == "pause: as to pause; budget: as to budget"
    assert conclude(wanted(Remedy.ROLLBACK), told("base"), Mode.AUTO).sentence == "as to base"
    shadowed = conclude(wanted(Remedy.ROLLBACK), told(), Mode.OBSERVE)
    assert shadowed.sentence.startswith("would have been done: rollback")
