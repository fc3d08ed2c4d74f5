"""P4: two daemons on one PostgreSQL; the leader freezes in the middle of a step, and the other takes over."""

from collections.abc import Iterator
from functools import partial

from tests.faults.ground import Ground
from tests.faults.kills import passings
from tests.faults.plays import PLAYS, ROLLBACK, Play
from tests.faults.report import Case, Family, Tried

TRIED = "the leader frozen at an instant past its lease, another takes over, the old one wakes up"
POINTS = ("after_intent", "before_call", "after_call", "after_answer", "before_move")
SHORT = (("rollback", "before_call", 1, "late"), ("retrain", "after_call", 1, "soon"))
"""When the old one wakes up: as soon as the other leads, which does not act yet; or once the other has done it all."""


def cases() -> Iterator[Tried]:
    for name, point, n, wakes in SHORT:
        yield _case(PLAYS[name], point, n, wakes)
    for play in PLAYS.values():
        yield Family("P4", TRIED, partial(_others, play))
    yield Case("P4", "two daemons started at once", "rollback", both_at_once, short=True)


def _others(play: Play, ground: Ground) -> Iterator[Case]:
    seen = passings(play, ground)
    for point in POINTS:
        for n in range(1, seen[point] + 1):
            wakes = ("soon", "late")[n % 2]
            if (play.name, point, n, wakes) not in SHORT:
                yield _case(play, point, n, wakes)


def _case(play: Play, point: str, n: int, wakes: str) -> Case:
    short = (play.name, point, n, wakes) in SHORT
    name = (
        f"{play.name}, {point} {n}, it wakes {'when all is done' if wakes == 'late' else 'as soon as it is replaced'}"
    )
    return Case("P4", TRIED, name, partial(frozen, play, point, n, wakes), short)


def frozen(play: Play, point: str, n: int, wakes: str, ground: Ground) -> None:
    """Freeze the leader, let the other do the work, wake the first one up: it ends, and has done nothing more."""
    with play.site(ground, "postgresql") as site:
        play.begin(site)
        second = site.daemon(name="second", kept=True)
        with site.frozen(point, n, name="first") as first:
            second.spawn()
            site.wait("the other to lead", lambda: bool(site.events("lease.taken_over")))
            if wakes == "late":
                site.wait("the end", lambda: play.over(site))
        site.wait("the first to end", lambda: first.ended is not None)
        site.wait("the end", lambda: play.over(site))
        play.check(site)
        assert "Traceback" not in second.log.read_text()


def both_at_once(ground: Ground) -> None:
    """Start both at once: one leads, the other stands by, and everything is done once."""
    play = ROLLBACK
    with play.site(ground, "postgresql") as site:
        play.begin(site)
        both = [site.daemon(name=name, kept=True) for name in ("first", "second")]
        for one in both:
            one.spawn()
        site.wait("the end", lambda: play.over(site))
        play.check(site)
        site.wait("both to be there", lambda: all("listening=" in one.log.read_text() for one in both))
        assert sum(" watches " in one.log.read_text() for one in both) == 1
