"""Who is ahead is only said where somebody was compared."""

from io import StringIO
from typing import Any

from rich.console import Console

from tests.benchmarks.detection.compared import lost, uncompared
from tests.benchmarks.detection.contenders import CONTENDERS
from tests.benchmarks.detection.plan import QUICK as SIZE
from tests.benchmarks.detection.plan import Planted, Still, cells
from tests.benchmarks.detection.results import ACT, DEFAULT, Results, Row
from tests.benchmarks.detection.table import show

PEER = CONTENDERS[0].name


def delay(median: float) -> dict[str, Any]:
    return {"median": median, "most": median, "missed": 0, "starts": 5}


def false(hours: float) -> dict[str, Any]:
    rate = {"count": int(hours), "years": 1.0, "a_year": hours, "low": 0.0, "high": hours + 3}
    return {"hours": rate, "episodes": rate}


def some() -> tuple[list[Still], list[Planted]]:
    still, drifting = cells(SIZE, [])
    return still[:1], drifting[:1]


def told(results: Results, still: list[Still], drifting: list[Planted]) -> str:
    written = StringIO()
    console = Console(width=300, file=written)
    show(console, results, still, drifting, CONTENDERS[:1])
    return written.getvalue()


def test_without_a_peer_no_cell_is_won() -> None:
    still, drifting = some()
    results = Results()
    results.still.append(Row(still[0].name, ACT, DEFAULT, false(0)))
    results.planted.append(Row(drifting[0].name, ACT, DEFAULT, delay(3)))
    assert uncompared(results, still, drifting) == [still[0].name, drifting[0].name]
    text = told(results, still, drifting)
    assert "0 of 2 cells have a peer to be compared with" in text
    assert "loses none" not in text


def test_a_lost_cell_is_told_with_the_ones_that_were_not_compared() -> None:
    still, drifting = some()
    results = Results()
    results.still.append(Row(still[0].name, ACT, DEFAULT, false(0)))
    results.planted += [Row(drifting[0].name, ACT, DEFAULT, delay(3)), Row(drifting[0].name, PEER, DEFAULT, delay(1))]
    assert len(lost(results, still, drifting)) == 1
    text = told(results, still, drifting)
    assert "1 of 2 cells have a peer to be compared with. mlsteward loses in these ways, 1 in all:" in text
    assert f"Nothing is compared in: {still[0].name}" in text
    assert "loses none" not in text


def test_what_was_compared_and_not_lost_is_said() -> None:
    still, drifting = some()
    results = Results()
    results.still += [Row(still[0].name, ACT, DEFAULT, false(0)), Row(still[0].name, PEER, DEFAULT, false(9))]
    results.planted += [Row(drifting[0].name, ACT, DEFAULT, delay(1)), Row(drifting[0].name, PEER, DEFAULT, delay(2))]
    text = told(results, still, drifting)
    assert "2 of 2 cells have a peer to be compared with" in text
    assert "It loses none of them." in text
