"""Words for people: the events of a message in, its title and body out. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC
from itertools import groupby

from daemon.domain.event import Event, Severity

TITLE_LENGTH = 200
MOST_EVENTS = 20
"""More than this nobody reads in a message, and channels cut it off somewhere."""

NONE: Mapping[int | None, Sequence[str]] = {}


def render(events: Sequence[Event], hints: Mapping[int | None, Sequence[str]] = NONE) -> tuple[str, str]:
    """Return a title on one line, and a body with one sentence and its numbers per event, endpoint by endpoint.

    What a person can do about an event (`hints`, by its id) stands below it, a line each, whole: links are not cut.
    """
    ordered = sorted(events, key=lambda e: (e.endpoint, e.at))
    shown = ordered[-MOST_EVENTS:]
    sections = [
        "\n\n".join(_heading(endpoint, ordered) + [_paragraph(event, hints.get(event.id, ())) for event in group])
        for endpoint, group in groupby(shown, key=lambda e: e.endpoint)
    ]
    left_out = len(ordered) - len(shown)
    earlier = [f"and {left_out} more before these, which the record holds"] if left_out else []
    return _title(ordered), "\n\n".join(sections + earlier)


def _title(events: Sequence[Event]) -> str:
    alarm = "[page] " if any(e.severity is Severity.PAGE for e in events) else ""
    who = ", ".join(dict.fromkeys(_name(e.endpoint) for e in events))
    if len(events) == 1:
        sentence = events[0].sentence
        named = who.strip() and re.search(rf"(?<![\w-]){re.escape(who)}(?![\w-])", sentence)
        return _cut(alarm + (sentence if named else f"{who}: {sentence}"), TITLE_LENGTH)
    return _cut(f"{alarm}{who}: {len(events)} events", TITLE_LENGTH)


def _heading(endpoint: str, events: Sequence[Event]) -> list[str]:
    return [f"{_name(endpoint)}:"] if len({e.endpoint for e in events}) > 1 else []


def _paragraph(event: Event, hints: Sequence[str]) -> str:
    at = f"at {event.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"
    numbers = (f"{name} {_value(value)}" for name, value in event.numbers.items())
    return "\n".join([event.sentence, at, *numbers, *hints])


def _name(endpoint: str) -> str:
    return endpoint or "mlsteward"


def _value(value: object) -> str:
    match value:
        case float():
            return f"{value:.4g}"
        case Mapping():
            return _listed(f"{key} {_value(part)}" for key, part in value.items())
        case list() | tuple():
            return _listed(_value(part) for part in value)
    return _cut(str(value), TITLE_LENGTH)


def _listed(parts: Iterable[str]) -> str:
    return _cut(", ".join(parts), TITLE_LENGTH)


def _cut(text: str, length: int) -> str:
    """Put the text on one line of at most that length."""
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 1]}…"
