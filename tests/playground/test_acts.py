"""What the demo measures of the callers' answers."""

from datetime import UTC, datetime, timedelta

import pytest

from playground.acts import restored
from playground.traffic import Response

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
GOOD, BAD = "flight_delay-2", "flight_delay-3"


def answers(story: str) -> list[Response]:
    """Return one answer a second: 2 and 3 are good ones of that version, x is a bad one, - is none at all."""
    status = {"2": (200, GOOD), "3": (200, BAD), "x": (400, BAD), "-": (0, None)}
    return [Response(NOON + timedelta(seconds=n), status[c][0], 5.0, status[c][1], 1) for n, c in enumerate(story)]


@pytest.mark.parametrize(
    ("story", "second"),
    [
        ("223x3x3222", 7),
        ("3x3x33", None),
        ("3x22x222", 5),
        ("3x3-222", 4),
        ("222", 0),
        ("3x3x2-", None),
        ("", None),
    ],
)
def test_traffic_is_restored_at_the_first_good_answer_after_which_no_bad_one_comes(
    story: str, second: int | None
) -> None:
    assert restored(answers(story), GOOD) == (None if second is None else NOON + timedelta(seconds=second))
