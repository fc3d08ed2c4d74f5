"""Does an endpoint turn callers away whom its inference table never sees? Both sources, held side by side. Pure.

The gauges tell of single minutes and the table of whole windows. So no rates are compared: where the minutes that were
told of hold more refusals than the table has in the whole window around them, the rest is in no table.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from daemon.config.endpoint import EndpointSettings
from daemon.domain.sample import HealthCount
from daemon.domain.sources import EndpointMetrics, Sources, TableCount
from daemon.domain.window import Window

MINUTE = timedelta(minutes=1)
MOST_READINGS = 1000
LEAST = 10
"""Refusals fewer than this may be one caller's slip."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Refusals that the endpoint tells of and its table does not hold, over some windows."""

    since: datetime
    until: datetime
    unseen: int
    """At least so many."""
    told: float
    """Refusals that the endpoint told of."""
    held: int
    """Refusals that the table holds in these windows, whole."""
    requests: float
    """Requests that the endpoint told of."""
    minutes: int
    """Minutes that it told of: of the others nothing is known."""
    matters: bool
    """Enough of them to tell somebody."""
    calm: bool
    """The newest windows have none that matter: what was told is over."""


def hear(before: Sources, said: EndpointMetrics | None, counts: Sequence[HealthCount], *, now: datetime) -> Sources:
    """Add what a look heard from both. A minute that was heard of before counts once."""
    readings = before.readings
    if said is not None:
        heard = replace(said, at=said.at or now)
        if heard.at not in {one.at for one in readings}:
            readings = (*readings, heard)[-MOST_READINGS:]
    newest = max((count.window for count in counts if count.requests), default=None)
    return Sources(readings, before.table if newest is None else _in_table(newest, counts))


def forget(sources: Sources, windows: Sequence[Window]) -> Sources:
    """Drop the readings that no later look will hold against a window."""
    first = min((window.start for window in windows), default=None)
    newest = sources.readings[-1:]
    kept = [one for one in sources.readings if first is None or (one.at is not None and one.at >= first)]
    return replace(sources, readings=tuple(kept) or newest)


def refused(
    sources: Sources, windows: Sequence[Window], counts: Sequence[HealthCount], settings: EndpointSettings
) -> Refused | None:
    """Hold the newest settled windows with a reading against the table; None where nothing can be told.

    A window of which the table lacks what was not refused either is left out: it is late, or only a share is logged.
    """
    judged = [one for window in sorted(windows) if (one := _judged(window, sources.readings, counts)) is not None]
    lately = judged[-settings.decide.of :]
    if not lately:
        return None
    newest = _sum(judged[-settings.decide.clear :], settings)
    return replace(_sum(lately, settings), calm=len(judged) >= settings.decide.clear and not newest.matters)


def said(found: Refused, metrics: EndpointMetrics | None) -> str:
    """Say what both sources saw, and what that may be."""
    hours = f"{found.since:%F %H:%M} and {found.until:%H:%M} UTC"
    now = _load(metrics) if metrics else ""
    return (
        f"at least {found.unseen} requests were refused that its inference table does not hold. By its own metrics, "
        f"{found.told:g} were answered with 4xx in the {found.minutes} minutes that they told of between {hours}; the "
        f"table has {found.held} in all that time. Who is turned away before a model is asked would look so: callers "
        f"whose credentials are refused (401, 403), a rate limit, or too little capacity (429){now}. No version is "
        "judged by it, and nothing is done"
    )


def _load(metrics: EndpointMetrics) -> str:
    told = (
        ("CPU at", metrics.cpu_percent, " %"),
        ("memory at", metrics.memory_percent, " %"),
        ("a provisioned concurrency of", metrics.provisioned_concurrency, ""),
    )
    words = ", ".join(f"{name} {number:.3g}{unit}" for name, number, unit in told if number is not None)
    return f". It now has {words}" if words else ""


def _judged(window: Window, readings: Iterable[EndpointMetrics], counts: Sequence[HealthCount]) -> Refused | None:
    # gauges lag by up to a minute: one at an edge may tell of the neighbour
    within = [r for r in readings if r.at is not None and window.start + 2 * MINUTE <= r.at <= window.end - MINUTE]
    told = [r for r in within if r.errors_4xx is not None and r.requests is not None]
    if not told:
        return None
    there = _in_table(window, counts)
    errors, requests = sum(r.errors_4xx or 0 for r in told), sum(r.requests or 0 for r in told)
    if there.requests < requests - errors:
        return None
    unseen = max(0, int(errors) - there.errors_4xx)
    return Refused(window.start, window.end, unseen, errors, there.errors_4xx, requests, len(told), False, False)


def _sum(judged: Sequence[Refused], settings: EndpointSettings) -> Refused:
    told, requests = sum(one.told for one in judged), sum(one.requests for one in judged)
    unseen = sum(one.unseen for one in judged)
    # whether those who are turned away are among the requests that are told of is not known
    share = unseen / max(told, requests, 1)
    return Refused(
        judged[0].since,
        judged[-1].until,
        unseen,
        told,
        sum(one.held for one in judged),
        requests,
        sum(one.minutes for one in judged),
        matters=unseen >= LEAST and share > settings.health.errors,
        calm=False,
    )


def _in_table(window: Window, counts: Iterable[HealthCount]) -> TableCount:
    mine = [count for count in counts if count.window == window]
    return TableCount(
        window, sum(c.requests for c in mine), sum(c.errors_4xx for c in mine), sum(c.errors_5xx for c in mine)
    )
