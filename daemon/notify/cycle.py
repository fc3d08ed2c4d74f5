"""One message: the most urgent group of undelivered events in, what became of it recorded."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from daemon.config.settings import Notify
from daemon.domain.event import Event, Severity
from daemon.domain.restraint import RestraintKind
from daemon.notify.group import backoff, due, given_up, loudest, missing
from daemon.notify.quiet import held_back, quiet_until
from daemon.notify.render import render
from daemon.ports import Channel
from daemon.store import events, restraints
from daemon.store.engine import Store
from daemon.telemetry.log import Logger
from daemon.telemetry.metrics import Metrics

MOST_EVENTS = 10_000
Hints = Callable[[Event], Sequence[str]]
"""What a person can do about an event, asked for when it is sent."""
NO_HINTS: Hints = lambda _: ()  # noqa: E731 - a constant
QUIET = [kind for kind in RestraintKind if kind.forbids_telling]


def run(
    store: Store,
    channels: Sequence[Channel],
    settings: Notify,
    metrics: Metrics,
    log: Logger,
    *,
    now: datetime,
    hints: Hints = NO_HINTS,
) -> bool:
    """Send the first group that is due to every channel that wants it. Tell whether there was one.

    1. What somebody's wish for quiet holds back stays where it is.
    2. The attempt is recorded before anything is sent: what breaks here waits its turn, and others go first.
    3. What a channel took is recorded before the next one is asked: a restart repeats nothing that was recorded.
    4. What every wanting channel took, or what is given up, is delivered and never looked at again.
    """
    with store.read() as tx:
        pending = events.due(tx, MOST_EVENTS)
        asked = restraints.since(tx, QUIET, pending[0].at) if pending else []
    metrics.events_seen(len(pending))

    def quiet(event: Event) -> datetime | None:
        return quiet_until(event, asked, now)

    told = [event for event in pending if not held_back(event, asked, now)]
    group = next(iter(due(told, now=now, group_wait=settings.group_wait, quiet=quiet)), None)
    if group is None:
        return False
    with store.begin() as tx:
        group = [events.attempted(tx, event, now) for event in group]
    floors = _floors(channels, settings)
    group = _send(group, channels, floors, store, metrics, log, hints)
    ended = [
        e for e in group if not missing(e, floors) or given_up(e, now=now, after=settings.give_up_after, quiet=quiet)
    ]
    with store.begin() as tx:
        for event in ended:
            events.delivered(tx, event, now)
    for event in ended:
        _tell_how_it_ended(event, missing(event, floors), metrics, log)
    metrics.events_seen(len(pending) - len(ended))
    return True


def _send(
    group: Sequence[Event],
    channels: Sequence[Channel],
    floors: Mapping[str, Severity],
    store: Store,
    metrics: Metrics,
    log: Logger,
    hints: Hints,
) -> list[Event]:
    """Give each channel what it wants and does not have, and return the events as they are then."""
    for channel in channels:
        untold = [event for event in group if channel.name in missing(event, floors)]
        if untold and _took(channel, untold, metrics, log, hints):
            with store.begin() as tx:
                told = {e.id: events.taken(tx, e, channel.name) for e in untold}
            group = [told.get(event.id, event) for event in group]
    return list(group)


def _floors(channels: Sequence[Channel], settings: Notify) -> dict[str, Severity]:
    """Return the channels by name, each with the severity from which it wants events."""
    named = {channel.name: Severity(channel.at_least) for channel in settings.channels}
    return {channel.name: named.get(channel.name, Severity.INFO) for channel in channels}


def _took(channel: Channel, group: Sequence[Event], metrics: Metrics, log: Logger, hints: Hints) -> bool:
    title, body = render(group, {event.id: hints(event) for event in group})
    try:
        channel.send(title, body, loudest(group))
    except Exception as error:
        # Broad, and even where asking again is said not to help: one broken channel must not silence the others,
        # and whoever mends it wants to hear what was missed.
        wait = backoff(min(event.attempts for event in group))
        log.warning(
            f"not delivered, tried again in {wait.total_seconds():g} s: {error}",
            channel=channel.name,
            title=title,
            kind=type(error).__name__,
        )
        metrics.notification_ended(channel.name, "failed")
        return False
    log.info(f"{channel.name} was told: {title}", channel=channel.name, events=len(group))
    metrics.notification_ended(channel.name, "delivered")
    return True


def _tell_how_it_ended(event: Event, never_took: Sequence[str], metrics: Metrics, log: Logger) -> None:
    for channel in never_took:
        log.error(
            f"{channel} never took an event, which is given up: {event.sentence}",
            channel=channel,
            event_id=event.id,
            attempts=event.attempts,
        )
        metrics.notification_ended(channel, "given_up")
    if not never_took and not event.taken:
        log.info(f"no channel wants an event, which stays in the record: {event.sentence}", event_id=event.id)
