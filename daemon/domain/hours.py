"""Hours at which remedies may begin: written in a zone's own time, asked about in UTC."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from daemon.domain.window import floor

QUARTER = timedelta(minutes=15)
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
WRITTEN = re.compile(r"(?:(?P<days>[A-Za-z,-]+) )?(?P<start>\d\d:\d\d)-(?P<end>\d\d:\d\d)(?: (?P<zone>[\w/+-]+))?")


@dataclass(frozen=True, slots=True)
class Hours:
    """Half-open, and over midnight where `end` is not after `start`: then the day is that of the beginning."""

    days: frozenset[int]
    """0 is Monday."""
    start: time
    end: time
    zone: ZoneInfo

    def hold(self, moment: datetime) -> bool:
        """Tell whether the moment lies within, by the wall clock of the zone."""
        local = moment.astimezone(self.zone)
        if self.start < self.end:
            return local.weekday() in self.days and self.start <= local.time() < self.end
        yesterday = (local.weekday() - 1) % 7
        return (local.weekday() in self.days and local.time() >= self.start) or (
            yesterday in self.days and local.time() < self.end
        )


def read_hours(words: str) -> Hours:
    """Read `"Mon-Fri 22:00-04:00 Europe/Zurich"`; days and zone may be left out. Raise ValueError with an example."""
    found = WRITTEN.fullmatch(words.strip())
    if found is None:
        raise ValueError(f'{words!r} are no hours: write "Mon-Fri 22:00-04:00 Europe/Zurich"')
    try:
        zone = ZoneInfo(found["zone"] or "UTC")
        start, end = time.fromisoformat(found["start"]), time.fromisoformat(found["end"])
    except (ValueError, ZoneInfoNotFoundError, OSError) as error:
        raise ValueError(f"{words!r}: {error}") from error
    return Hours(_days(found["days"], words), start, end, zone)


def open_at(hours: tuple[str, ...], moment: datetime) -> bool:
    """Tell whether anything may begin. No hours at all: always."""
    return not hours or any(read_hours(words).hold(moment) for words in hours)


def opens_next(hours: tuple[str, ...], moment: datetime) -> datetime | None:
    """Return the next moment, to the quarter of an hour, at which they are open; None where not within eight days."""
    if not hours:
        return moment
    read = [read_hours(words) for words in hours]
    start = floor(moment, QUARTER)
    later = (start + n * QUARTER for n in range(1, 8 * 24 * 4 + 1))
    return next((at.astimezone(UTC) for at in later if any(one.hold(at) for one in read)), None)


def _days(written: str | None, words: str) -> frozenset[int]:
    if written is None:
        return frozenset(range(7))
    chosen: set[int] = set()
    for part in written.split(","):
        first, until, last = part.partition("-")
        try:
            start, end = DAYS.index(first.capitalize()), DAYS.index((last if until else first).capitalize())
        except ValueError:
            raise ValueError(f"{words!r}: {part!r} is no day; there are {', '.join(DAYS)}") from None
        chosen |= {(start + n) % 7 for n in range((end - start) % 7 + 1)}
    return frozenset(chosen)
