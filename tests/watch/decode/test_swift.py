"""The bulk path takes what it should take, and leaves alone what it cannot vouch for."""

import pytest

from daemon.watch.columns import session
from daemon.watch.decode.faults import Tally
from daemon.watch.decode.swift import CLOSELY, decode_swiftly
from daemon.watch.decode.waiting import lay_out, next_plan
from tests.watch.decode.payloads import ANSWERS, FLIGHT, FORMS, Row, request, response, sample_of

NAMES = ["distance", "carrier"]


def taken_in_bulk(rows: list[Row], *, among: int | None = None) -> int:
    """Return how many requests the plan for the first of them takes, as if they were among so many."""
    tally = Tally(1)
    with session() as duck:
        waiting = lay_out(duck, sample_of(rows, parts=[0] * len(rows)), FLIGHT, tally)
        plan = next_plan(duck, set())
        assert plan is not None
        _, requests = decode_swiftly(duck, plan, FLIGHT, tally, among or waiting)
    assert tally.decoded == [requests]
    return requests


def row(form: str, answer: str = "scalars", records: int = 2, **extra: object) -> Row:
    inputs = [{"distance": float(n), "carrier": "AA" if n else None} for n in range(records)]
    return Row(request(form, inputs, NAMES, **extra), response(answer, [0.5] * records))


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("form", FORMS)
def test_every_format_and_every_answer_goes_in_bulk(form: str, answer: str) -> None:
    rows = [row(form, answer, records) for records in (1, 2, 5)]
    assert taken_in_bulk(rows) == 3


def test_other_keys_and_columns_go_in_bulk_where_all_have_them() -> None:
    text = '{"client_request_id": "7", "dataframe_records": [{"gate": [1], "distance": 1}], "params": {"k": null}}'
    assert taken_in_bulk([Row(text, response("scalars", [0.5]))] * 3) == 3


def test_bare_nan_goes_in_bulk_too() -> None:
    text = '{"dataframe_records": [{"distance": NaN, "carrier": null}, {"distance": -Infinity, "carrier": "AA"}]}'
    assert taken_in_bulk([Row(text, '{"predictions": [NaN, null]}')] * 2) == 2


@pytest.mark.parametrize(
    "odd",
    [
        Row('{"dataframe_records": [{"distance": 1, "carrier": "AA", "gate": 1}]}', response("scalars", [0.5])),
        Row('{"dataframe_records": [{"distance": 1, "carrier": ["AA"]}]}', response("scalars", [0.5])),
        Row('{"dataframe_records": [{"distance": "far", "carrier": "AA"}]}', response("scalars", [0.5])),
        Row('{"dataframe_records": [{"distance": 1}]}', response("scalars", [0.5])),
        Row('{"dataframe_records": [{"distance": 1, "carrier": "AA"}, null]}', response("scalars", [0.5, 0.5])),
        Row('{"dataframe_records": [{"distance": 1, "carrier": "AA"}]', response("scalars", [0.5])),
        Row('{"dataframe_records": []}', response("scalars", [])),
        Row(row("dataframe_records").request, response("scalars", [0.5])),
        Row(row("dataframe_records").request, response("records", [0.5, 0.5])),
        Row(row("dataframe_records").request, None),
        Row(row("dataframe_records", records=1).request, '{"predictions": [{"prediction": 0.5, "why": "so"}]}'),
        Row('{"dataframe_records": [{"distance": 1, "carrier": "AA"}], "inputs": []}', response("scalars", [0.5])),
        row("inputs"),
    ],
)
def test_an_odd_one_is_left_for_a_closer_look_and_its_neighbours_are_not(odd: Row) -> None:
    usual = row("dataframe_records")
    assert taken_in_bulk([usual, usual, odd, usual]) == 3


@pytest.mark.parametrize("cell", ['"far"', "true", "[1]", '""', '{"x": 1}'])
def test_a_row_with_a_cell_that_does_not_fit_is_left_for_a_closer_look(cell: str) -> None:
    usual = row("dataframe_split", records=1)
    odd = Row(str(usual.request).replace("0.0", cell), usual.response)
    assert taken_in_bulk([usual, usual, odd]) == 2


def test_refused_requests_go_in_bulk_with_the_answered_ones() -> None:
    usual = row("dataframe_records")
    assert taken_in_bulk([usual, Row(usual.request, '{"error_code": "X"}', 400), Row(usual.request, None, 500)]) == 3


def test_among_very_many_only_some_are_searched_for_further_keys_and_no_value_depends_on_it() -> None:
    usual = row("dataframe_records", records=1)
    extra = Row(str(usual.request).replace("{", '{"gate": 1, ').replace('{"gate": 1, ', "{", 1), usual.response)
    null = Row('{"dataframe_records": [{"distance": 1, "carrier": "AA"}, null]}', response("scalars", [0.5, 0.5]))
    assert taken_in_bulk([usual, extra, null]) == 1
    assert taken_in_bulk([usual, extra, null], among=3 * CLOSELY) == 2
