"""The history of what was done to the world, and the checks that it must stand, whatever went wrong meanwhile.

An effect is a call that changed something. A call that was refused, or that asked for what was so already, is none.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise


class Kind(StrEnum):
    TRAFFIC = "traffic"
    RUN = "run"
    ALIAS = "alias"
    TAG = "tag"
    REMOVAL = "removal"


@dataclass(frozen=True, slots=True)
class Call:
    """One call that was meant to change the world."""

    at: datetime
    kind: Kind
    subject: str
    """An endpoint; a job; a model with its alias; a model's version, with the tag's key."""
    wanted: object
    """Traffic as {version: percent}; the version an alias is to point at; the run's token; a tag's value."""
    granted: bool = True
    fresh: bool = True
    """For a run: whether this call started it, and not one before with the same token."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What the world looked like at the start, and what may be done to it."""

    deploys_in: timedelta = timedelta()
    """An update of an endpoint takes at least this long."""
    bad: Collection[int] = ()
    """Versions that were known bad before anything was done."""
    aliases: Mapping[str, Sequence[int | None]] = field(default_factory=dict)
    """Model and alias -> where it pointed at the start, and where it may be pointed, in order."""


def broken(history: Iterable[Call], rules: Rules) -> list[str]:
    """Return every way in which a history breaks the promises; none where it keeps them."""
    calls = sorted(history, key=lambda call: call.at)
    checks = (_overlaps, _traffic, _runs, _aliases, _once)
    return [trouble for check in checks for trouble in check(calls, rules)]


def effects(history: Iterable[Call], rules: Rules) -> list[Call]:
    """Return the calls that changed something, in order."""
    done: list[Call] = []
    points = {subject: planned[0] for subject, planned in rules.aliases.items()}
    for call in sorted(history, key=lambda call: call.at):
        if not call.granted or not call.fresh:
            continue
        if call.kind is Kind.ALIAS:
            if points.get(call.subject) == call.wanted:
                continue
            points[call.subject] = call.wanted  # type: ignore[assignment]
        if call.kind is Kind.TAG and any(_same(call, before) for before in done):
            continue
        done.append(call)
    return done


def _overlaps(calls: Sequence[Call], rules: Rules) -> Iterable[str]:
    """No update of an endpoint is asked for while another is under way."""
    for endpoint in _subjects(calls, Kind.TRAFFIC):
        asked = [c for c in calls if c.kind is Kind.TRAFFIC and c.subject == endpoint]
        yield from (f"{endpoint}: an update was asked for during another ({c.wanted})" for c in asked if not c.granted)
        for one, other in pairwise(c for c in asked if c.granted):
            if other.at - one.at < rules.deploys_in:
                yield f"{endpoint}: two updates overlap ({one.wanted}, {other.wanted})"


def _traffic(calls: Sequence[Call], rules: Rules) -> Iterable[str]:
    """Each update's traffic sums to 100, none of it goes to a version known bad, and no update is made twice."""
    updates = [c for c in calls if c.kind is Kind.TRAFFIC and c.granted]
    for call in updates:
        traffic = _percents(call)
        if sum(traffic.values()) != 100:
            yield f"{call.subject}: the traffic sums to {sum(traffic.values())} ({traffic})"
        if given := [v for v, percent in traffic.items() if percent and v in rules.bad]:
            yield f"{call.subject}: traffic for a version known bad ({given})"
    for endpoint in _subjects(calls, Kind.TRAFFIC):
        for one, other in pairwise(c for c in updates if c.subject == endpoint):
            if one.wanted == other.wanted:
                yield f"{endpoint}: the same update twice ({one.wanted})"


def _runs(calls: Sequence[Call], _: Rules) -> Iterable[str]:
    """A token starts one run, and each job is run under one token for each remediation."""
    started = Counter(str(c.wanted) for c in calls if c.kind is Kind.RUN and c.granted and c.fresh)
    yield from (f"token {token[:12]} started {n} runs" for token, n in started.items() if n > 1)


def _aliases(calls: Sequence[Call], rules: Rules) -> Iterable[str]:
    """An alias moves only as planned, in that order."""
    for subject, planned in rules.aliases.items():
        moves = [c.wanted for c in effects(calls, rules) if c.kind is Kind.ALIAS and c.subject == subject]
        if moves != list(planned[1 : len(moves) + 1]):
            yield f"{subject} was pointed at {moves}, where {list(planned[1:])} was planned"
    unplanned = {c.subject for c in calls if c.kind is Kind.ALIAS} - rules.aliases.keys()
    yield from (f"nobody planned to point {subject}" for subject in sorted(unplanned))


def _once(calls: Sequence[Call], _: Rules) -> Iterable[str]:
    """A tag keeps the value that it got, and artifacts are removed once."""
    for subject in _subjects(calls, Kind.TAG):
        values = {str(c.wanted) for c in calls if c.kind is Kind.TAG and c.subject == subject and c.granted}
        if len(values) > 1:
            yield f"{subject} was set to several values: {sorted(values)}"
    removed = Counter(c.subject for c in calls if c.kind is Kind.REMOVAL and c.granted)
    yield from (f"{subject} was removed {n} times" for subject, n in removed.items() if n > 1)


def _subjects(calls: Sequence[Call], kind: Kind) -> list[str]:
    return sorted({c.subject for c in calls if c.kind is kind})


def _same(one: Call, other: Call) -> bool:
    return (one.kind, one.subject, one.wanted) == (other.kind, other.subject, other.wanted)


def _percents(call: Call) -> dict[int, int]:
    assert isinstance(call.wanted, Mapping)
    return dict(call.wanted)
