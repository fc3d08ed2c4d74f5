"""Which windows are due, and which rows of them. Pure: the reading itself is the inference log's."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

from daemon.config.endpoint import Watch
from daemon.domain.sample import HealthCount, Part
from daemon.domain.window import Window, closed_windows

MOST_WINDOWS = 2000
"""A look goes no further back than this many windows: 20 days of a quarter of an hour."""

Slot = tuple[datetime, int]
"""A window's start, and a version."""


def due(watermark: datetime | None, now: datetime, settings: Watch) -> list[Window]:
    """Return the closed windows from the watermark's overlap on, oldest first.

    The watermark is event time of rows that were seen, never the clock's: a clock that jumps ahead hides nothing.
    """
    end = now - settings.settle
    start = min(watermark or end, end) - settings.overlap
    return list(closed_windows(max(start, end - MOST_WINDOWS * settings.window), end, settings.window))


def changed(counts: Iterable[HealthCount], stored: Mapping[Slot, int], versions: Mapping[str, int]) -> set[Slot]:
    """Return the windows and versions whose requests are not those of the profile in the store."""
    requests: Counter[Slot] = Counter()
    for count in counts:
        if count.entity_id in versions:
            requests[count.window.start, versions[count.entity_id]] += count.requests
    return {slot for slot, n in requests.items() if stored.get(slot) != n}


def parts(
    counts: Iterable[HealthCount], wanted: set[Slot], versions: Mapping[str, int], settings: Watch
) -> dict[int, list[Part]]:
    """Return what to sample for each version: of every wanted window a rate that gives about `rows` requests.

    At most `catch_up` windows, oldest first: what is left is read at the next look.
    """
    first = sorted({start for start, _ in wanted})[: settings.catch_up]
    chosen: dict[int, list[Part]] = {}
    for count in sorted(counts, key=lambda c: (c.window, c.entity_id)):
        version = versions.get(count.entity_id)
        if version is not None and count.window.start in first and (count.window.start, version) in wanted:
            rate = min(1.0, settings.rows / max(count.requests, 1))
            chosen.setdefault(version, []).append(Part(count.window, count.entity_id, rate))
    return chosen
