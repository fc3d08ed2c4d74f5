"""Which windows are due, and which rows of them. Pure: the reading itself is the inference log's."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from daemon.config.detection import Watch
from daemon.domain.sample import HealthCount, Part
from daemon.domain.window import Window, closed_windows, floor

MOST_WINDOWS = 2000
"""A look goes no further back than this many windows: 20 days of a quarter of an hour."""

Slot = tuple[datetime, int]
"""A window's start, and a version."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What one look takes on."""

    slots: frozenset[Slot]
    counted: int
    """Requests that no earlier look had counted."""
    read_until: datetime | None
    """End of the newest window with rows before which nothing is left to read: the next watermark."""
    behind: bool
    """More is left, or so much came at once that the other endpoints, too, will only now be read."""


def earliest(watermark: datetime | None, now: datetime, settings: Watch) -> datetime:
    """Return the start of the first window that is due.

    The watermark is event time of rows that were seen, never the clock's: a clock that jumps ahead hides nothing.
    """
    end = now - settings.settle
    start = min(watermark or end, end) - settings.overlap
    return floor(max(start, end - MOST_WINDOWS * settings.window), settings.window)


def due(watermark: datetime | None, now: datetime, settings: Watch) -> list[Window]:
    """Return the closed windows from the watermark's overlap on, oldest first."""
    return list(closed_windows(earliest(watermark, now, settings), now - settings.settle, settings.window))


def plan(
    counts: Sequence[HealthCount],
    stored: Mapping[Slot, int],
    versions: Mapping[str, int],
    watermark: datetime | None,
    settings: Watch,
) -> Plan:
    """Take on at most `catch_up` windows, oldest first: what is left is read at the next look."""
    wanted = changed(counts, stored, versions)
    starts = sorted({start for start, _ in wanted})
    left = starts[settings.catch_up :]
    read = [c.window.end for c in counts if not left or c.window.end <= left[0]]
    at_once = sum(watermark is None or start >= watermark for start in starts)
    usual = 1 + math.ceil(settings.interval / settings.window)
    requests = _requests(counts, versions)
    slots = frozenset(slot for slot in wanted if not left or slot[0] < left[0])
    return Plan(
        slots,
        sum(max(0, requests[slot] - stored.get(slot, 0)) for slot in slots),
        max([*read, *([watermark] if watermark else [])], default=None),
        bool(left) or at_once > usual,
    )


def changed(counts: Iterable[HealthCount], stored: Mapping[Slot, int], versions: Mapping[str, int]) -> set[Slot]:
    """Return the windows, with every version in them, whose requests are not those of the profiles in the store.

    Versions are judged beside each other, so a window that changed for one is read again for all.
    """
    requests = _requests(counts, versions)
    starts = {slot[0] for slot, n in requests.items() if stored.get(slot) != n}
    return {slot for slot in requests if slot[0] in starts}


def parts(
    counts: Iterable[HealthCount], wanted: frozenset[Slot], versions: Mapping[str, int], settings: Watch
) -> dict[int, list[Part]]:
    """Return what to sample for each version: of every wanted window a rate that gives about `rows` requests."""
    counts = sorted(counts, key=lambda c: (c.window, c.entity_id))
    requests = _requests(counts, versions)
    chosen: dict[int, list[Part]] = {}
    for count in counts:
        version = versions.get(count.entity_id)
        if version is not None and (count.window.start, version) in wanted:
            rate = min(1.0, settings.rows / max(requests[count.window.start, version], 1))
            chosen.setdefault(version, []).append(Part(count.window, count.entity_id, rate))
    return chosen


def _requests(counts: Iterable[HealthCount], versions: Mapping[str, int]) -> Counter[Slot]:
    requests: Counter[Slot] = Counter()
    for count in counts:
        if count.entity_id in versions:
            requests[count.window.start, versions[count.entity_id]] += count.requests
    return requests
