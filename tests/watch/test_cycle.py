"""One endpoint, look by look: what is read, what is counted, and what is written down."""

from datetime import timedelta

import pytest

from daemon.domain.decision import Because
from daemon.domain.finding import Cause, Verdict
from daemon.domain.remediation import Standing
from daemon.domain.trail import Phase
from daemon.ports import PlatformError
from daemon.store.engine import StoreError
from tests.watch.traffic import MODEL, after, window
from tests.watch.world import Begin, World

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def test_calm_traffic_fires_nothing_and_proves_the_version_after_three_windows(world: World) -> None:
    for n in range(5):
        seen = world.live([n])
        assert [v.standing for v in world.record()] == ([] if n < 2 else [Standing.GOOD])
        assert world.watermark() == window(n).end
    assert seen.decision.because is Because.ALL_WELL
    assert {f.verdict for f in seen.findings} == {Verdict.HEALTHY}
    assert world.record()[0].set_at == window(4).end
    assert (world.trouble(), world.told(), world.proposals()) == ({}, [], [])


def test_what_is_a_day_old_by_the_clock_proves_nobody(world: World) -> None:
    """By a clock that jumped ahead, the window that completes the proof is settled before its time."""
    world.live(range(2))
    world.traffic(2)
    world.look(at=after(2) + DAY)
    assert world.record() == []
    world.live([3])
    assert [v.standing for v in world.record()] == [Standing.GOOD]


def test_every_window_leaves_one_profile(world: World) -> None:
    world.live(range(3))
    assert [(p.window, p.health.requests, p.coverage.sampled, p.coverage.decoded) for p in world.profiles()] == [
        (window(n), 100, 100, 100) for n in range(3)
    ]
    assert [int(p.columns["distance"].sum()) for p in world.profiles()] == [100] * 3
    assert {(p.healthy, p.steady) for p in world.profiles()} == {(Verdict.HEALTHY, Verdict.HEALTHY)}


def test_a_second_look_at_the_same_moment_changes_nothing(world: World) -> None:
    world.live(range(3))
    world.live(range(3, 6), shift=60, failed=0.4)
    rows = world.rows()
    again = world.look()
    assert again.profiles == []
    assert again.counted == 0
    assert world.rows() == rows


def test_a_look_before_the_next_window_has_settled_changes_nothing(world: World) -> None:
    world.live(range(3))
    world.traffic(3)
    rows = world.rows()
    world.look(at=after(3) - timedelta(seconds=1))
    assert world.rows() == rows


def test_the_payloads_of_a_window_that_has_not_changed_are_not_read_again(world: World) -> None:
    world.live(range(3))
    world.log.fail_next(PlatformError("payloads were read", permanent=True), call="sample")
    world.look(at=after(2) + timedelta(minutes=5))


def test_payloads_that_are_all_broken_leave_drift_untold_and_health_judged(world: World) -> None:
    world.live(range(3))
    seen = world.live([3], request="{not json", refused=0.5)
    (profile,) = seen.profiles
    assert (profile.coverage.sampled, profile.coverage.decoded, profile.coverage.records) == (100, 0, 0)
    assert sum(profile.coverage.faults.values()) == 100
    broken = {f.check.name: f.verdict for f in seen.findings if f.check.cause is not Cause.HEALTH}
    assert (broken.pop("unreadable_rate"), broken.pop("duplicate_rate")) == (Verdict.BREACH, Verdict.HEALTHY)
    assert set(broken.values()) == {Verdict.NO_DATA}
    assert world.trail("error_rate_4xx").phase is Phase.PENDING
    assert (profile.healthy, profile.steady) == (Verdict.BREACH, Verdict.BREACH)


def test_a_missing_table_leaves_the_look_without_any_write(world: World) -> None:
    rows = world.rows()
    world.log.missing = True
    with pytest.raises(PlatformError) as caught:
        world.look(at=after(0))
    assert caught.value.missing
    assert world.rows() == rows


@pytest.mark.parametrize("call", ["health", "sample"])
def test_a_table_that_cannot_be_read_leaves_no_trace(world: World, call: str) -> None:
    world.live(range(3))
    rows = world.rows()
    world.traffic(3)
    world.log.fail_next(PlatformError("the storage is away", permanent=False), call=call)
    with pytest.raises(PlatformError):
        world.look(at=after(3))
    assert world.rows() == rows
    assert world.look().counted == 100


def test_an_unreachable_workspace_leaves_no_trace(world: World) -> None:
    world.live(range(3))
    rows = world.rows()
    world.serving.fail_next(PlatformError("the workspace is away", permanent=False))
    with pytest.raises(PlatformError):
        world.live([3])
    assert world.rows() == rows


def test_a_store_that_refuses_the_last_commit_keeps_nothing_and_the_next_look_makes_up_for_it(begin: Begin) -> None:
    plain, refused = begin(), begin()
    for one in (plain, refused):
        one.live(range(3))
        one.deploy({2: 100})
        one.traffic(3, version=2, failed=0.5)
    before = refused.rows()
    # the first commit keeps the baseline of version 2, which is true whatever becomes of the look
    refused.store.refuse_after = 1
    with pytest.raises(StoreError):
        refused.look(at=after(3))
    assert {**refused.rows(), "baseline": []} == {**before, "baseline": []}
    refused.look()
    plain.look(at=after(3))
    assert refused.rows() == plain.rows()
    assert len(refused.rows()["baseline"]) == 2


def test_a_store_that_refuses_a_baseline_keeps_nothing(world: World) -> None:
    before = world.rows()
    world.store.refuse_after = 0
    world.traffic(0)
    with pytest.raises(StoreError):
        world.look(at=after(0))
    assert world.rows() == before
    assert world.look().counted == 100


def test_a_version_that_vanished_from_the_registry_is_watched_as_before(world: World) -> None:
    world.live(range(2))
    world.registry.drop(MODEL, 1)
    seen = world.live([2], shift=60)
    assert seen.notes == []
    assert world.trail("distance/ks").phase is Phase.PENDING
