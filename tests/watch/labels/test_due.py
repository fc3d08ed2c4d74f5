"""When a cohort is counted: once it is over, while labels are awaited, once more, and never again."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import chain
from typing import Any

import pytest

from daemon.config.endpoint import EndpointSettings
from daemon.config.labels import Labels
from daemon.domain.finding import Verdict
from daemon.domain.window import EPOCH, Window
from daemon.watch.labels.due import Counted, due, needed_since, subject
from tests.watch.labels.requests import DAY, START, day

HOUR = timedelta(hours=1)
RULES = Labels(table="/t", every=6 * HOUR)
SETTINGS = EndpointSettings(name="flights", table="/t", model="m", labels=RULES)
Windows = list[tuple[Window, Verdict, int]]


def hours(n: int, *, ill: int = 0, requests: int = 10) -> Windows:
    """Return the windows of the n-th day, the first `ill` of them in breach."""
    return [
        (Window(day(n).start + h * HOUR, day(n).start + (h + 1) * HOUR), _health(h < ill), requests) for h in range(24)
    ]


def _health(ill: bool) -> Verdict:
    return Verdict.BREACH if ill else Verdict.HEALTHY


def days(*windows: Windows, read_until: datetime | None, now: datetime, counted: Any = ()) -> list[Window]:
    found = due(1, list(chain(*windows)), dict(counted), SETTINGS, read_until=read_until, now=now)
    return [one.window for one in found]


def test_a_cohort_is_due_once_the_traffic_was_read_to_its_end() -> None:
    end = day(0).end
    assert days(hours(0), read_until=end - HOUR, now=end + HOUR) == []
    assert days(hours(0), read_until=end, now=end) == [day(0)]


def test_where_nothing_more_comes_it_is_due_after_the_overlap() -> None:
    end = day(0).end
    for now, expected in ((end + SETTINGS.watch.overlap - HOUR, []), (end + SETTINGS.watch.overlap, [day(0)])):
        assert days(hours(0)[:10], read_until=end - 14 * HOUR, now=now) == expected


def test_cohorts_lie_on_the_grid_and_come_oldest_first() -> None:
    now = day(2).start + HOUR
    assert days(hours(1), hours(2)[:1], hours(0), read_until=now, now=now) == [day(0), day(1)]


def test_one_without_requests_is_none() -> None:
    assert days(hours(0, requests=0), read_until=day(0).end, now=day(1).end) == []


@pytest.mark.parametrize(("final", "hours_ago", "again"), [(False, 5, False), (False, 6, True), (True, 999, False)])
def test_a_counted_one_is_due_again_after_an_interval_while_labels_are_awaited(
    final: bool, hours_ago: int, again: bool
) -> None:
    now = day(3).start
    counted = {day(0): Counted(final, now - hours_ago * HOUR)}
    assert days(hours(0), read_until=now, now=now, counted=counted) == ([day(0)] if again else [])
    assert needed_since(counted, RULES, now=now) == (day(0).start if again else day(0).end)


def test_a_clock_that_was_set_back_makes_nothing_due_again() -> None:
    counted = {day(0): Counted(False, day(3).start)}
    assert days(hours(0), read_until=day(0).end, now=day(1).start, counted=counted) == []


def test_before_anything_was_counted_all_that_was_ever_served_is_wanted() -> None:
    assert needed_since({}, RULES, now=START) == EPOCH


def test_a_cohort_that_was_ill_for_long_is_no_measure() -> None:
    def well(ill: int) -> Iterator[bool]:
        for one in due(1, hours(0, ill=ill), {}, SETTINGS, read_until=day(0).end, now=day(0).end):
            yield one.well

    assert [next(well(ill)) for ill in (0, 2, 3)] == [True, True, False]


@pytest.mark.parametrize(
    ("change", "new"),
    [
        ({"table": "/other"}, True),
        ({"label": "outcome"}, True),
        ({"threshold": 0.7}, True),
        ({"cohort": 2 * DAY}, True),
        ({"largest_error": 3.0}, True),
        ({"every": HOUR}, False),
        ({"coverage": 0.5}, False),
        ({"false_alarms_per_year": 9.0}, False),
    ],
)
def test_counts_are_kept_apart_by_what_was_counted_and_not_by_what_judges_them(
    change: dict[str, Any], new: bool
) -> None:
    assert (subject(RULES.model_copy(update=change)) != subject(RULES)) is new
