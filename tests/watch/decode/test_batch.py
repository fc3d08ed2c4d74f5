"""Case by case: what is read, what is counted, and under which name."""

import json
import math
from collections import Counter

import pytest

from daemon.domain.schema import Column, Kind, Role, Signature
from daemon.watch.decode import decode
from daemon.watch.decode.batch import BULK
from tests.watch.decode.payloads import ANSWERS, FLIGHT, FORMS, Record, Row, column, request, response, sample_of

NAMES = ["distance", "carrier"]
RECORDS: list[Record] = [{"distance": 100, "carrier": "AA"}, {"distance": 250.5, "carrier": None}]


def records(*rows: object, **extra: object) -> str:
    return json.dumps({**extra, "dataframe_records": list(rows)})


def predictions(payload: object) -> str:
    return json.dumps({"predictions": payload})


def once_and_in_bulk(row: Row) -> list[tuple[list[Row], int]]:
    return [([row], 1), ([row] * BULK, BULK)]


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("form", FORMS)
def test_every_format_gives_one_row_per_record(form: str, answer: str) -> None:
    row = Row(request(form, RECORDS, NAMES), response(answer, [0.25, None]))
    for rows, copies in once_and_in_bulk(row):
        batch = decode(sample_of(rows, parts=[0] * copies), FLIGHT)
        assert batch.records == 2 * copies and list(batch.part) == [0] * (2 * copies)
        assert column(batch, "distance") == [100.0, 250.5] * copies
        assert column(batch, "carrier") == ["AA", None] * copies
        assert column(batch, "prediction") == [0.25, None] * copies
        assert (batch.faults, batch.requests, batch.sampled) == ([{}], [copies], [copies])


def test_one_bare_value_answers_a_single_record() -> None:
    for answer in (predictions(0.5), predictions({"prediction": 0.5}), predictions({"anything": 0.5})):
        assert column(decode(sample_of([Row(records(RECORDS[0]), answer)]), FLIGHT), "prediction") == [0.5]


def test_one_record_may_come_as_a_bare_object() -> None:
    row = Row(json.dumps({"inputs": {"distance": 7, "carrier": "UA"}}), predictions([0.1]))
    batch = decode(sample_of([row]), FLIGHT)
    assert (column(batch, "distance"), column(batch, "carrier")) == ([7.0], ["UA"])


def test_several_outputs_are_read_by_name_and_by_position() -> None:
    outputs = tuple(Column(name, Kind.NUMERIC, Role.PREDICTION) for name in ("low", "high"))
    signature = Signature(FLIGHT.inputs, outputs)
    answers = ([{"high": 2, "low": 1}], [[1, 2]], {"high": [2], "low": [1]})
    for answer in answers:
        for rows, copies in once_and_in_bulk(Row(records(RECORDS[0]), predictions(answer))):
            batch = decode(sample_of(rows), signature)
            assert (column(batch, "low"), column(batch, "high")) == ([1.0] * copies, [2.0] * copies)


def test_bare_nan_and_infinity_are_numbers_that_are_not_finite_and_no_nulls() -> None:
    text = '{"dataframe_records": [{"distance": NaN, "carrier": "AA"}, {"distance": -Infinity, "carrier": "AA"}]}'
    for rows, _ in once_and_in_bulk(Row(text, '{"predictions": [Infinity, NaN]}')):
        batch = decode(sample_of(rows), FLIGHT)
        assert not batch.columns["distance"].null.any()  # type: ignore[union-attr]
        first, second, *_ = column(batch, "distance")
        assert math.isnan(first) and second == -math.inf
        assert column(batch, "prediction")[0] == math.inf


@pytest.mark.parametrize(
    ("value", "read"), [("2.5", 2.5), (True, 1.0), (10**30, 1e30), (10**400, math.inf), ("-Infinity", -math.inf)]
)
def test_a_number_is_read_as_the_scoring_server_reads_it(value: object, read: float) -> None:
    for form in FORMS:
        text = request(form, [{"distance": value, "carrier": "AA"}], NAMES)
        for rows, copies in once_and_in_bulk(Row(text, predictions([0.5]))):
            batch = decode(sample_of(rows, parts=[0] * copies), FLIGHT)
            assert column(batch, "distance") == [read] * copies
            assert batch.faults == [{}]


@pytest.mark.parametrize("value", ["abc", "", [1], {"x": 1}, [[1]]])
def test_a_number_of_the_wrong_type_is_counted_and_becomes_a_null(value: object) -> None:
    for form in ("dataframe_records", "dataframe_split", "inputs", "instances_rows"):
        text = request(form, [{"distance": value, "carrier": "AA"}, RECORDS[0]], NAMES)
        for rows, copies in once_and_in_bulk(Row(text, predictions([0.5, 0.5]))):
            batch = decode(sample_of(rows, parts=[0] * copies), FLIGHT)
            assert column(batch, "distance") == [None, 100.0] * copies
            assert column(batch, "carrier") == ["AA", "AA"] * copies
            assert batch.faults == [{"wrong_type:distance": copies}]


@pytest.mark.parametrize("value", [["AA"], {"name": "AA"}, []])
def test_a_label_that_is_a_list_or_an_object_is_of_the_wrong_type(value: object) -> None:
    for form in ("dataframe_records", "dataframe_split", "inputs"):
        text = request(form, [{"distance": 1, "carrier": value}], NAMES)
        for rows, copies in once_and_in_bulk(Row(text, predictions([0.5]))):
            batch = decode(sample_of(rows, parts=[0] * copies), FLIGHT)
            assert column(batch, "carrier") == [None] * copies
            assert batch.faults == [{"wrong_type:carrier": copies}]


def test_a_text_that_merely_looks_like_a_list_is_a_label() -> None:
    for rows, copies in once_and_in_bulk(Row(records({"distance": 1, "carrier": "[AA]"}), predictions([0.5]))):
        batch = decode(sample_of(rows, parts=[0] * copies), FLIGHT)
        assert column(batch, "carrier") == ["[AA]"] * copies and batch.faults == [{}]


@pytest.mark.parametrize(("value", "label"), [(True, "true"), (False, "false"), (5, "5"), (2.5, "2.5")])
def test_a_scalar_is_a_label(value: object, label: str) -> None:
    for form in FORMS:
        text = request(form, [{"distance": 1, "carrier": value}], NAMES)
        for rows, copies in once_and_in_bulk(Row(text, predictions([0.5]))):
            assert column(decode(sample_of(rows), FLIGHT), "carrier") == [label] * copies


def test_missing_columns_and_unknown_ones_are_counted_by_name() -> None:
    short: list[Record] = [{"distance": 1, "gate": "B7", "tail": None}, {"distance": 2, "gate": "B8", "tail": "N1"}]
    for form in FORMS[:6]:
        if form == "instances_rows":
            continue
        text = request(form, short, ["distance", "gate", "tail"])
        for rows, copies in once_and_in_bulk(Row(text, predictions([0.5, 0.5]))):
            batch = decode(sample_of(rows, parts=[0] * copies), FLIGHT)
            assert column(batch, "distance") == [1.0, 2.0] * copies
            assert column(batch, "carrier") == [None, None] * copies
            unknown = {"extra_column:gate": 2 * copies, "extra_column:tail": 2 * copies}
            assert batch.faults == [{"missing_column:carrier": 2 * copies, **unknown}]


def test_an_optional_column_may_be_missing_and_is_counted_all_the_same() -> None:
    signature = Signature((FLIGHT.inputs[0], Column("carrier", Kind.CATEGORICAL, required=False)), FLIGHT.outputs)
    for rows, copies in once_and_in_bulk(Row(records({"distance": 1}), predictions([0.5]))):
        batch = decode(sample_of(rows), signature)
        assert column(batch, "carrier") == [None] * copies
        assert sum((Counter(part) for part in batch.faults), Counter()) == {"missing_column:carrier": copies}


def test_of_unknown_columns_without_number_only_the_first_are_named_and_none_at_length() -> None:
    odd = {f"made-up-{i}": 1 for i in range(50)}
    row = Row(records({**RECORDS[0], "\x00" + "x" * 500: 1, **odd}), predictions([0.5]))
    (faults,) = decode(sample_of([row]), FLIGHT).faults
    assert len(faults) == 21 and faults["extra_column"] == 31
    assert "extra_column:?" + "x" * 79 in faults


def test_records_of_one_request_may_differ_in_their_columns() -> None:
    row = Row(records(RECORDS[0], {"carrier": "UA", "gate": 1}), predictions([0.5, 0.6]))
    batch = decode(sample_of([row]), FLIGHT)
    assert column(batch, "distance") == [100.0, None] and column(batch, "carrier") == ["AA", "UA"]
    assert batch.faults == [{"missing_column:distance": 1, "extra_column:gate": 1}]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (None, "oversized"),
        (records(RECORDS[0])[:-4], "broken_json"),
        ('{"dataframe_records": [{"distance": 01}]}', "broken_json"),
        ("[" * 100_000, "broken_json"),
        ("distance,carrier\n100,AA\n", "unknown_format"),
        ("", "unknown_format"),
        ("[1, 2]", "unknown_format"),
        ("null", "unknown_format"),
        ('{"messages": [{"role": "user", "content": "hello"}]}', "unknown_format"),
        ('{"dataframe_records": [], "inputs": []}', "unknown_format"),
        ('{"dataframe_records": {"distance": [1]}}', "unknown_format"),
        ('{"dataframe_records": [{"distance": 1}, 5]}', "unknown_format"),
        ('{"dataframe_split": {"data": [[1, "AA"]]}}', "unknown_format"),
        ('{"dataframe_split": {"columns": ["distance", "carrier"], "data": [[1, "AA"], [2]]}}', "unknown_format"),
        ('{"dataframe_split": {"columns": ["distance", "distance"], "data": [[1, 2]]}}', "unknown_format"),
        ('{"inputs": {"distance": [1, 2], "carrier": ["AA"]}}', "unknown_format"),
        ('{"inputs": {"distance": [1, 2], "carrier": "AA"}}', "unknown_format"),
        ('{"instances": [[1, "AA", 3]]}', "unknown_format"),
        ('{"instances": [1, 2]}', "unknown_format"),
        ('{"instances": null}', "unknown_format"),
    ],
)
def test_a_request_that_cannot_be_read_is_counted_by_its_reason_and_the_others_go_on(
    text: str | None, fault: str
) -> None:
    good = Row(records(RECORDS[0]), predictions([0.5]))
    for rows in ([good, Row(text, predictions([0.5]))], [good] * BULK + [Row(text, predictions([0.5]))]):
        batch = decode(sample_of(rows, parts=[0] * len(rows)), FLIGHT)
        assert batch.faults == [{fault: 1}]
        assert (batch.sampled, batch.requests, batch.records) == ([len(rows)], [len(rows) - 1], len(rows) - 1)


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (predictions([0.5, 0.6]), "length_mismatch"),
        (predictions([]), "length_mismatch"),
        (None, "response_oversized"),
        ('{"predictions": [0.5', "response_broken_json"),
        ('{"choices": []}', "response_unknown_format"),
        ("out of memory", "response_unknown_format"),
        (predictions([[0.5, 0.5]]), "response_unknown_format"),
        (predictions(None), "response_unknown_format"),
    ],
)
def test_where_the_predictions_cannot_be_read_the_inputs_are_used_and_no_prediction_is_null(
    answer: str | None, fault: str
) -> None:
    for rows, copies in once_and_in_bulk(Row(records(RECORDS[0]), answer)):
        batch = decode(sample_of(rows, parts=[0] * copies), FLIGHT)
        assert batch.faults == [{fault: copies}]
        assert column(batch, "distance") == [100.0] * copies
        assert column(batch, "prediction") == []


@pytest.mark.parametrize("status", [400, 500, 429, None])
def test_a_refused_request_has_inputs_and_no_predictions(status: int | None) -> None:
    refused = Row(records(RECORDS[0]), '{"error_code": "BAD_REQUEST", "message": "no"}', status)
    answered = Row(records(RECORDS[1]), predictions([0.5]))
    for copies in (1, BULK):
        batch = decode(sample_of([refused, answered] * copies, parts=[0] * (2 * copies)), FLIGHT)
        assert sorted(column(batch, "distance")) == [100.0] * copies + [250.5] * copies
        assert column(batch, "prediction") == [0.5] * copies and batch.faults == [{}]


def test_traffic_of_refused_requests_alone_is_read_too() -> None:
    rows = [Row(records(RECORDS[0]), "no", 500)] * BULK
    batch = decode(sample_of(rows), FLIGHT)
    assert column(batch, "distance") == [100.0] * BULK and column(batch, "prediction") == []


def test_a_request_without_records_is_decoded_to_nothing() -> None:
    for rows, copies in once_and_in_bulk(Row(records(), predictions([]))):
        batch = decode(sample_of(rows, parts=[0] * copies), FLIGHT)
        assert (batch.records, batch.requests, batch.faults) == (0, [copies], [{}])


def test_a_signature_without_outputs_leaves_responses_alone() -> None:
    for rows, copies in once_and_in_bulk(Row(records(RECORDS[0]), "whatever")):
        batch = decode(sample_of(rows), Signature(FLIGHT.inputs, ()))
        assert list(batch.columns) == NAMES and batch.records == copies and not any(batch.faults)


def test_an_output_called_like_an_input_leaves_the_input_as_it_is() -> None:
    signature = Signature(FLIGHT.inputs, (Column("carrier", Kind.NUMERIC, Role.PREDICTION),))
    usual, other = (Row(request(form, RECORDS[:1], NAMES), predictions([7])) for form in ("instances", "inputs"))
    for rows in ([usual], [usual] * BULK, [usual] * BULK + [other] * BULK + [other]):
        assert column(decode(sample_of(rows), signature), "carrier") == ["AA"] * len(rows)


def test_no_rows_give_empty_columns() -> None:
    batch = decode(sample_of([]), FLIGHT)
    assert batch.records == 0 and set(batch.columns) == {"distance", "carrier", "prediction"}


def test_the_clients_own_keys_beside_the_data_are_no_fault() -> None:
    text = records(RECORDS[0], client_request_id="7f", params={"threshold": 0.5})
    for rows, copies in once_and_in_bulk(Row(text, '{"predictions": [0.5], "databricks_output": {"trace": null}}')):
        batch = decode(sample_of(rows, parts=[0] * copies), FLIGHT)
        assert column(batch, "prediction") == [0.5] * copies and batch.faults == [{}]


def test_a_motley_sample_is_read_whole() -> None:
    forms = [request(form, RECORDS, NAMES) for form in FORMS] + [records({"distance": 100, "carrier": "AA", "x": 1})]
    texts = [texts for texts in forms for _ in range(BULK)]
    batch = decode(sample_of([Row(text, predictions([0, 1])) for text in texts[:-BULK]], parts=None), FLIGHT)
    assert column(batch, "prediction") == [0.0, 1.0] * BULK * len(FORMS)
    assert list(batch.requests) == [1] * BULK * len(FORMS)


def test_ten_thousand_categories_keep_their_names() -> None:
    rows = [Row(records({"distance": 1, "carrier": f"carrier-{i:05}"}), predictions([0])) for i in range(10_000)]
    batch = decode(sample_of(rows, parts=[0] * 10_000), FLIGHT)
    assert column(batch, "carrier") == [f"carrier-{i:05}" for i in range(10_000)]
