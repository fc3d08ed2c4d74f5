"""Which configuration a plan knows of: its own last change, or the one that it was made for."""

from typing import Any

import pytest

from daemon.domain.remediation import Remedy, Step, StepState
from daemon.remediate.known import known_config
from tests.remediate.worlds import planned


def change(n: int, state: StepState, config_version: int | None = None, *, calls: int = 1) -> Step:
    result = {} if config_version is None else {"config_version": config_version}
    return Step("r", n, f"step {n}", state, f"t{n}", {"traffic": {"2": 100}}, result, calls)


def look(n: int, state: StepState = StepState.DONE, **result: Any) -> Step:
    return Step("r", n, f"step {n}", state, f"t{n}", {}, result)


DONE, INTENT, FAILED = StepState.DONE, StepState.INTENT, StepState.FAILED


@pytest.mark.parametrize(
    ("steps", "known"),
    [
        ([], 5),
        ([look(0)], 5),
        ([change(1, DONE, 6)], 6),
        ([change(1, DONE, 6), look(2, config_version=99)], 6),
        ([change(3, DONE, 7), change(1, DONE, 6)], 7),
        # intended, and not called: nothing is on its way
        ([change(1, DONE, 6), change(2, INTENT, calls=0)], 6),
        # called: which configuration comes of it is not known before it is there
        ([change(1, DONE, 6), change(2, INTENT)], None),
        ([change(1, INTENT)], None),
        # what could not be deployed left no configuration that is known
        ([change(1, DONE, 6), change(2, FAILED)], 6),
    ],
)
def test_it_is_that_of_the_last_change_that_is_done(steps: list[Step], known: int | None) -> None:
    assert known_config(planned(Remedy.PROMOTE), {s.name: s for s in steps}) == known


def test_a_plan_without_traffic_knows_of_none() -> None:
    assert known_config(planned(Remedy.RETRAIN, plan={}), {}) is None
