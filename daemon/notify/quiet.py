"""What nobody is to be told now, and what nobody was to be told until a moment ago. Pure."""

from collections.abc import Iterable
from datetime import datetime

from daemon.domain.event import Event, Severity
from daemon.domain.restraint import Restraint, RestraintKind


def held_back(event: Event, restraints: Iterable[Restraint], now: datetime) -> bool:
    """Tell whether somebody has asked for quiet. The event stays where it is, and none is lost."""
    return any(r.holds_at(now) for r in restraints if covers(r, event))


def quiet_until(event: Event, restraints: Iterable[Restraint], now: datetime) -> datetime | None:
    """Return the end of the last quiet that kept an event from being told; None where there was none."""
    ends = (end(r) for r in restraints if covers(r, event))
    return max((e for e in ends if e is not None and event.at < e <= now), default=None)


def covers(restraint: Restraint, event: Event) -> bool:
    """Tell whether a restraint is about an event.

    A page about the whole fleet (the kill switch, a storm) is held back by a silence of the whole fleet alone: whoever
    pauses remedies wants to hear of these.
    """
    if not restraint.kind.forbids_telling or not restraint.concerns(event.endpoint):
        return False
    of_fleet = event.severity is Severity.PAGE and event.endpoint == ""
    return not of_fleet or restraint.kind is RestraintKind.SILENCE


def end(restraint: Restraint) -> datetime | None:
    """Return when a restraint ended, None where it goes on. One that was lifted before it began held back nothing."""
    ended = restraint.lifted_at or restraint.until
    return ended if ended is not None and ended > restraint.since else None
