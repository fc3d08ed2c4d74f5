"""A configuration that changes between two looks."""

from datetime import timedelta

from daemon.config.detection import Decide, Drift
from daemon.config.remedies import Modes
from daemon.domain.decision import Because
from daemon.domain.remediation import Mode
from daemon.domain.trail import Phase
from tests.watch.world import FLIGHTS, World

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def test_a_wider_tolerance_ends_what_fired_under_the_old_one(world: World) -> None:
    world.live(range(3))
    world.live(range(3, 6), shift=60)
    assert world.trail("distance/ks").phase is Phase.FIRING
    world.change(drift=Drift(tolerance=0.7, psi=50.0))
    world.live(range(6, 9), shift=60)
    assert world.trail("distance/ks").phase is Phase.RESOLVED


def test_a_column_that_is_ignored_from_now_on_has_no_trail(world: World) -> None:
    world.live(range(3))
    world.live(range(3, 6), shift=60)
    world.change(drift=world.settings[FLIGHTS].drift.model_copy(update={"ignore": ("distance", "prediction")}))
    assert world.live([6], shift=60).decision.because is Because.ALL_WELL
    assert world.trouble() == {}


def test_a_remedy_that_is_switched_on_acts_on_what_already_fires(world: World) -> None:
    world.change(mode=Modes(retrain=Mode.OFF))
    world.live(range(3))
    world.live(range(3, 6), shift=60)
    assert world.proposals() == []
    world.change(mode=Modes(retrain=Mode.AUTO))
    world.look()
    assert len(world.proposals()) == 1


def test_shorter_windows_are_read_anew_once(world: World) -> None:
    world.live(range(6))
    five = timedelta(minutes=5)
    world.change(watch=world.settings[FLIGHTS].watch.model_copy(update={"window": five, "catch_up": 99}))
    seen = world.look()
    assert {p.window.length for p in seen.profiles} == {five}
    assert len(seen.profiles) == 12, "the overlap of an hour"
    rows = world.rows()
    assert world.look().profiles == []
    assert world.rows() == rows
    assert world.trouble() == {}


def test_stricter_rules_for_windows_do_not_stumble_over_shorter_trails(world: World) -> None:
    world.live(range(3))
    world.live(range(3, 6), failed=0.5)
    world.change(decide=Decide(breaches=8, of=10, clear=2, good=9))
    world.live([6])
    assert world.trail("error_rate_5xx").phase is Phase.FIRING
    world.live([7])
    assert world.trail("error_rate_5xx").phase is Phase.RESOLVED
