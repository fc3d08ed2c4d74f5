"""A cooldown grows where it comes to the same again and again, and shrinks after a rest."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.remediate.guards.restraint import grown
from tests.remediate.stories import START

HOUR = timedelta(hours=1)
DAY = 24 * HOUR


def ends(*hours: float) -> list[datetime]:
    """Return ends so many hours after the start, newest first."""
    return sorted((START + n * HOUR for n in hours), reverse=True)


@pytest.mark.parametrize(
    ("base", "ended", "waits"),
    [
        (HOUR, ends(), HOUR),
        (HOUR, ends(0), HOUR),
        # a second one within four hours doubles it, a third within eight more doubles it again
        (HOUR, ends(0, 1), 2 * HOUR),
        (HOUR, ends(0, 4), 2 * HOUR),
        (HOUR, ends(0, 4.01), HOUR),
        (HOUR, ends(0, 4, 12), 4 * HOUR),
        (HOUR, ends(0, 4, 12.01), HOUR),
        # up to a day, and no further
        (HOUR, ends(0, 1, 3, 7, 15, 31), DAY),
        (HOUR, ends(*range(20)), DAY),
        # what was a day is over after four, not after four times what it would have grown to
        (HOUR, ends(*range(20), 20 + 4 * 24), HOUR),
        (HOUR, ends(*range(20), 19 + 4 * 24), DAY),
        # one that was configured longer than a day does not grow, and is not cut
        (2 * DAY, ends(0, 48, 96), 2 * DAY),
        (DAY, ends(0, 24), DAY),
    ],
)
def test_it_grows_with_each_that_followed_close_upon_another(
    base: timedelta, ended: Sequence[datetime], waits: timedelta
) -> None:
    assert grown(base, ended) == waits


HOURS = st.lists(st.integers(0, 2000), max_size=30, unique=True)


@given(base=st.integers(1, 100), hours=HOURS)
def test_it_is_never_shorter_than_configured_nor_longer_than_a_day_beyond_that(base: int, hours: list[int]) -> None:
    assert base * HOUR <= grown(base * HOUR, ends(*hours)) <= max(base * HOUR, DAY)


@given(hours=HOURS)
def test_it_does_not_matter_in_which_order_the_ends_are_told(hours: list[int]) -> None:
    assert grown(HOUR, ends(*hours)) == grown(HOUR, ends(*hours)[::-1])


@given(hours=HOURS)
def test_after_a_rest_of_four_days_it_is_as_it_was_configured(hours: list[int]) -> None:
    assert grown(HOUR, ends(*hours, max(hours, default=0) + 97)) == HOUR
