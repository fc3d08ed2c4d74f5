"""Approvals: a gate is answered once, and what was said stays."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import delete

from daemon.domain.remediation import Approval
from daemon.store import approvals, remediations, tables
from daemon.store.engine import Store, StoreError
from tests.store.nouns import T0, remediation
from tests.store.together import together


@pytest.fixture(autouse=True)
def a_remediation(store: Store) -> None:
    with store.begin() as tx:
        remediations.propose(tx, remediation())


def word(**changes: Any) -> Approval:
    return replace(Approval("r1", "plan", 64 * "a", True, "ada", "looked at it", T0), **changes)


def test_a_word_comes_back_as_it_was_under_its_gate(store: Store) -> None:
    plan, full = word(), word(gate="ask-full", granted=False, by="grace", reason="not on a Friday")
    with store.begin() as tx:
        assert approvals.of(tx, "r1") == {}
        assert [approvals.answer(tx, one) for one in (plan, full)] == [True, True]
        assert approvals.of(tx, "r1") == {"plan": plan, "ask-full": full}
        assert approvals.of(tx, "r2") == {}


@pytest.mark.parametrize("second", [word(granted=False, by="grace"), word()])
def test_the_first_word_counts(store: Store, second: Approval) -> None:
    with store.begin() as tx:
        assert approvals.answer(tx, word())
    with store.begin() as tx:
        assert not approvals.answer(tx, second)
        assert approvals.of(tx, "r1") == {"plan": word()}


def test_of_two_people_who_answer_at_once_one_is_heard(store: Store) -> None:
    def say(one: Approval) -> bool:
        with store.begin() as tx:
            return approvals.answer(tx, one)

    for n in range(5):
        yes, no = word(gate=f"gate {n}"), word(gate=f"gate {n}", granted=False, by="grace")
        answers = together(lambda yes=yes: say(yes), lambda no=no: say(no))  # type: ignore[misc]
        assert sorted(answers) == [False, True]
        with store.read() as tx:
            assert approvals.of(tx, "r1")[f"gate {n}"] == (yes if answers[0] else no)


def test_nobody_answers_for_a_remediation_that_there_is_not(store: Store) -> None:
    with pytest.raises(StoreError), store.begin() as tx:
        approvals.answer(tx, word(remediation_id="nobody"))


def test_a_word_goes_with_its_remediation(store: Store) -> None:
    with store.begin() as tx:
        approvals.answer(tx, word())
        tx.execute(delete(tables.remediation))
        assert approvals.of(tx, "r1") == {}
