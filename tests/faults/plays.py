"""The four remedies as plays: how each begins, what it must do to the world, and what must be so at its end.

What is expected here comes from the issue and the design, and is written down by hand: what the daemon does undisturbed
is held against it as well as what it does when it is killed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from daemon.domain.remediation import Remedy, Standing
from daemon.domain.states import OPEN
from tests.faults.ground import Ground
from tests.faults.history import Rules
from tests.faults.site import DRIFT, ERRORS, Site

Done = list[tuple[str, object]]


@dataclass(frozen=True, slots=True)
class Play:
    """One remedy, from its proposal to its end."""

    name: str
    versions: int
    serves: int
    begin: Callable[[Site], None]
    done: Callable[[Site], Done]
    """Every effect on the world, in order."""
    ends: tuple[tuple[str, str], ...]
    """Remedy and last state of every remediation, oldest first."""
    traffic: dict[int, int]
    champion: int
    bad: frozenset[int] = frozenset()
    archives: str = "off"
    alone: bool = False
    """Versions share their files with nobody."""

    def site(self, ground: Ground, database: str, **more: Any) -> Site:
        mine: dict[str, Any] = {"alone": self.alone, "archives": self.archives}
        return Site(ground, database, **{"versions": self.versions, "serves": self.serves, **mine, **more})

    def rules(self, site: Site) -> Rules:
        path = (self.serves,) if self.champion == self.serves else (self.serves, self.champion)
        return Rules(bad=self.bad, aliases={f"{site.model}@champion": path})

    def over(self, site: Site) -> bool:
        """Whether everything has come to an end."""
        found = site.history()
        return len(found) >= len(self.ends) and not any(r.state in OPEN for r in found)

    def check(self, site: Site) -> None:
        """Hold what was done, and what is so, against what must be."""
        rules = self.rules(site)
        site.check(rules)
        assert site.ends() == list(self.ends), [(r.remedy.value, r.state.value, r.outcome) for r in site.history()]
        assert site.done(rules) == self.done(site), (site.done(rules), self.done(site))
        assert site.traffic() == self.traffic, site.traffic()
        assert site.champion() == self.champion, site.champion()


def _roll_back(site: Site) -> None:
    site.stands(1, Standing.GOOD)
    site.fires(ERRORS, version=2)
    site.propose(Remedy.ROLLBACK, to=1, from_version=2)


def _promote(site: Site) -> None:
    site.stands(1, Standing.GOOD)
    site.propose(Remedy.PROMOTE, to=2)


def _retrain(site: Site) -> None:
    site.stands(1, Standing.GOOD)
    site.fires(DRIFT, version=1)
    site.propose(Remedy.RETRAIN)


def _archive(site: Site) -> None:
    """The daemon finds the stale version by itself."""
    site.stands(2, Standing.GOOD)


PROMOTED: Done = [
    ("traffic", {1: 100, 2: 0}),
    ("traffic", {1: 50, 2: 50}),
    ("traffic", {1: 0, 2: 100}),
    ("alias", 2),
    ("traffic", {2: 100}),
]


def _archived(site: Site) -> Done:
    marks: Done = [("tag", "1:mlsteward.stale_since"), ("tag", "1:mlsteward.archived")]
    return [*marks, ("removal", site.artifacts(1))]


ROLLBACK = Play(
    "rollback",
    versions=2,
    serves=2,
    begin=_roll_back,
    done=lambda _: [("traffic", {1: 100}), ("alias", 1)],
    ends=(("rollback", "succeeded"),),
    traffic={1: 100},
    champion=1,
)
PROMOTE = Play(
    "promote",
    versions=2,
    serves=1,
    begin=_promote,
    done=lambda _: PROMOTED,
    ends=(("promote", "succeeded"),),
    traffic={2: 100},
    champion=2,
)
RETRAIN = Play(
    "retrain",
    versions=1,
    serves=1,
    begin=_retrain,
    done=lambda site: [("run", str(site.job)), *PROMOTED],
    ends=(("retrain", "succeeded"), ("promote", "succeeded")),
    traffic={2: 100},
    champion=2,
)
ARCHIVE = Play(
    "archive",
    versions=2,
    serves=2,
    begin=_archive,
    done=_archived,
    ends=(("archive", "succeeded"), ("archive", "succeeded")),
    traffic={2: 100},
    champion=2,
    archives="auto",
    alone=True,
)
PLAYS = {play.name: play for play in (RETRAIN, PROMOTE, ROLLBACK, ARCHIVE)}
