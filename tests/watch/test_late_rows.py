"""Rows that come after their window was read."""

from datetime import timedelta

from daemon.domain.finding import Verdict
from daemon.domain.trail import Phase
from tests.watch.traffic import SETTLE, after, requests, window
from tests.watch.world import World

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def test_a_window_whose_rows_came_later_is_read_again_and_its_profile_replaced(world: World) -> None:
    world.live(range(3))
    rows = requests(3)
    world.log.write(rows[:60])
    assert world.look(at=after(3)).counted == 60
    world.log.write(rows[60:])
    again = world.look(at=after(3) + SETTLE)
    assert [p.window for p in again.profiles] == [window(3)]
    assert again.counted == 40
    assert [p.health.requests for p in world.profiles()] == [100] * 4


def test_its_trails_move_once(world: World) -> None:
    world.live(range(3))
    rows = requests(3, failed=1.0)
    for n in range(4):
        world.log.write(rows[25 * n : 25 * n + 25])
        world.look(at=after(3) + n * timedelta(minutes=1))
    assert world.profiles()[-1].health.errors_5xx == 100
    trail = world.trail("error_rate_5xx")
    assert trail.phase is Phase.PENDING
    assert trail.recent.count(Verdict.BREACH) == 1


def test_rows_that_come_after_the_overlap_change_nothing(world: World) -> None:
    world.log.write(requests(0)[:60])
    world.look(at=after(0))
    world.live(range(1, 6))
    world.log.write(requests(0)[60:])
    world.live([6])
    assert world.profiles()[0].health.requests == 60


def test_late_rows_of_a_version_that_no_longer_serves_do_not_cost_its_profile(world: World) -> None:
    rows = requests(3)
    world.live(range(3))
    world.log.write(rows[:60])
    world.look(at=after(3))
    world.deploy({2: 100})
    world.log.write(rows[60:])
    world.live([4], version=2)
    last = world.profiles()[-1]
    assert (last.window, last.health.requests) == (window(3), 100)
    assert int(last.columns["distance"].sum()) == 100


def test_the_versions_of_a_window_are_judged_beside_each_other_when_one_is_read_again(world: World) -> None:
    world.live(range(3))
    world.deploy({1: 50, 2: 50})
    world.traffic(3)
    rows = requests(3, version=2)
    world.log.write(rows[:60])
    world.look(at=after(3))
    world.log.write(rows[60:])
    again = world.look(at=after(3) + SETTLE)
    assert [(p.version, p.health.requests) for p in again.profiles] == [(1, 100), (2, 100)]
    assert again.counted == 40
