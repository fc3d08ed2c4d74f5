"""A clock that jumps, and a daemon that was away."""

from datetime import timedelta

import pytest

from daemon.config.detection import Watch
from daemon.domain.decision import Because
from daemon.domain.trail import Phase
from tests.watch.traffic import QUARTER, SETTLE, after, window
from tests.watch.world import AIR_TIME, FLIGHTS, Begin, World

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def test_a_day_forward_and_back_fires_nothing_and_hides_nothing(world: World) -> None:
    world.live(range(3))
    ahead = world.look(at=after(2) + DAY)
    assert ahead.decision.because is Because.BLIND
    assert (world.trouble(), world.watermark()) == ({}, window(2).end)
    assert world.live([3]).decision.because is Because.ALL_WELL
    assert [p.window for p in world.profiles()] == [window(n) for n in range(4)]
    assert sorted(world.told()) == ["watch.blind", "watch.sees_again"]
    assert world.proposals() == []


def test_a_day_back_and_forward_again_does_too(world: World) -> None:
    world.live(range(3))
    back = world.look(at=after(2) - DAY)
    assert (back.profiles, back.decision.because, back.newest) == ([], Because.BLIND, window(2).end)
    assert world.watermark() == window(2).end
    world.traffic(3)
    assert world.look(at=after(3) - DAY).profiles == []
    assert world.live([4]).counted == 200
    assert (sorted(world.told()), world.trouble()) == (["watch.blind", "watch.sees_again"], {})


DAYS = [DAY, -DAY]


@pytest.mark.parametrize("jump", DAYS, ids=["forward", "back"])
@pytest.mark.parametrize("bad", range(1, 4))
def test_a_clock_that_is_a_day_off_for_a_while_changes_no_finding(world: World, jump: timedelta, bad: int) -> None:
    """`bad` windows in breach before it jumps; it looks twice there, and comes back."""
    world.live(range(3))
    world.live(range(3, 3 + bad), shift=60, failed=0.5)
    world.end_proposals()
    trails, proposed = world.rows()["finding"], len(world.proposals())
    for minutes in (0, 5):
        world.look(at=after(2 + bad) + jump + timedelta(minutes=minutes))
        if jump > timedelta():
            assert len(world.proposals()) == proposed, "what it shows is a day old, as far as anybody can tell"
        world.end_proposals()
    assert world.rows()["finding"] == trails
    world.live(range(3 + bad, 7), shift=60, failed=0.5)
    assert world.trail("distance/ks").phase is Phase.FIRING
    assert world.trail("distance/ks").since == window(3).start
    world.live(range(7, 10))
    assert world.trouble() == {}


@pytest.mark.parametrize("jump", DAYS, ids=["forward", "back"])
def test_a_clock_that_is_a_day_off_resolves_nothing(world: World, jump: timedelta) -> None:
    world.live(range(3))
    world.live(range(3, 6), shift=60)
    world.live(range(6, 8))
    assert world.trail("distance/ks").phase is Phase.CLEARING
    for minutes in range(0, 60, 5):
        world.look(at=after(7) + jump + timedelta(minutes=minutes))
    assert world.trail("distance/ks").phase is Phase.CLEARING
    world.live([8])
    assert world.trail("distance/ks").phase is Phase.RESOLVED


def test_the_time_a_daemon_was_away_does_not_count_as_trouble(begin: Begin) -> None:
    """Two windows in breach, then it is away for three hours without any traffic, then one more."""
    world = catching_up(begin)
    world.live(range(3, 5), shift=60)
    world.live([17], shift=60)
    assert world.trail("distance/ks").phase is Phase.PENDING
    assert world.trail("distance/ks").since == window(17).start
    assert world.proposals() == []


def test_after_a_restart_no_look_tells_or_moves_anything_again(world: World) -> None:
    world.live(range(4))
    world.live(range(4, 8), failed=0.5, nulls=0.6)
    rows = world.rows()
    for _ in range(3):
        world.look()
    assert world.rows() == rows


def test_rows_from_the_future_wait_for_their_time(world: World) -> None:
    world.traffic(50)
    world.live(range(3))
    assert world.watermark() == window(2).end
    assert world.look(at=after(50)).counted == 100


def catching_up(begin: Begin, **rules: object) -> World:
    watch = Watch(window=QUARTER, settle=SETTLE, interval=SETTLE, overlap=HOUR, stale_after=HOUR, rows=200, catch_up=5)
    world = begin(watch=watch, **rules)
    world.live(range(3))
    return world


def test_windows_are_caught_up_with_oldest_first_a_few_a_look(begin: Begin) -> None:
    world = catching_up(begin)
    for n in range(3, 15):
        world.traffic(n)
    read = []
    for minute in range(4):
        seen = world.look(at=after(14) + timedelta(minutes=minute))
        read.append([p.window for p in seen.profiles])
    assert read == [
        [window(n) for n in range(3, 8)],
        [window(n) for n in range(8, 13)],
        [window(n) for n in range(13, 15)],
        [],
    ]
    assert [p.window for p in world.profiles()] == [window(n) for n in range(15)]
    assert world.told() == [], "nobody is blind who has yet to read"


def test_old_news_is_not_acted_upon(begin: Begin) -> None:
    world = catching_up(begin)
    for n in range(3, 15):
        world.traffic(n, shift=60 if n < 9 else 0, failed=0.5 if n < 9 else 0)
    decisions = [world.look(at=after(14) + n * timedelta(minutes=1)).decision.because for n in range(4)]
    assert decisions == [Because.BEHIND, Because.BEHIND, Because.ALL_WELL, Because.ALL_WELL]
    assert (world.proposals(), world.told(), world.trouble()) == ([], [], {})


def test_what_still_fires_when_all_is_read_is_acted_upon(begin: Begin) -> None:
    world = catching_up(begin)
    for n in range(3, 15):
        world.traffic(n, shift=60)
    for minute in range(3):
        assert world.proposals() == []
        world.look(at=after(14) + timedelta(minutes=minute))
    world.look(at=after(14) + timedelta(minutes=3))
    assert [p.evidence["since"] for p in world.proposals()] == [window(3).start.isoformat()]


def test_two_endpoints_that_fail_while_the_daemon_is_away_are_upstream_trouble(begin: Begin) -> None:
    world = catching_up(begin)
    world.live(range(3), name=AIR_TIME)
    world.deploy({2: 100})
    for n in range(3, 7):
        world.traffic(n, version=2, failed=0.5)
        world.traffic(n, name=AIR_TIME, failed=0.5)
    for minute in (0, 5):
        for name in (FLIGHTS, AIR_TIME):
            world.look(name, at=after(6) + timedelta(minutes=minute))
    assert world.proposals() == []
    assert [e.kind for e in world.events() if e.severity == "page"] == ["incident.upstream"]
