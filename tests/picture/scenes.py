"""Scenes that a test looks at."""

from datetime import UTC, datetime, timedelta
from typing import Any

from daemon.domain.finding import Verdict
from daemon.picture.scene import Bar, Bars, Gap, Point, Scene

START = datetime(2026, 3, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def point(n: int, statistic: float | None = 0.05, bound: float | None = 0.0) -> Point:
    """Return the n-th window's answer; a bound above 0.1 is a breach."""
    verdict = Verdict.NO_DATA if bound is None else Verdict.BREACH if bound > 0.1 else Verdict.HEALTHY
    return Point(START + (n + 1) * QUARTER, statistic, bound, verdict)


def scene(**about: Any) -> Scene:
    """Return two windows in breach after two that were not, over three stretches of a line."""
    bars = (Bar("up to 10", 0.5, 0.1), Bar("10 .. 20", 0.25, 0.3, "10"), Bar("above 20", 0.25, 0.6, "20"))
    plain: dict[str, Any] = {
        "id": "flights:2:air_time/ks",
        "sentence": "breach, certainly beyond tolerance: 0.4 was seen",
        "measures": "largest difference",
        "names": ("the baseline", "the window"),
        "rows": (20_000, 1_500),
        "bars": Bars("air_time", bars, line=True, gap=Gap(1.0, "furthest apart at 10")),
        "points": (point(0), point(1), point(2, 0.3, 0.2), point(3, 0.4, 0.3)),
        "threshold": 0.1,
    }
    return Scene(**{**plain, **about})
