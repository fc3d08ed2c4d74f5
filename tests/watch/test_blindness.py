"""Silence: told once it has lasted, and nothing is concluded from it."""

from dataclasses import replace
from datetime import timedelta

from daemon.domain.decision import Because
from daemon.domain.event import Severity
from daemon.domain.remediation import Remedy
from daemon.domain.trail import Phase
from tests.watch.traffic import START, after, requests
from tests.watch.world import World

HOUR = timedelta(hours=1)


def test_silence_is_told_once_and_concludes_nothing(world: World) -> None:
    world.live(range(3))
    world.live(range(3, 5), failed=0.5)
    trails = world.rows()["finding"]
    for minutes in range(0, 300, 10):
        seen = world.look(at=after(4) + timedelta(minutes=minutes))
    assert seen.decision.because is Because.BLIND
    assert world.rows()["finding"] == trails
    (event,) = world.events()
    assert (event.kind, event.severity) == ("watch.blind", Severity.WARNING)
    assert event.sentence.startswith("flights: nothing of what it serves has been seen since 2026-03-01 01:15:00")


def test_what_fires_is_not_acted_upon_while_nothing_is_seen(world: World) -> None:
    world.live(range(3))
    world.live(range(3, 5), shift=60)
    world.traffic(5, shift=60)
    seen = world.look(at=after(5) + 3 * HOUR)
    assert world.trail("distance/ks").phase is Phase.FIRING
    assert seen.decision.because is Because.BLIND
    assert world.proposals() == []


def test_when_rows_come_back_it_goes_on_where_it_was(world: World) -> None:
    world.live(range(3))
    world.live(range(3, 5), shift=60)
    world.look(at=after(4) + 6 * HOUR)
    world.live([40], shift=60)
    assert world.proposed() == [(Remedy.RETRAIN, 1, None)]
    world.look(at=after(40) + 6 * HOUR)
    assert world.told() == ["watch.blind"] * 2


def test_a_table_that_was_empty_from_the_start_is_told_of_once_it_has_lasted(world: World) -> None:
    for minutes in range(0, 300, 10):
        seen = world.look(at=START + timedelta(minutes=minutes))
        assert world.told() == (["watch.blind"] if minutes > 120 else [])
    assert seen.newest is None
    assert world.record() == []


def test_traffic_of_which_nobody_can_tell_who_answered_is_told_of(world: World) -> None:
    world.deploy({1: 50, 2: 50})
    for n in range(12):
        world.log.write(replace(row, entity="stranger") for row in requests(n))
        world.look(at=after(n))
    (event,) = world.events()
    assert event.kind == "watch.blind"
    assert "nobody can tell which version answered" in event.sentence


def test_a_version_that_gets_no_traffic_is_not_held_against_the_others(world: World) -> None:
    world.live(range(3))
    world.live(range(3, 6), shift=60)
    world.end_proposals()
    world.deploy({1: 1, 2: 99})
    for n in range(6, 20):
        seen = world.live([n], version=2)
    assert world.trail("distance/ks").phase is Phase.FIRING, "nothing was seen that would end it"
    assert seen.decision.because is Because.ALL_WELL
    assert len(world.proposals()) == 1
