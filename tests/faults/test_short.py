"""The short form of `make faults`: each case a test. They run side by side, because most of what they do is to wait."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from tests.faults.ground import Ground
from tests.faults.promises import all_cases
from tests.faults.report import Case, wanted
from tests.faults.run import AT_ONCE, Result, attempt

CASES = [c for c in wanted(all_cases(), promises=frozenset(), short=True) if isinstance(c, Case)]


@pytest.fixture(scope="module")
def results(request: pytest.FixtureRequest) -> Iterator[Callable[[Case], Result]]:
    """Begin all cases that were asked for, and give each result when it is there."""
    asked = [
        i.callspec.params["case"] for i in request.session.items if i.path == request.path and hasattr(i, "callspec")
    ]
    with Ground() as ground, ThreadPoolExecutor(AT_ONCE) as pool:
        running: dict[str, Future[Result]] = {case.id: pool.submit(attempt, case, ground) for case in asked}
        yield lambda case: running[case.id].result()
        pool.shutdown(cancel_futures=True)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.promise}: {case.tried}: {case.name}")
def test_it_holds(case: Case, results: Callable[[Case], Result]) -> None:
    found = results(case)
    assert found.reached, f"it did not come to {found.why}"
    assert not found.why, found.why


def test_every_case_has_a_name_of_its_own() -> None:
    ids = [c.id for c in all_cases() if isinstance(c, Case)]
    assert len(ids) == len(set(ids))
