"""Scoring requests: four formats, one answer; a model's failures as the real scoring server gives them."""

import asyncio
import json
import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import httpx
import mlflow
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.serving import DataframeSplitInput
from mlflow import MlflowClient
from mlflow.pyfunc import scoring_server

from playground.process import Playground
from tests.playground.conftest import Caller, entity, routes

NewEndpoint = Callable[..., str]

ROWS: list[dict[str, Any]] = [
    {"hour": 6, "dep_delay": -4.0, "distance": 733.0, "carrier": "UA", "origin": "EWR"},
    {"hour": 19, "dep_delay": 55.0, "distance": 2475.0, "carrier": "B6", "origin": "JFK"},
]
COLUMNS = list(ROWS[0])
BODIES: dict[str, Any] = {
    "dataframe_split": {"columns": COLUMNS, "data": [list(row.values()) for row in ROWS]},
    "dataframe_records": ROWS,
    "instances": ROWS,
    "inputs": {column: [row[column] for row in ROWS] for column in COLUMNS},
}


@pytest.mark.parametrize("style", BODIES)
def test_every_format_gets_the_same_answer(caller: Caller, style: str) -> None:
    answer = caller.score("flight-delay", {style: BODIES[style]})
    reference = caller.score("flight-delay", {"dataframe_records": ROWS}).json()["predictions"]
    assert answer.status == 200
    predictions = answer.json()["predictions"]
    assert predictions == reference
    # An hour's delay at departure makes a late arrival likelier than an early start does.
    assert 0 < predictions[0]["prediction"] < 0.5 < predictions[1]["prediction"] < 1


def test_the_sdk_can_query_and_is_told_who_answered(workspace: WorkspaceClient) -> None:
    split = BODIES["dataframe_split"]
    answer = workspace.serving_endpoints.query(
        "flight-delay", dataframe_split=DataframeSplitInput(columns=split["columns"], data=split["data"])
    )
    assert answer.served_model_name == "flight_delay-1"
    assert len(answer.predictions or []) == len(ROWS)


def test_one_case_answers_with_records_and_the_other_with_numbers(caller: Caller) -> None:
    flight = {"distance": 1005.0, "carrier": "B6", "origin": "JFK", "dest": "MCO"}
    (record,) = caller.score("flight-delay", {"instances": ROWS[:1]}).json()["predictions"]
    (minutes,) = caller.score("air-time", {"dataframe_records": [flight]}).json()["predictions"]
    assert set(record) == {"prediction"}
    # A plane at 350 to 500 miles an hour.
    assert 60 * 1005 / 500 < minutes < 60 * 1005 / 350


def test_a_nan_comes_back_as_bare_nan(
    caller: Caller, new_endpoint: NewEndpoint, registered: Callable[[str], int]
) -> None:
    name = new_endpoint(entity("nothing", registered("nothing")))
    answer = caller.score(name, {"dataframe_records": [{"x": 1.5}, {"x": None}]})
    assert b"NaN" in answer.data
    two, nothing = answer.json()["predictions"]
    assert two == 3.0
    assert math.isnan(nothing)


def test_an_exception_in_the_model_is_a_400_with_its_stack_trace(
    caller: Caller, new_endpoint: NewEndpoint, registered: Callable[[str], int]
) -> None:
    version = registered("raising")
    name = new_endpoint(entity("raising", version))
    answer = caller.score(name, {"dataframe_records": [{"x": 1}]})
    assert answer.status == 400
    assert answer.json()["error_code"] == "BAD_REQUEST"
    assert "LookupError: no such aircraft" in answer.json()["stack_trace"]
    assert answer.headers["served-model-name"] == f"raising-{version}"


@pytest.fixture(scope="module")
def real_server(registry: MlflowClient) -> Callable[[bytes], httpx.Response]:
    """MLflow's own scoring server, whole, over the version that serves flight-delay."""
    init: Any = scoring_server.init
    transport = httpx.ASGITransport(init(mlflow.pyfunc.load_model("models:/flight_delay/1")))

    async def score(body: bytes) -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://real") as client:
            return await client.post("/invocations", content=body, headers={"Content-Type": "application/json"})

    return lambda body: asyncio.run(score(body))


@pytest.mark.parametrize(
    ("body", "status"),
    [
        *(({style: BODIES[style]}, 200) for style in BODIES),
        ({"dataframe_records": ROWS, "client_request_id": "a"}, 200),
        ({"dataframe_records": [row | {"tail": "N1"} for row in ROWS]}, 200),
        ({"dataframe_records": [{"hour": 6}]}, 400),
        ({"dataframe_records": [ROWS[0] | {"distance": "far"}]}, 400),
        ({"dataframe_records": [ROWS[0] | {"distance": None}]}, 400),
        ({"dataframe_split": {"data": [[6, 1.0, 733.0, "UA", "EWR"]]}}, 400),
        ({"dataframe_records": ROWS, "instances": ROWS}, 400),
        ({"dataframe_records": []}, 400),
        ({"rows": ROWS}, 400),
        ([ROWS], 400),
        (b"{", 400),
        (b"", 400),
    ],
)
def test_every_answer_is_the_real_scoring_servers(
    caller: Caller, real_server: Callable[[bytes], httpx.Response], body: Any, status: int
) -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer, real = caller.score("flight-delay", raw), real_server(raw)
    assert answer.status == real.status_code == status
    assert _comparable(answer.json()) == _comparable(real.json())


def _comparable(answer: dict[str, Any]) -> dict[str, Any]:
    """Return an answer without its stack trace, and with a message that does not depend on how a set is printed."""
    return {key: sorted(value) if key == "message" else value for key, value in answer.items() if key != "stack_trace"}


def test_other_content_types_are_a_415(caller: Caller) -> None:
    path = "/serving-endpoints/flight-delay/invocations"
    assert caller.request("POST", path, b"x", **{"Content-Type": "application/xml"}).status == 415


def test_traffic_is_split_by_percentage_and_a_share_of_0_gets_nothing(
    caller: Caller, new_endpoint: NewEndpoint
) -> None:
    name = new_endpoint(
        entity(name="most"), entity(name="few"), entity(name="none"), traffic=routes(most=80, few=20, none=0)
    )
    served = Counter(caller.score(name, {"instances": ROWS[:1]}).headers["served-model-name"] for _ in range(100))
    assert set(served) == {"most", "few"}
    assert served["few"] == pytest.approx(20, abs=2)


def test_a_served_entity_can_be_asked_by_name_even_without_traffic(caller: Caller, new_endpoint: NewEndpoint) -> None:
    name = new_endpoint(entity(name="all"), entity(name="none"), traffic=routes(all=100, none=0))
    answer = caller.score(name, {"instances": ROWS}, served="none")
    assert (answer.status, answer.headers["served-model-name"]) == (200, "none")
    assert caller.score(name, {"instances": ROWS}, served="nobody").status == 404


@pytest.mark.parametrize("status", [500, 503])
def test_an_outage_fails_like_the_platform_at_the_named_endpoints_only(
    playground: Playground, caller: Caller, new_endpoint: NewEndpoint, status: int
) -> None:
    name = new_endpoint()
    playground.control.outage(True, endpoints=[name], status=status)
    assert caller.score(name, {"instances": ROWS}).status == status
    assert caller.score("flight-delay", {"instances": ROWS}).status == 200
    playground.control.outage(False, endpoints=[name])
    assert caller.score(name, {"instances": ROWS}).status == 200
