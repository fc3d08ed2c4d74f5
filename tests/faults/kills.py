"""P2: the real daemon killed at every instant that has a name, started again: each effect once, and the right end."""

from collections import Counter
from collections.abc import Iterator
from functools import partial

from tests.faults.ground import Ground
from tests.faults.plays import PLAYS, Play
from tests.faults.report import Case, Family, Tried

DATABASES = ("sqlite", "postgresql")
TRIED = "SIGKILL of the daemon at every failpoint x every remedy x both databases, and a restart"
SHORT = (
    ("retrain", "sqlite", "after_intent", 1),
    ("retrain", "postgresql", "before_call", 1),
    ("retrain", "sqlite", "after_call", 1),
    ("promote", "postgresql", "after_call", 3),
    ("promote", "sqlite", "after_answer", 2),
    ("promote", "postgresql", "after_close", 4),
    ("rollback", "sqlite", "after_call", 1),
    ("rollback", "postgresql", "before_move", 3),
    ("rollback", "sqlite", "after_move", 1),
    ("archive", "postgresql", "after_call", 2),
    ("archive", "sqlite", "before_call", 4),
)
"""Each point, each remedy and each database at least once; the calls that matter most first."""


def cases() -> Iterator[Tried]:
    for name, database, point, n in SHORT:
        yield _case(PLAYS[name], database, point, n)
    for play in PLAYS.values():
        yield Family("P2", TRIED, partial(_others, play))


def _others(play: Play, ground: Ground) -> Iterator[Case]:
    """Return a case for each passing that occurs, but for those of the short form."""
    for point, times in passings(play, ground).items():
        for n in range(1, times + 1):
            for database in DATABASES:
                if (play.name, database, point, n) not in SHORT:
                    yield _case(play, database, point, n)


def _case(play: Play, database: str, point: str, n: int) -> Case:
    short = (play.name, database, point, n) in SHORT
    return Case("P2", TRIED, f"{play.name}, {database}, {point} {n}", partial(killed, play, database, point, n), short)


def passings(play: Play, ground: Ground) -> Counter[str]:
    """Return how often the daemon passes each point where nothing disturbs it."""
    return ground.once(f"passings of {play.name}", partial(_undisturbed, play, ground))


def _undisturbed(play: Play, ground: Ground) -> Counter[str]:
    with play.site(ground, "sqlite") as site:
        play.begin(site)
        log = site.folder / "passed"
        with site.daemon(MLSTEWARD_FAILPOINTS_PASSED=str(log)):
            site.wait("the end", lambda: play.over(site))
        play.check(site)
        return Counter(log.read_text().split())


def killed(play: Play, database: str, point: str, n: int, ground: Ground) -> None:
    """Kill it at the n-th passing of a point, start it again, and hold the end against what it must be."""
    with play.site(ground, database) as site:
        play.begin(site)
        site.killed(point, n, over=lambda: play.over(site))
        with site.daemon(kept=True) as second:
            site.wait("the end", lambda: play.over(site))
            play.check(site)
            assert "Traceback" not in second.log.read_text()
