"""Maintenance hours: by the wall clock of their zone, over midnight, over the two nights a year that are odd."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.hours import open_at, opens_next, read_hours

ZURICH = ZoneInfo("Europe/Zurich")
MINUTE = timedelta(minutes=1)


def utc(written: str) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=UTC)


# 2026-03-01 is a Sunday. Zurich is at UTC+1 in winter and UTC+2 in summer; in 2026 the clocks change on 29 March
# (02:00 becomes 03:00) and on 25 October (03:00 becomes 02:00), both at 01:00 UTC.
HELD = [
    ("22:00-04:00", "2026-03-02 21:59", False),
    ("22:00-04:00", "2026-03-02 22:00", True),
    ("22:00-04:00", "2026-03-03 03:59", True),
    ("22:00-04:00", "2026-03-03 04:00", False),
    ("09:00-17:00", "2026-03-02 08:59", False),
    ("09:00-17:00", "2026-03-02 09:00", True),
    ("09:00-17:00", "2026-03-02 16:59", True),
    ("09:00-17:00", "2026-03-02 17:00", False),
    # a whole day, from noon to noon: the day is that on which it begins
    ("Mon 12:00-12:00", "2026-03-02 11:59", False),
    ("Mon 12:00-12:00", "2026-03-02 12:00", True),
    ("Mon 12:00-12:00", "2026-03-03 11:59", True),
    ("Mon 12:00-12:00", "2026-03-03 12:00", False),
    # over midnight: Friday's night ends on Saturday, Thursday's on Friday, and Sunday's is not among them
    ("Mon-Fri 22:00-04:00", "2026-03-01 23:00", False),
    ("Mon-Fri 22:00-04:00", "2026-03-02 03:00", False),
    ("Mon-Fri 22:00-04:00", "2026-03-06 23:00", True),
    ("Mon-Fri 22:00-04:00", "2026-03-07 03:00", True),
    ("Mon-Fri 22:00-04:00", "2026-03-07 23:00", False),
    ("Sat,Sun 10:00-11:00", "2026-03-01 10:30", True),
    ("Sat,Sun 10:00-11:00", "2026-03-02 10:30", False),
    # from Friday over the week's end to Monday
    ("Fri-Mon 10:00-11:00", "2026-03-06 10:30", True),
    ("Fri-Mon 10:00-11:00", "2026-03-02 10:30", True),
    ("Fri-Mon 10:00-11:00", "2026-03-03 10:30", False),
    # by the zone's own clock, summer and winter
    ("02:00-03:00 Europe/Zurich", "2026-03-02 01:00", True),
    ("02:00-03:00 Europe/Zurich", "2026-03-02 02:00", False),
    ("02:00-03:00 Europe/Zurich", "2026-07-02 00:00", True),
    ("02:00-03:00 Europe/Zurich", "2026-07-02 01:00", False),
    # the hour that there is not: nothing of it, on either side
    ("02:00-03:00 Europe/Zurich", "2026-03-29 00:59", False),
    ("02:00-03:00 Europe/Zurich", "2026-03-29 01:00", False),
    ("01:30-02:30 Europe/Zurich", "2026-03-29 00:59", True),
    ("01:30-02:30 Europe/Zurich", "2026-03-29 01:00", False),
    # the hour that there is twice: both times
    ("02:00-03:00 Europe/Zurich", "2026-10-25 00:00", True),
    ("02:00-03:00 Europe/Zurich", "2026-10-25 00:59", True),
    ("02:00-03:00 Europe/Zurich", "2026-10-25 01:00", True),
    ("02:00-03:00 Europe/Zurich", "2026-10-25 01:59", True),
    ("02:00-03:00 Europe/Zurich", "2026-10-25 02:00", False),
    # whose day: on Monday evening in New York it is Tuesday in UTC
    ("Mon 20:00-22:00 America/New_York", "2026-03-03 01:30", True),
    ("Mon 20:00-22:00 America/New_York", "2026-03-02 01:30", False),
]


@pytest.mark.parametrize(("words", "moment", "held"), HELD)
def test_they_hold_by_the_wall_clock_of_their_zone(words: str, moment: str, held: bool) -> None:
    assert read_hours(words).hold(utc(moment)) is held


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("", "are no hours"),
        ("always", "are no hours"),
        ("22-04", "are no hours"),
        ("22:00", "are no hours"),
        ("Mon-Fri 22:00-04:00 Europe/Zurich please", "are no hours"),
        ("24:00-04:00", "hour must be in 0..23"),
        ("22:60-04:00", "minute must be in 0..59"),
        ("Mo 22:00-04:00", "'Mo' is no day"),
        ("Mon- 22:00-04:00", "'Mon-' is no day"),
        ("-Fri 22:00-04:00", "'-Fri' is no day"),
        ("Mon,,Fri 22:00-04:00", "'' is no day"),
        ("22:00-04:00 Europe/Nowhere", "Europe/Nowhere"),
        ("22:00-04:00 Europe", "Europe"),
        ("22:00-04:00 /etc/passwd", "/etc/passwd"),
        ("22:00-04:00 ../etc/passwd", "are no hours"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(words: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)) as refused:
        read_hours(words)
    assert repr(words) in str(refused.value)


def test_days_are_read_whatever_their_case() -> None:
    assert read_hours("mon,WED-thu 10:00-11:00").days == {0, 2, 3}


def test_without_hours_it_is_always_open() -> None:
    now = utc("2026-03-02 10:00")
    assert open_at((), now)
    assert opens_next((), now) == now


def test_any_of_several_hours_will_do() -> None:
    both = ("Mon 10:00-11:00", "Tue 10:00-11:00")
    days = [utc(f"2026-03-0{day} 10:30") for day in (1, 2, 3, 4)]
    assert [open_at(both, day) for day in days] == [False, True, True, False]


@pytest.mark.parametrize(
    ("words", "now", "opens"),
    [
        ("22:00-04:00", "2026-03-02 12:07", "2026-03-02 22:00"),
        ("22:00-04:00", "2026-03-02 21:59", "2026-03-02 22:00"),
        ("Mon 10:00-11:00", "2026-03-02 11:00", "2026-03-09 10:00"),
        ("02:00-03:00 Europe/Zurich", "2026-03-28 12:00", "2026-03-30 00:00"),
        ("03:00-04:00 Europe/Zurich", "2026-03-28 12:00", "2026-03-29 01:00"),
        # they begin between two quarters: the next quarter that lies within
        ("22:10-23:00", "2026-03-02 12:00", "2026-03-02 22:15"),
    ],
)
def test_when_they_open_next(words: str, now: str, opens: str) -> None:
    assert opens_next((words,), utc(now)) == utc(opens)


def test_hours_too_short_for_a_quarter_are_not_foretold() -> None:
    assert opens_next(("22:01-22:02",), utc("2026-03-02 12:00")) is None


ZONES = st.sampled_from(["", " UTC", " Europe/Zurich", " America/New_York", " Asia/Kathmandu", " Australia/Lord_Howe"])
CLOCK = st.times().map(lambda t: f"{t:%H:%M}")
HOURS = st.builds(lambda start, end, zone: f"{start}-{end}{zone}", CLOCK, CLOCK, ZONES)
MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)).map(lambda at: at.replace(tzinfo=UTC))  # noqa: DTZ001


@given(words=HOURS, now=MOMENTS)
def test_before_they_open_next_no_quarter_is_open(words: str, now: datetime) -> None:
    opens = opens_next((words,), now)
    assert opens is None or (opens > now and open_at((words,), opens))
    quarter = now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0) + 15 * MINUTE
    while opens is not None and quarter < opens:
        assert not open_at((words,), quarter)
        quarter += 15 * MINUTE


@given(start=CLOCK, end=CLOCK, zone=ZONES, now=MOMENTS)
def test_every_moment_lies_in_the_hours_or_in_those_between_them(
    start: str, end: str, zone: str, now: datetime
) -> None:
    within, between = f"{start}-{end}{zone}", f"{end}-{start}{zone}"
    assert open_at((within,), now) + open_at((between,), now) == (2 if start == end else 1)
