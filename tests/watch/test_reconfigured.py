"""A configuration that changes between two looks."""

from dataclasses import replace
from datetime import timedelta

from daemon.config.detection import Decide, Drift
from daemon.config.remedies import Modes
from daemon.domain.decision import Because
from daemon.domain.remediation import Mode
from daemon.domain.trail import Phase
from daemon.store import baselines
from tests.watch.world import FLIGHTS, World

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def fires_drift(world: World) -> None:
    world.live(range(3))
    world.live(range(3, 6), shift=60)
    assert world.trail("distance/ks").phase is Phase.FIRING


def test_what_fired_under_another_tolerance_begins_anew_at_the_next_look(world: World) -> None:
    fires_drift(world)
    world.end_proposals()
    world.change(drift=Drift(tolerance=0.7, psi=50.0))
    assert world.look().decision.because is Because.ALL_WELL
    assert world.trouble() == {}
    world.live(range(6, 12), shift=60)
    assert world.trouble() == {}
    assert len(world.proposals()) == 1


def test_more_windows_to_be_certain_send_back_what_fires_and_it_has_to_prove_itself_again(world: World) -> None:
    fires_drift(world)
    world.end_proposals()
    world.change(decide=Decide(breaches=4, of=6))
    for n, phase in ((6, Phase.PENDING), (7, Phase.PENDING), (8, Phase.PENDING), (9, Phase.FIRING)):
        world.live([n], shift=60)
        assert world.trail("distance/ks").phase is phase
    assert len(world.proposals()) == 2


def test_a_rule_about_drift_does_not_touch_what_was_found_about_health(world: World) -> None:
    world.live(range(3))
    world.live(range(3, 6), failed=0.5, shift=60)
    world.change(drift=world.settings[FLIGHTS].drift.model_copy(update={"tolerance": 0.29}))
    world.look()
    assert world.trail("error_rate_5xx").phase is Phase.FIRING
    assert world.trail("distance/ks").phase is Phase.INACTIVE


def test_another_baseline_begins_drift_anew_and_leaves_health(world: World) -> None:
    world.live(range(3))
    world.live(range(3, 6), failed=0.5, shift=60)
    known = world.baseline()
    assert known is not None
    with world.store.begin() as tx:
        baselines.save(tx, replace(known, id=None, source="a newer dataset"))
    world.look()
    assert world.trail("distance/ks").phase is Phase.INACTIVE
    assert world.trail("error_rate_5xx").phase is Phase.FIRING


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


def test_to_ask_for_more_good_windows_changes_nothing_about_what_fires(world: World) -> None:
    fires_drift(world)
    world.change(decide=world.settings[FLIGHTS].decide.model_copy(update={"good": 30}))
    world.live([6], shift=60)
    assert world.trail("distance/ks").phase is Phase.FIRING
