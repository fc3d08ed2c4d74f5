"""Rows that come after their window was read."""

from datetime import timedelta

from daemon.domain.decision import Because
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


def test_a_window_whose_rows_all_come_late_counts_as_soon_as_it_can_be_told(world: World) -> None:
    """Each window is seen half empty first: were that its only reading, trouble would stay hidden for ever."""
    world.live(range(3))
    for n in range(3, 6):
        rows = requests(n, shift=60)
        world.log.write(rows[:4])
        world.look(at=after(n))
        assert world.trail("distance/ks").last.verdict is Verdict.INCONCLUSIVE
        world.log.write(rows[4:])
        world.look(at=after(n) + SETTLE)
    assert world.trail("distance/ks").phase is Phase.FIRING
    assert len(world.proposals()) == 1


def test_late_rows_that_take_back_what_the_newest_window_showed_keep_anything_from_being_begun(world: World) -> None:
    world.live(range(4))
    world.deploy({2: 100})
    world.live(range(4, 6), version=2, failed=0.5)
    world.log.write(requests(6, 2, count=60, name="early", failed=0.5))
    world.look(at=after(6))
    world.end_proposals()
    world.log.write(requests(6, 2, count=6000, name="late"))
    seen = world.look(at=after(6) + SETTLE)
    assert world.trail("error_rate_5xx", 2).phase is Phase.FIRING, "a window counts once"
    assert seen.decision.because is Because.NOT_YET
    assert len(world.proposals()) == 1


def test_late_rows_neither_fire_nor_resolve_anything_twice(world: World) -> None:
    world.live(range(3))
    world.live(range(3, 5), shift=60)
    for _ in range(5):
        world.log.write(requests(4, name=f"late {world.now}", count=50, shift=60))
        world.look(at=world.now + timedelta(minutes=1))
    assert world.trail("distance/ks").phase is Phase.PENDING
    world.live([5], shift=60)
    world.live(range(6, 8))
    for _ in range(5):
        world.log.write(requests(7, name=f"late {world.now}", count=50))
        world.look(at=world.now + timedelta(minutes=1))
    assert world.trail("distance/ks").phase is Phase.CLEARING
    assert world.trail("distance/ks").cleared == 2


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
