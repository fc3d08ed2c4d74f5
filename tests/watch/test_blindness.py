"""Silence: told once it has lasted, and nothing is concluded from it."""

from dataclasses import replace
from datetime import timedelta

from daemon.domain.decision import Because
from daemon.domain.event import Severity
from daemon.domain.remediation import Remedy
from daemon.domain.trail import Phase
from tests.watch.traffic import START, after, requests, window
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


def test_when_rows_come_back_what_was_pending_begins_anew(world: World) -> None:
    world.live(range(3))
    world.live(range(3, 5), shift=60)
    world.look(at=after(4) + 6 * HOUR)
    world.live([40, 41], shift=60)
    assert world.trail("distance/ks").phase is Phase.PENDING
    assert world.proposals() == []
    world.live([42], shift=60)
    assert world.proposed() == [(Remedy.RETRAIN, 1, None)]


def test_when_rows_come_back_what_fired_goes_on_where_it_was(world: World) -> None:
    world.live(range(3))
    world.live(range(3, 6), shift=60)
    world.end_proposals()
    world.look(at=after(5) + 6 * HOUR)
    world.live([40], shift=60)
    assert [p.evidence["since"] for p in world.proposals()] == [window(3).start.isoformat()] * 2
    world.look(at=after(40) + 6 * HOUR)
    assert world.told() == ["watch.blind", "watch.sees_again", "watch.blind"]


def test_rows_that_come_later_than_what_counts_as_stale_are_told_of_once_and_never_acted_upon(world: World) -> None:
    world.live(range(3))
    for n in range(3, 20):
        world.traffic(n, shift=60, failed=0.5)
        world.look(at=after(n) + 3 * HOUR)
    assert world.trail("distance/ks").phase is Phase.FIRING
    assert (world.told(), world.proposals()) == (["watch.blind"], [])


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


def test_a_finding_on_a_version_that_gets_no_traffic_is_told_of_and_kept(world: World) -> None:
    world.live(range(3))
    world.live(range(3, 6), shift=60)
    world.end_proposals()
    world.deploy({1: 1, 2: 99})
    for n in range(6, 20):
        seen = world.live([n], version=2)
    assert world.trail("distance/ks").phase is Phase.FIRING, "nothing was seen that would end it"
    assert seen.decision.because is Because.BLIND
    assert "distance/ks of version 1" in seen.decision.sentence
    assert "without an answer since 2026-03-01 01:30:00 UTC" in seen.decision.sentence
    assert world.told() == ["endpoint.changed", "watch.blind"]
    assert len(world.proposals()) == 1


def test_what_is_healthy_on_a_version_that_gets_no_traffic_is_not_missed(world: World) -> None:
    world.live(range(3))
    world.deploy({1: 1, 2: 99})
    assert world.live(range(3, 20), version=2).decision.because is Because.ALL_WELL


def test_a_rollback_of_what_is_seen_does_not_wait_for_what_is_not(world: World) -> None:
    world.live(range(4))
    world.live(range(4, 7), shift=60)
    world.end_proposals()
    world.deploy({1: 1, 2: 99})
    world.live(range(7, 30), version=2, refused=0.3)
    assert world.proposed()[-1] == (Remedy.ROLLBACK, 2, 1)
