"""What is to be sent now: undelivered events in, groups that are due out. Pure."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from daemon.domain.event import Event, Severity

LOUDNESS = tuple(Severity)
FIRST_BACKOFF = timedelta(seconds=5)
LONGEST_BACKOFF = timedelta(minutes=15)
FEWEST_ATTEMPTS = 5

Quiet = Callable[[Event], datetime | None]
"""When the quiet ended that kept an event from being told; None where there was none."""
NEVER: Quiet = lambda _: None  # noqa: E731 - a constant


def due(events: Iterable[Event], *, now: datetime, group_wait: timedelta, quiet: Quiet = NEVER) -> list[list[Event]]:
    """Return the groups to be sent: pages first, then by age.

    A group is what one endpoint has to say; its pages are a group of their own and wait for nothing. The others wait
    `group_wait` from the oldest that nobody tried to send. A group that was tried is due again by the backoff of any
    of its events; whatever came meanwhile goes with it. What somebody's wish for quiet has held back is one group,
    pages and all, and waits for nothing any more.
    """
    groups: dict[tuple[str, str], list[Event]] = {}
    for event in sorted(events, key=lambda e: (not _is_page(e), e.at)):
        kind = "held back" if quiet(event) else "page" if _is_page(event) else ""
        groups.setdefault((kind, event.endpoint), []).append(event)
    return [group for group in groups.values() if any(_is_due(e, now, group_wait, quiet(e)) for e in group)]


def backoff(attempts: int) -> timedelta:
    """Return the time from one attempt to the next: it doubles from five seconds to a quarter of an hour."""
    return min(FIRST_BACKOFF * (1 << min(attempts - 1, 20)), LONGEST_BACKOFF)


def given_up(event: Event, *, now: datetime, after: timedelta, quiet: Quiet = NEVER) -> bool:
    """Tell whether an event that was refused once more is not tried again.

    It must be old, and have been tried several times: after a long stand-still the first refusal is not the last word.
    The time during which somebody wished for quiet does not count.
    """
    return now - (quiet(event) or event.at) >= after and event.attempts >= FEWEST_ATTEMPTS


def missing(event: Event, channels: Mapping[str, Severity]) -> list[str]:
    """Return the channels that want the event and did not take it, given the severity from which each wants them."""
    loudness = LOUDNESS.index(event.severity)
    wanting = (name for name, at_least in channels.items() if loudness >= LOUDNESS.index(at_least))
    return [name for name in wanting if name not in event.taken]


def loudest(events: Iterable[Event]) -> Event:
    """Return the newest of the most severe events: it speaks for the group."""
    return max(events, key=lambda e: (LOUDNESS.index(e.severity), e.at))


def _is_page(event: Event) -> bool:
    return event.severity is Severity.PAGE


def _is_due(event: Event, now: datetime, group_wait: timedelta, quiet_until: datetime | None) -> bool:
    since, wait = event.at, timedelta() if _is_page(event) or quiet_until else group_wait
    if event.attempts and event.tried_at and not (quiet_until and event.tried_at < quiet_until):
        since, wait = event.tried_at, backoff(event.attempts)
    # The distance, not the order: a clock that was set back must not silence us until it is caught up with.
    return abs(now - since) >= wait
