"""The inference table: its schema, its rows, and the ways in which it comes late, twice, or not at all."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pyarrow.parquet as pq
import pytest
from databricks.sdk import WorkspaceClient
from deltalake import DeltaTable, QueryBuilder

from playground.inference_table import Entry, InferenceTable
from playground.process import Playground
from tests.playground.conftest import Caller, entity

NewEndpoint = Callable[..., str]
FLIGHT = {"hour": 8, "dep_delay": 3.0, "distance": 733.0, "carrier": "UA", "origin": "LGA"}


def _table(playground: Playground, endpoint: str) -> Path:
    """Return the table of any endpoint: all lie beside those of the named ones."""
    return playground.address.endpoints["air-time"].table.with_name(f"{endpoint}_payload")


def _select(path: Path, what: str) -> list[dict[str, Any]]:
    """Return rows through delta-rs' own SQL engine, as the daemon reads them."""
    found = QueryBuilder().register("t", DeltaTable(str(path))).execute(what).read_all()
    columns = {name: found.column(name).to_pylist() for name in found.column_names}
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def test_the_schema_is_that_of_ai_gateway_enabled_endpoints(playground: Playground) -> None:
    schema = DeltaTable(str(playground.address.endpoints["air-time"].table)).schema()
    assert [(field.name, getattr(field.type, "type", "array"), field.nullable) for field in schema.fields] == [
        ("databricks_request_id", "string", True),
        ("request_date", "date", True),
        ("client_request_id", "string", True),
        ("request_time", "timestamp", True),
        ("status_code", "integer", True),
        ("sampling_fraction", "double", True),
        ("execution_duration_ms", "long", True),
        ("request", "string", True),
        ("response", "string", True),
        ("logging_error_codes", "array", True),
        ("served_entity_id", "string", True),
        ("requester", "string", True),
    ]
    assert DeltaTable(str(playground.address.endpoints["air-time"].table)).metadata().partition_columns == [
        "request_date"
    ]


def test_every_request_is_one_row_with_both_bodies_as_they_were(
    playground: Playground, caller: Caller, new_endpoint: NewEndpoint
) -> None:
    name = new_endpoint()
    start = datetime.now(UTC)
    good = caller.score(name, {"dataframe_records": [FLIGHT] * 3, "client_request_id": "ours-1"})
    bad = caller.score(name, b'{"rows": 1}')
    playground.control.outage(True, endpoints=[name], status=500)
    down = caller.score(name, {"instances": [FLIGHT]})
    end = datetime.now(UTC)
    playground.control.flush()
    rows = _select(
        _table(playground, name),
        f"select distinct * from t where request_date >= '{start.date()}' order by request_time",
    )
    assert [row["status_code"] for row in rows] == [200, 400, 500]
    assert [row["response"] for row in rows] == [answer.data.decode() for answer in (good, bad, down)]
    assert [row["client_request_id"] for row in rows] == ["ours-1", None, None]
    assert rows[1]["request"] == '{"rows": 1}'
    assert all(start <= row["request_time"] <= end for row in rows)
    assert all(row["logging_error_codes"] == [] and row["sampling_fraction"] == 1.0 for row in rows)
    assert len({row["databricks_request_id"] for row in rows}) == 3
    assert all(0 <= row["execution_duration_ms"] < 1000 * (end - start).total_seconds() for row in rows)


def test_a_request_without_a_token_or_an_endpoint_leaves_no_row(
    playground: Playground, new_endpoint: NewEndpoint
) -> None:
    name = new_endpoint()
    assert Caller(playground, token="dapi-unknown").score(name, {"instances": [FLIGHT]}).status == 401
    playground.control.flush()
    assert _select(_table(playground, name), "select * from t") == []


def test_rows_arrive_late_and_by_themselves(playground: Playground, caller: Caller, new_endpoint: NewEndpoint) -> None:
    name = new_endpoint()
    caller.score(name, {"instances": [FLIGHT]})
    assert _select(_table(playground, name), "select * from t") == []
    deadline = time.monotonic() + 15
    while not _select(_table(playground, name), "select * from t"):
        assert time.monotonic() < deadline, "no row has arrived"
        time.sleep(0.1)


@pytest.mark.parametrize(("characters", "kept"), [(1_048_000, True), (1_048_576, False)])
def test_a_body_above_a_mebibyte_is_left_out_and_named(
    playground: Playground, caller: Caller, new_endpoint: NewEndpoint, characters: int, kept: bool
) -> None:
    name = new_endpoint()
    request = {"instances": [FLIGHT], "comment": "x" * characters}
    assert caller.score(name, request).status == 200
    playground.control.flush()
    (row,) = _select(_table(playground, name), "select * from t limit 1")
    assert (row["request"] is not None) == kept
    assert row["logging_error_codes"] == ([] if kept else ["MAX_REQUEST_SIZE_EXCEEDED"])
    assert row["response"] is not None


def test_about_one_row_in_a_hundred_is_written_again_in_a_later_batch(tmp_path: Path) -> None:
    async def write() -> InferenceTable:
        table = InferenceTable(tmp_path / "t", flush_seconds=0, rng=Random(1))
        for _ in range(20):
            for _ in range(250):
                table.append(Entry(datetime.now(UTC), 200, 3, "{}", "{}", "served", "somebody"))
            await table.flush(repeat=True)
        await table.flush(repeat=True)
        return table

    asyncio.run(write())
    times = Counter(row["id"] for row in _select(tmp_path / "t", "select databricks_request_id id from t"))
    assert len(times) == 5000
    assert set(times.values()) == {1, 2}
    # Three standard deviations around 1 % of 5000.
    assert sum(count == 2 for count in times.values()) == pytest.approx(50, abs=21)
    assert all(len(set(batch)) == len(batch) for batch in _batches(tmp_path / "t"))


def _batches(path: Path) -> list[list[str]]:
    """Return the request ids of each batch, a batch being one file."""
    return [
        pq.read_table(file, partitioning=None)["databricks_request_id"].to_pylist()
        for file in sorted(path.rglob("*.parquet"))
        if "_delta_log" not in file.parts
    ]


def test_served_entities_are_known_before_they_take_traffic(
    playground: Playground, workspace: WorkspaceClient, caller: Caller, new_endpoint: NewEndpoint
) -> None:
    name = new_endpoint()
    caller.score(name, {"instances": [FLIGHT]})
    wait = workspace.serving_endpoints.update_config(name, served_entities=[entity("air_time")])
    deadline = time.monotonic() + 30
    while caller.score(name, {"instances": [FLIGHT]}).headers["served-model-name"] != "air_time-1":
        assert time.monotonic() < deadline, "the update has not ended"
    wait.result()
    playground.control.flush()
    history = _select(
        playground.address.served_entities_table,
        f"select * from t where endpoint_name = '{name}' order by change_time",
    )
    assert [(row["entity_name"], row["entity_version"]) for row in history] == [
        ("flight_delay", "1"),
        ("air_time", "1"),
    ]
    assert [row["endpoint_config_version"] for row in history] == [1, 2]
    assert {row["endpoint_id"] for row in history} == {workspace.serving_endpoints.get(name).id}
    assert all(row["endpoint_delete_time"] is None and row["workspace_id"].isdigit() for row in history)
    first = _select(
        _table(playground, name), "select served_entity_id id, min(request_time) at from t group by 1 order by 2"
    )
    assert [row["id"] for row in first] == [row["served_entity_id"] for row in history]
    assert all(len(row["id"]) == 32 and set(row["id"]) <= set("0123456789abcdef") for row in first)
    assert all(seen["at"] > known["change_time"] for seen, known in zip(first, history, strict=True))
