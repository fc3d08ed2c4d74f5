"""P8: a person deploys, or moves the alias, at every instant of a remedy: he is in charge from then on."""

from collections.abc import Callable, Iterator
from functools import partial

from daemon.domain.remediation import State
from daemon.domain.restraint import RestraintKind
from tests.faults.ground import Ground
from tests.faults.history import Kind
from tests.faults.kills import passings
from tests.faults.plays import PROMOTE, ROLLBACK, Play
from tests.faults.report import Case, Family, Tried
from tests.faults.site import Site

TRIED = "a person deploys at an instant of a remedy"
ALIASED = "a person moves the alias before the daemon does"
HIS = 3
"""The version that he wants, and that no plan has heard of."""
SHORT = (("rollback", "before_call", 1), ("promote", "after_call", 2))


def cases() -> Iterator[Tried]:
    for play in (ROLLBACK, PROMOTE):
        for point, n in [(point, n) for name, point, n in SHORT if name == play.name]:
            yield _case(play, point, n)
        yield Family("P8", TRIED, partial(_others, play))
    yield Case("P8", ALIASED, "rollback, after the traffic", partial(moved_by_hand, ROLLBACK, 1), short=True)
    yield Case("P8", ALIASED, "promote, during the canary", partial(moved_by_hand, PROMOTE, 4))


def _others(play: Play, ground: Ground) -> Iterator[Case]:
    """Return a case for each instant but the last move: from then on it is over, and his deed is another story."""
    for point, times in passings(play, ground).items():
        last = times - (point in ("before_move", "after_move"))
        for n in range(1, last + 1):
            if (play.name, point, n) not in SHORT:
                yield _case(play, point, n)


def _case(play: Play, point: str, n: int) -> Case:
    short = (play.name, point, n) in SHORT
    return Case("P8", TRIED, f"{play.name}, {point} {n}", partial(deployed_by_hand, play, point, n), short)


def deployed_by_hand(play: Play, point: str, n: int, ground: Ground) -> None:
    """Freeze the daemon, deploy, and let it go on: the plan is superseded, automation is held, nothing more is done."""

    def deploy(site: Site) -> None:
        site.control.wait_until_deployed(site.endpoint, deadline_seconds=60)
        site.deploy_by_hand(HIS)

    done = _interfere(play, point, n, deploy, ground)
    his = done.index((Kind.TRAFFIC, {HIS: 100}))
    # the workspace's log comes first, the registry's after it
    assert not [kind for kind, _ in done[his + 1 :] if kind is Kind.TRAFFIC], done


def moved_by_hand(play: Play, n: int, ground: Ground) -> None:
    """The same with the alias, at the n-th close of a step."""
    done = _interfere(play, "after_close", n, lambda site: site.point("champion", HIS), ground)
    assert (Kind.ALIAS, play.champion) not in done, done


def _interfere(
    play: Play, point: str, n: int, deed: Callable[[Site], None], ground: Ground
) -> list[tuple[Kind, object]]:
    """Return every call that was made, his among them, once the daemon has stood back."""
    with play.site(ground, "sqlite", versions=HIS) as site:
        play.begin(site)
        with site.frozen(point, n):
            deed(site)
        site.wait("it to stand back", lambda: site.states()[-1] is State.SUPERSEDED)
        held = [r.kind for r in site.restraints()]
        assert held == [RestraintKind.HOLD], (held, [(r.state, r.outcome) for r in site.history()])
        assert site.events("endpoint.held")
        return [(call.kind, call.wanted) for call in site.calls()]
