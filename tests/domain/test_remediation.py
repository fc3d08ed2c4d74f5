"""What an approval is bound to, and what a call is known by."""

from dataclasses import fields, replace

import pytest

from daemon.domain.remediation import Remedy, State, plan_hash, token
from tests.store.nouns import T0, remediation

BOUND = {
    "id": "another",
    "endpoint": "delays",
    "remedy": Remedy.PROMOTE,
    "model": "main.models.other",
    "from_version": 9,
    "to_version": 9,
    "plan": {"traffic": {"2": 99}},
}
FREE = {
    "state": State.APPROVED,
    "reason": "x",
    "sentence": "x",
    "evidence": {},
    "created_at": T0.replace(year=2027),
    "updated_at": T0.replace(year=2027),
    "deadline_at": T0.replace(year=2027),
    "parent_id": "r0",
    "guards": (),
    "outcome": "x",
    "verify_since": T0,
    "began_at": T0,
}


@pytest.mark.parametrize("name", BOUND)
def test_an_approval_is_bound_to_what_is_done_to_what(name: str) -> None:
    assert replace(remediation(), **{name: BOUND[name]}).plan_hash != remediation().plan_hash  # type: ignore[arg-type]


@pytest.mark.parametrize("name", FREE)
def test_and_not_to_what_becomes_of_it(name: str) -> None:
    assert replace(remediation(), **{name: FREE[name]}).plan_hash == remediation().plan_hash  # type: ignore[arg-type]


def test_no_field_is_forgotten() -> None:
    assert {field.name for field in fields(remediation())} == BOUND.keys() | FREE.keys()


def test_a_plan_is_known_whatever_the_order_of_its_parts() -> None:
    assert plan_hash({"a": 1, "b": [1, 2]}) == plan_hash({"b": [1, 2], "a": 1})
    assert plan_hash({"a": 1, "b": [1, 2]}) != plan_hash({"a": 1, "b": [2, 1]})


def test_a_token_is_as_long_as_databricks_takes_and_differs_by_remediation_and_step() -> None:
    tokens = {token(one, step) for one in ("r1", "r2") for step in ("run", "stage")}
    assert len(tokens) == 4
    assert {len(each) for each in tokens} == {64}
