"""A window: a half-open stretch of event time, `[start, end)`, in UTC."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """Half-open, UTC. Windows lie on a grid counted from the epoch, so a restart finds the same ones."""

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError("a window needs times with a zone")
        if self.end <= self.start:
            raise ValueError(f"a window must end after it starts: {self.start} .. {self.end}")

    @property
    def length(self) -> timedelta:
        return self.end - self.start


def floor(moment: datetime, length: timedelta) -> datetime:
    """Return the start of the grid window that holds the moment."""
    return moment - (moment - EPOCH) % length


def closed_windows(start: datetime, end: datetime, length: timedelta) -> Iterator[Window]:
    """Yield the grid windows that lie wholly within `[floor(start), end)`, oldest first."""
    edge = floor(start, length)
    while edge + length <= end:
        yield Window(edge, edge + length)
        edge += length
