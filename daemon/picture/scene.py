"""What there is to see of a finding: two distributions, and one statistic over time."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from daemon.domain.finding import Verdict


@dataclass(frozen=True, slots=True)
class Bar:
    """One stretch of values, or one value, and the share of the rows in it, before and now (0 to 1)."""

    label: str
    before: float
    now: float
    begins: str = ""
    """Of a stretch: the value that it begins above, empty where it has no beginning."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Where two distributions lie furthest apart."""

    at: float
    """Bars from the left edge."""
    words: str


@dataclass(frozen=True, slots=True)
class Bars:
    """Two distributions over the same bars. Either may be of no rows: then all its shares are 0."""

    about: str
    """What the values are of."""
    bars: tuple[Bar, ...]
    line: bool
    """The bars lie on a line, in order: equal stretches of it, or its values; else they are names."""
    gap: Gap | None = None


@dataclass(frozen=True, slots=True)
class Point:
    """One window's answer. Neither number is known where the window could not be measured."""

    end: datetime
    statistic: float | None
    bound: float | None
    """What the truth certainly exceeds."""
    verdict: Verdict
    own: float | None = None
    """How far the column goes by itself: the statistic has to exceed that as well. None where that is not known."""


@dataclass(frozen=True, slots=True)
class Scene:
    id: str
    sentence: str
    """What was found, with its numbers."""
    measures: str
    """What the statistic is, in words."""
    names: tuple[str, str]
    """Whose rows the two distributions are of."""
    rows: tuple[int, int]
    bars: Bars
    points: tuple[Point, ...]
    """Oldest first."""
    threshold: float

    def document(self) -> dict[str, Any]:
        """Return the scene as plain values."""
        return asdict(self)
