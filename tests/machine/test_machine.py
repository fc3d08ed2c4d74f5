"""Any rules in any order break no invariant: the short run. The long one is `python -m tests.machine`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.machine.rules import Machine
from tests.machine.run import run
from tests.machine.tally import Tally
from tests.postgres import Postgres


@pytest.fixture
def tally(sqlite_template: Path) -> Iterator[Tally]:
    """Count from zero."""
    Machine.tally.clear()
    Machine.template = sqlite_template
    yield Machine.tally
    Machine.new_url = None


def test_no_order_of_events_breaks_an_invariant(tally: Tally) -> None:
    run(examples=5, steps=10)
    assert sum(tally.of("rule").values()) >= 30
    assert sum(tally.of("loop").values()) >= 1000
    assert tally["effect serving.update"] >= 5


def test_no_order_of_events_breaks_an_invariant_on_postgresql(tally: Tally, postgres: Postgres) -> None:
    Machine.new_url = staticmethod(postgres.create)
    run(examples=1, steps=6)
    assert sum(tally.of("loop").values()) >= 100
