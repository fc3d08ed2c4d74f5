"""What two replays of one stretch of time say differently. Pure."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import TypeVar

from daemon.replay.outcome import Decided, Episode, Outcome, Proposed

Said = TypeVar("Said")
CALM = "nothing"


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that only one of them says, or that they say at another time. Empty: it does not say it at all."""

    what: str
    ours: str
    theirs: str


@dataclass(frozen=True, slots=True)
class Apart:
    """A stretch of time in which they decide differently."""

    since: datetime
    until: datetime
    ours: str
    theirs: str


def differences(ours: Outcome, theirs: Outcome) -> list[Difference]:
    """Return what was found and what would have been done, where the two differ."""
    return [
        *_compared(ours.episodes, theirs.episodes, lambda e: f"finding {e.id}", _trouble),
        *_compared(ours.proposed, theirs.proposed, _remedy, _progress),
    ]


def apart(ours: Outcome, theirs: Outcome) -> list[Apart]:
    """Return the stretches in which they decide differently, by action and reason."""
    moments = sorted({d.at for d in (*ours.decisions, *theirs.decisions)} | {max(ours.until, theirs.until)})
    found: list[Apart] = []
    for since, until in pairwise(moments):
        a, b = (_at(of.decisions, since) for of in (ours, theirs))
        if a == b:
            continue
        if found and (found[-1].until, found[-1].ours, found[-1].theirs) == (since, a, b):
            since = found.pop().since
        found.append(Apart(since, until, a, b))
    return found


def _at(decisions: Sequence[Decided], moment: datetime) -> str:
    last = [d for d in decisions if d.at <= moment]
    return f"{last[-1].action} ({last[-1].because.replace('_', ' ')})" if last else CALM


def _compared(
    ours: Iterable[Said], theirs: Iterable[Said], name: Callable[[Said], str], words: Callable[[Said], str]
) -> Iterator[Difference]:
    """Compare the n-th of each name with the n-th of the same name."""
    a, b = (_numbered(said, name) for said in (ours, theirs))
    for key in sorted({*a, *b}):
        one, other = (words(said[key]) if key in said else "" for said in (a, b))
        if one != other:
            yield Difference(key[0] if key[1] == 1 else f"{key[0]}, time {key[1]}", one, other)


def _numbered(said: Iterable[Said], name: Callable[[Said], str]) -> dict[tuple[str, int], Said]:
    found: dict[tuple[str, int], Said] = {}
    for one in said:
        n = 1 + sum(known == name(one) for known, _ in found)
        found[name(one), n] = one
    return found


def _trouble(one: Episode) -> str:
    return f"{one.believed_at:%F %H:%M} to {f'{one.over_at:%F %H:%M}' if one.over_at else 'the end'}"


def _remedy(one: Proposed) -> str:
    to = f" to version {one.to_version}" if one.to_version is not None else ""
    return f"{one.remedy} of version {one.from_version}{to}"


def _progress(one: Proposed) -> str:
    held = ", ".join(g.guard for g in one.held_up_by)
    through = f"let through {one.let_through_at:%F %H:%M}" if one.let_through_at else f"held up by {held or 'nothing'}"
    return f"proposed {one.proposed_at:%F %H:%M}, {through}"
