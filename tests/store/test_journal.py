"""The journal of a remediation's steps."""

from dataclasses import replace
from datetime import timedelta

import pytest

from daemon.domain.remediation import StepState
from daemon.store import remediations
from daemon.store.engine import Store, StoreError
from tests.store.nouns import T0, remediation, step
from tests.store.together import together

MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def a_remediation(store: Store) -> None:
    with store.begin() as tx:
        remediations.propose(tx, remediation())


def test_intents_come_back_as_they_were_in_order(store: Store) -> None:
    given = [step(n, expected={"traffic": {"3": 100}}, started_at=T0) for n in (10, 2, 1)]
    with store.begin() as tx:
        for each in given:
            remediations.write_intent(tx, each)
        assert remediations.steps(tx, "r1") == given[::-1]
        assert remediations.steps(tx, "r2") == []


def test_two_intents_cannot_carry_one_token(store: Store) -> None:
    with pytest.raises(StoreError) as caught, store.begin() as tx:
        remediations.write_intent(tx, step(1))
        remediations.write_intent(tx, step(2, token=step(1).token))
    assert not caught.value.transient
    with store.read() as tx:
        assert remediations.steps(tx, "r1") == []


def test_a_step_belongs_to_a_remediation(store: Store) -> None:
    with pytest.raises(StoreError), store.begin() as tx:
        remediations.write_intent(tx, step(of="nobody"))


def test_calls_are_counted_and_the_first_one_starts_the_step(store: Store) -> None:
    with store.begin() as tx:
        remediations.write_intent(tx, step())
        assert remediations.count_call(tx, step(), T0)
        assert remediations.count_call(tx, step(), T0 + MINUTE)
        assert remediations.steps(tx, "r1") == [step(calls=2, started_at=T0)]


def test_a_call_is_unanswered_until_its_answer_is_counted(store: Store) -> None:
    unanswered = []
    with store.begin() as tx:
        remediations.write_intent(tx, step())

        def look() -> None:
            unanswered.append(remediations.steps(tx, "r1")[0].unanswered)

        look()
        for _ in range(2):
            remediations.count_call(tx, step(), T0)
            look()
        assert remediations.count_answer(tx, step(), {"run_id": 7})
        look()
        remediations.count_call(tx, step(), T0)
        look()
        remediations.close_step(tx, step(), StepState.FAILED, {}, T0)
        look()
        (found,) = remediations.steps(tx, "r1")
    assert unanswered == [False, True, True, False, True, False]
    assert (found.calls, found.answers, found.result) == (3, 2, {"run_id": 7})


def test_notes_add_up_and_stay_when_the_step_is_closed(store: Store) -> None:
    with store.begin() as tx:
        remediations.write_intent(tx, step())
        assert remediations.note(tx, step(), {"run_id": 7, "state": "waiting"})
        assert remediations.note(tx, step(), {"state": "running"})
        assert remediations.close_step(tx, step(), StepState.DONE, {"version": 4}, T0)
        (found,) = remediations.steps(tx, "r1")
    assert found == step(state=StepState.DONE, result={"run_id": 7, "state": "running", "version": 4}, ended_at=T0)


@pytest.mark.parametrize("ended", [StepState.DONE, StepState.FAILED, StepState.SUPERSEDED])
def test_a_closed_step_changes_no_more(store: Store, ended: StepState) -> None:
    with store.begin() as tx:
        remediations.write_intent(tx, step())
        remediations.close_step(tx, step(), ended, {"why": "it is so"}, T0)
        before = remediations.steps(tx, "r1")
        assert not remediations.close_step(tx, step(), StepState.FAILED, {"why": "no"}, T0 + MINUTE)
        assert not remediations.note(tx, step(), {"why": "no"})
        assert not remediations.count_call(tx, step(), T0 + MINUTE)
        assert not remediations.count_answer(tx, step(), {"why": "no"})
        assert remediations.steps(tx, "r1") == before == [step(state=ended, result={"why": "it is so"}, ended_at=T0)]


def test_only_the_step_meant_is_touched(store: Store) -> None:
    with store.begin() as tx:
        remediations.propose(tx, replace(remediation("r2"), endpoint="delays"))
        others = [step(2), step(1, of="r2")]
        for each in [step(1), *others]:
            remediations.write_intent(tx, each)
        remediations.count_call(tx, step(1), T0)
        remediations.note(tx, step(1), {"run_id": 7})
        remediations.close_step(tx, step(1), StepState.DONE, {}, T0)
        assert [remediations.steps(tx, "r1")[1], *remediations.steps(tx, "r2")] == others


def test_a_step_is_not_closed_as_an_intent(store: Store) -> None:
    with store.begin() as tx, pytest.raises(ValueError, match="does not close"):
        remediations.close_step(tx, step(), StepState.INTENT, {}, T0)


def test_of_two_threads_that_close_a_step_at_once_one_wins(store: Store) -> None:
    def close() -> bool:
        with store.begin() as tx:
            return remediations.close_step(tx, step(), StepState.DONE, {}, T0)

    with store.begin() as tx:
        remediations.write_intent(tx, step())
    assert sorted(together(close, close)) == [False, True]


def test_notes_of_many_threads_at_once_are_all_kept(store: Store) -> None:
    def note(n: int) -> bool:
        with store.begin() as tx:
            return remediations.note(tx, step(), {f"note {n}": n})

    with store.begin() as tx:
        remediations.write_intent(tx, step())
    assert all(together(*(lambda n=n: note(n) for n in range(8))))
    with store.read() as tx:
        assert len(remediations.steps(tx, "r1")[0].result) == 8
