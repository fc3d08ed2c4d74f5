"""An alias is pointed once, from where the plan knew it, and never out of somebody's hand."""

from pathlib import Path

import pytest

from daemon.domain.remediation import Step, StepState
from daemon.remediate.alias import point_alias
from daemon.remediate.journal import Act, Outcome
from tests.fakes import FakeRegistry
from tests.remediate.stories import MODEL

INTENT = Step("r", 0, "alias", StepState.INTENT, "t")


@pytest.fixture
def registry(tmp_path: Path) -> FakeRegistry:
    fake = FakeRegistry(tmp_path)
    for _ in range(3):
        fake.add(MODEL)
    return fake


def pointing(registry: FakeRegistry, at: int | None, **how: tuple[int | None, ...]) -> Act:
    if at is not None:
        registry.set_alias(MODEL, "champion", at)
    asked: dict[str, tuple[int | None, ...]] = {"was": (1,), **how}
    return point_alias("alias", registry, MODEL, "champion", wanted=2, **asked)


@pytest.mark.parametrize(
    ("at", "how", "outcome"),
    [
        (1, {}, Outcome.READY),
        (2, {}, Outcome.DONE),
        (3, {}, Outcome.FOREIGN),
        (None, {}, Outcome.FOREIGN),
        (None, {"was": (None,)}, Outcome.READY),
        (None, {"fine": (None,)}, Outcome.DONE),
        (3, {"fine": (3,)}, Outcome.DONE),
        (3, {"was": (1, 3)}, Outcome.READY),
    ],
)
def test_what_the_alias_points_at_says_whether_to_move_it(
    registry: FakeRegistry, at: int | None, how: dict[str, tuple[int | None, ...]], outcome: Outcome
) -> None:
    assert pointing(registry, at, **how).look(INTENT).outcome is outcome


def test_it_is_done_when_it_points_where_it_should(registry: FakeRegistry) -> None:
    act = pointing(registry, 1)
    assert act.base() == {"version": 1}
    assert act.do is not None
    act.do(INTENT)
    assert act.look(INTENT).outcome is Outcome.DONE
    assert registry.alias(MODEL, "champion") == 2
