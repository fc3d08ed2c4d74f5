"""What is due, by hand: a page at once, others after the wait, failures after the backoff."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.event import Event, Severity
from daemon.notify.group import backoff, due, given_up, loudest, missing
from tests.notify.messages import T0, event, page

WAIT = timedelta(seconds=30)


def sentences(events: list[Event], at: float) -> list[list[str]]:
    groups = due(events, now=T0 + timedelta(seconds=at), group_wait=WAIT)
    return [[e.sentence for e in group] for group in groups]


def test_nothing_is_due_where_nothing_happened() -> None:
    assert sentences([], 0) == []


def test_an_event_waits_for_others_of_its_endpoint() -> None:
    assert sentences([event(1)], 29.999) == []
    assert sentences([event(1)], 30) == [["sentence 1"]]


def test_the_wait_counts_from_the_oldest_and_the_youngest_goes_along() -> None:
    assert sentences([event(2, at=29), event(1, at=0)], 30) == [["sentence 1", "sentence 2"]]


def test_endpoints_wait_apart() -> None:
    assert sentences([event(1, "a", at=0), event(2, "b", at=20)], 30) == [["sentence 1"]]


def test_a_page_never_waits_nor_takes_the_others_along() -> None:
    assert sentences([event(1), page(2, at=10)], 10) == [["sentence 2"]]


def test_pages_go_before_older_groups() -> None:
    waiting = [event(1, "a", at=-100), page(2, "b", at=0), page(3, "b", at=1)]
    assert sentences(waiting, 1) == [["sentence 2", "sentence 3"], ["sentence 1"]]


def test_what_concerns_the_fleet_is_a_group_of_its_own() -> None:
    assert sentences([event(1, ""), event(2, "a")], 30) == [["sentence 1"], ["sentence 2"]]


def test_what_was_refused_waits_for_its_backoff_even_a_page() -> None:
    refused = page(1, attempts=3, tried_at=T0)
    assert sentences([refused], 19.999) == []
    assert sentences([refused], 20) == [["sentence 1"]]


def test_what_comes_after_a_refusal_waits_like_any_other_and_takes_the_refused_along() -> None:
    refused = event(1, attempts=9, tried_at=T0 + timedelta(seconds=60))
    assert sentences([refused, event(2, at=70)], 99) == []
    assert sentences([refused, event(2, at=70)], 100) == [["sentence 1", "sentence 2"]]


def test_a_clock_that_was_set_back_silences_nobody() -> None:
    assert sentences([event(1, at=7200)], 0) == [["sentence 1"]]
    assert sentences([event(1, attempts=1, tried_at=T0 + timedelta(hours=2))], 0) == [["sentence 1"]]


def test_an_event_recorded_just_after_the_clock_was_read_still_waits() -> None:
    assert sentences([event(1, at=0.5)], 0) == []


@pytest.mark.parametrize(
    ("attempts", "seconds"),
    [(1, 5), (2, 10), (3, 20), (4, 40), (8, 640), (9, 900), (10, 900), (10_000, 900)],
)
def test_the_backoff_doubles_up_to_a_quarter_of_an_hour(attempts: int, seconds: int) -> None:
    assert backoff(attempts) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    ("age", "attempts", "expected"),
    [(3, 5, True), (3, 4, False), (2.999, 500, False), (30, 1, False), (-3, 500, False)],
)
def test_an_event_is_given_up_when_it_is_old_and_was_refused_often(age: float, attempts: int, expected: bool) -> None:
    old = event(1, attempts=attempts)
    assert given_up(old, now=T0 + timedelta(days=age), after=timedelta(days=3)) is expected


@pytest.mark.parametrize(
    ("severity", "expected"),
    [
        (Severity.INFO, ["all"]),
        (Severity.WARNING, ["all", "ops"]),
        (Severity.PAGE, ["all", "ops", "pager"]),
    ],
)
def test_a_channel_wants_what_is_loud_enough_for_it(severity: Severity, expected: list[str]) -> None:
    channels = {"all": Severity.INFO, "ops": Severity.WARNING, "pager": Severity.PAGE}
    assert missing(event(1, severity=severity), channels) == expected
    assert missing(event(1, severity=severity, taken=("all", "gone")), channels) == expected[1:]


def test_the_newest_of_the_most_severe_speaks_for_the_group() -> None:
    quiet = event(1, at=9, severity=Severity.INFO)
    assert loudest([quiet, event(2, at=1), event(3, at=2)]).sentence == "sentence 3"


moments = st.integers(-100_000, 100_000)
happened = st.builds(
    lambda n, endpoint, severity, at, attempts, tried: event(
        n,
        endpoint,
        at=at,
        severity=severity,
        attempts=attempts,
        tried_at=T0 + timedelta(seconds=tried) if attempts else None,
    ),
    st.integers(),
    st.sampled_from(["", "a", "b"]),
    st.sampled_from(Severity),
    moments,
    st.integers(0, 12),
    moments,
)


@given(st.lists(happened, max_size=12), moments)
def test_groups_share_endpoint_and_urgency_and_no_event_is_in_two(events: list[Event], at: float) -> None:
    groups = due(events, now=T0 + timedelta(seconds=at), group_wait=WAIT)
    keys = [{(e.endpoint, e.severity is Severity.PAGE) for e in group} for group in groups]
    assert all(len(key) == 1 for key in keys)
    assert len({next(iter(key)) for key in keys}) == len(groups)
    assert all(group == sorted(group, key=lambda e: e.at) for group in groups)


@given(st.lists(happened, max_size=12))
def test_a_quarter_of_an_hour_without_a_refusal_makes_everything_due(events: list[Event]) -> None:
    groups = due(events, now=T0 + timedelta(seconds=100_000 + 900), group_wait=WAIT)
    assert sum(map(len, groups)) == len(events)
