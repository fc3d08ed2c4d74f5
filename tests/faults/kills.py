"""P2: the real daemon killed at every instant that has a name, started again, and nothing happened twice or not at all."""

from collections import Counter
from collections.abc import Iterator
from functools import partial

from daemon.telemetry.failpoint import POINTS
from tests.faults.ground import Ground
from tests.faults.plays import PLAYS, Play
from tests.faults.report import Case
from tests.faults.site import Site

DATABASES = ("sqlite", "postgresql")
TRIED = "SIGKILL at every failpoint x every remedy x both databases"
PASSINGS: dict[str, dict[str, int]] = {}
SHORT = frozenset()


def passings(play: Play, ground: Ground) -> Counter[str]:
    """Play undisturbed, and count how often the daemon passes each point."""
    with play.site(ground, "sqlite") as site:
        play.begin(site)
        log = site.folder / "passed"
        daemon = site.daemon(MLSTEWARD_FAILPOINTS_PASSED=str(log))
        with daemon:
            site.wait("the end", lambda: play.over(site))
            daemon.stop()
        play.check(site)
        return Counter(log.read_text().split())
