"""Scoring requests: four formats, one answer; a model's failures as the real scoring server gives them."""

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.serving import DataframeSplitInput

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
    name = new_endpoint(entity("raising", registered("raising")))
    answer = caller.score(name, {"dataframe_records": [{"x": 1}]})
    assert answer.status == 400
    assert answer.json()["error_code"] == "BAD_REQUEST"
    assert "LookupError: no such aircraft" in answer.json()["stack_trace"]
    assert answer.headers["served-model-name"] == "raising-1"


@pytest.mark.parametrize(
    ("body", "error_code"),
    [
        ({"dataframe_records": [{"hour": 6}]}, "INVALID_PARAMETER_VALUE"),
        ({"dataframe_records": [ROWS[0] | {"distance": "far"}]}, "INVALID_PARAMETER_VALUE"),
        ({"dataframe_records": ROWS, "instances": ROWS}, "BAD_REQUEST"),
        ({"rows": ROWS}, "BAD_REQUEST"),
        (b"{", "BAD_REQUEST"),
    ],
)
def test_what_the_signature_does_not_allow_is_a_400(caller: Caller, body: Any, error_code: str) -> None:
    answer = caller.score("flight-delay", body)
    assert (answer.status, answer.json()["error_code"]) == (400, error_code)


def test_other_content_types_are_a_415(caller: Caller) -> None:
    path = "/serving-endpoints/flight-delay/invocations"
    assert caller.request("POST", path, b"x", **{"Content-Type": "application/xml"}).status == 415


def test_traffic_is_split_by_percentage_and_a_share_of_0_gets_nothing(
    caller: Caller, new_endpoint: NewEndpoint
) -> None:
    name = new_endpoint(
        entity(name="most"), entity(name="few"), entity(name="none"), traffic=routes(most=80, few=20, none=0)
    )
    served = Counter(
        caller.score(name, {"instances": ROWS[:1]}).headers["served-model-name"] for _ in range(100)
    )
    assert set(served) == {"most", "few"}
    assert served["few"] == pytest.approx(20, abs=2)


def test_a_served_entity_can_be_asked_by_name_even_without_traffic(
    caller: Caller, new_endpoint: NewEndpoint
) -> None:
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
