"""What a look costs the workspace, and what it costs while nothing is new."""

from pathlib import Path

import pytest

from tests.benchmarks.bench_requests import AIM_A_LOOK, AIM_STATEMENTS, READERS, measure

WATCHED = {"GET /api/2.0/serving-endpoints/flights", "GET /api/2.0/serving-endpoints/flights/metrics"}


@pytest.mark.parametrize("reader", READERS)
def test_a_look_is_at_most_six_requests_and_no_statement_while_nothing_is_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reader: str
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    found = measure(tmp_path, reader)
    assert (len(found.first), len(found.new), len(found.same)) == (1, 4, 8)
    assert max(found.first + found.new + found.same) <= AIM_A_LOOK
    assert found.statements_same == AIM_STATEMENTS
    assert found.statements_new == (4 if reader == "warehouse" else 0)
    assert max(found.same) == len(WATCHED)
    # a window that settled is asked for, though nobody may have come: four in an hour
    assert found.idle_statements == (4 if reader == "warehouse" else 0)
    assert {name: n for name, n in found.idle.items() if name in WATCHED} == dict.fromkeys(WATCHED, 12)
