"""P3: a proxy spoils one call to a server, or every look for a while: the same end as ever, and nothing twice."""

from collections.abc import Iterator
from functools import partial

from tests.faults.ground import Ground
from tests.faults.plays import ARCHIVE, PLAYS, PROMOTE, RETRAIN, ROLLBACK, Play
from tests.faults.proxy import Fault
from tests.faults.report import Case, Tried

CALLS = "every fault of the wire x every call that changes something"
LOOKS = "every fault of the wire on all looks for a while"
PUT, RUN, ALIAS = r"^PUT .*/config$", r"^POST .*/run-now$", r"registered-models/alias$"
TAG, REMOVE = r"set-tag$", r"^DELETE .*/artifacts"
CHANGES: dict[str, tuple[tuple[str, str, int], ...]] = {
    ROLLBACK.name: (("traffic", PUT, 1), ("alias", ALIAS, 1)),
    PROMOTE.name: (("stage", PUT, 1), ("canary", PUT, 2), ("full", PUT, 3), ("alias", ALIAS, 1), ("retire", PUT, 4)),
    RETRAIN.name: (("run", RUN, 1),),
    ARCHIVE.name: (("mark", TAG, 1), ("tag", TAG, 2), ("remove", REMOVE, 1)),
}
"""Of each remedy, every call that changes something: its step, and how the proxy knows it."""
SHORT = {
    ("rollback", "traffic", Fault.LOSE),
    ("rollback", "alias", Fault.LOSE),
    ("promote", "canary", Fault.HANG),
    ("retrain", "run", Fault.LOSE),
    ("archive", "remove", Fault.GARBLE),
}
BLIND_LOOKS = 5
"""So many looks in a row are spoiled."""


def cases() -> Iterator[Tried]:
    for play in PLAYS.values():
        for step, pattern, nth in CHANGES[play.name]:
            for fault in Fault:
                run = partial(spoiled, play, pattern, nth, 1, fault)
                short = (play.name, step, fault) in SHORT
                yield Case("P3", CALLS, f"{play.name}, {step}: {fault}", run, short)
        for fault in Fault:
            run = partial(spoiled, play, r"^GET ", 2, BLIND_LOOKS, fault)
            yield Case("P3", LOOKS, f"{play.name}: {fault}", run)


def spoiled(play: Play, pattern: str, nth: int, times: int, fault: Fault, ground: Ground) -> None:
    """Play with the calls that the pattern finds spoiled, and hold the end against what it is undisturbed."""
    with play.site(ground, "sqlite") as site:
        play.begin(site)
        for proxy in (site.workspace, site.mlflow):
            proxy.spoil(pattern, fault, nth=nth, times=times)
        with site.daemon() as daemon:
            site.wait("the end", lambda: play.over(site))
            assert site.workspace.spoiled or site.mlflow.spoiled, "nothing was spoiled"
            play.check(site)
            assert "Traceback" not in daemon.log.read_text()
