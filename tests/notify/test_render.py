"""What people read."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.notify.render import render
from tests.notify.messages import T0, event, page


def test_one_page_is_its_sentence_and_its_numbers() -> None:
    rolled_back = page(
        endpoint="flight-delay",
        sentence="rolled back to version 2",
        numbers={"error_ratio": 0.123456, "requests": 12345, "seconds_to_recover": 61.0},
    )
    title, body = render([rolled_back])
    assert title == "[page] flight-delay: rolled back to version 2"
    assert body.splitlines() == [
        "rolled back to version 2",
        "at 2026-03-01 12:00:00 UTC",
        "error_ratio 0.1235",
        "requests 12345",
        "seconds_to_recover 61",
    ]


def test_several_events_are_counted_in_the_title_and_told_one_by_one() -> None:
    title, body = render([event(2, at=2), event(3, at=3), event(1, at=1)])
    assert title == "flights: 3 events"
    assert [paragraph.splitlines()[0] for paragraph in body.split("\n\n")] == [
        "sentence 1",
        "sentence 2",
        "sentence 3",
    ]


def test_events_of_several_endpoints_stand_under_their_endpoint() -> None:
    title, body = render([event(1, "b"), page(2, "a"), event(3, "")])
    assert title == "[page] mlsteward, a, b: 3 events"
    first_lines = [paragraph.splitlines()[0] for paragraph in body.split("\n\n")]
    assert first_lines == ["mlsteward:", "sentence 3", "a:", "sentence 2", "b:", "sentence 1"]


def test_what_concerns_the_whole_fleet_speaks_for_the_daemon() -> None:
    assert render([event(1, "")])[0] == "mlsteward: sentence 1"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.000123456, "0.0001235"),
        (1234567.0, "1.235e+06"),
        (float("nan"), "nan"),
        (7, "7"),
        (True, "True"),
        ("first", "first"),
        (["taxi-fare", "flights"], "taxi-fare, flights"),
        ({"2": 90, "3": 0.12345}, "2 90, 3 0.1235"),
        ("two\nlines", "two lines"),
        (timedelta(minutes=5), "0:05:00"),
    ],
)
def test_a_number_is_a_name_and_a_value_on_one_line(value: object, shown: str) -> None:
    _, body = render([event(numbers={"name": value})])
    assert body.splitlines()[-1] == f"name {shown}"


def test_a_title_is_one_line_that_channels_can_hold() -> None:
    title, body = render([event(sentence="column x\nSubject: forged " + "y" * 500)])
    assert title.startswith("flights: column x Subject: forged y")
    assert len(title) == 200
    assert title.endswith("y…")
    assert "y" * 500 in body


def test_a_flood_shows_the_newest_and_says_how_many_it_leaves_out() -> None:
    title, body = render([event(n, at=n) for n in range(50)])
    assert title == "flights: 50 events"
    assert "sentence 29\n" not in body
    assert "sentence 30\n" in body
    assert "sentence 49\n" in body
    assert body.endswith("and 30 more before these, which the record holds")


@given(st.text(), st.text(), st.dictionaries(st.text(), st.text() | st.floats() | st.integers()))
def test_any_names_and_numbers_make_a_title_on_one_line(
    endpoint: str, sentence: str, numbers: dict[str, object]
) -> None:
    title, body = render([event(0, endpoint, sentence=sentence, numbers=numbers)])
    assert len(title.splitlines()) == 1
    assert body.startswith(sentence)
    assert f"{T0:%Y-%m-%d}" in body
