"""One endpoint, look by look: what is read, what is counted, and what is written down."""

from dataclasses import replace
from datetime import timedelta

import pytest

from daemon.config.endpoint import Decide, Drift, Modes, Watch
from daemon.domain.decision import Because
from daemon.domain.finding import Cause, Phase, Verdict
from daemon.domain.remediation import Mode, Standing
from daemon.ports import PlatformError
from daemon.store.engine import StoreError
from tests.fakes import FakeInferenceLog
from tests.watch.conftest import Begin
from tests.watch.world import AIR_TIME, FLIGHTS, MODEL, QUARTER, SETTLE, World, after, requests, window

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


class TestLateRows:
    def test_a_window_whose_rows_came_later_is_read_again_and_its_profile_replaced(self, world: World) -> None:
        world.live(range(3))
        rows = requests(3)
        world.log.write(rows[:60])
        assert world.look(at=after(3)).counted == 60
        world.log.write(rows[60:])
        again = world.look(at=after(3) + SETTLE)
        assert [p.window for p in again.profiles] == [window(3)]
        assert again.counted == 40
        assert [p.health.requests for p in world.profiles()] == [100] * 4

    def test_its_trails_move_once(self, world: World) -> None:
        world.live(range(3))
        rows = requests(3, failed=1.0)
        for n in range(4):
            world.log.write(rows[25 * n : 25 * n + 25])
            world.look(at=after(3) + n * timedelta(minutes=1))
        assert world.profiles()[-1].health.errors_5xx == 100
        trail = world.trail("error_rate_5xx")
        assert trail.phase is Phase.PENDING
        assert trail.recent.count(Verdict.BREACH) == 1

    def test_rows_that_come_after_the_overlap_change_nothing(self, world: World) -> None:
        world.log.write(requests(0)[:60])
        world.look(at=after(0))
        world.live(range(1, 6))
        world.log.write(requests(0)[60:])
        world.live([6])
        assert world.profiles()[0].health.requests == 60

    def test_late_rows_of_a_version_that_no_longer_serves_do_not_cost_its_profile(self, world: World) -> None:
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

    def test_the_versions_of_a_window_are_judged_beside_each_other_when_one_is_read_again(self, world: World) -> None:
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


class TestWhoAnswered:
    def test_a_request_that_was_logged_twice_counts_once(self, world: World) -> None:
        world.log.write(world.traffic(0))
        seen = world.look(at=after(0))
        assert (seen.counted, seen.profiles[0].coverage.sampled) == (100, 100)

    def test_of_much_traffic_a_sample_is_read_and_all_is_counted(self, world: World) -> None:
        seen = world.live([0], count=3000, failed=0.5)
        (profile,) = seen.profiles
        assert profile.health.requests == 3000
        assert profile.health.errors_5xx == 1500
        # 200 are asked for, by a coin for each: within 5 standard errors
        assert abs(profile.coverage.sampled - 200) < 5 * 200**0.5
        assert int(profile.columns["distance"].sum()) == profile.coverage.decoded == profile.coverage.sampled

    def test_two_versions_at_once_give_two_profiles(self, world: World) -> None:
        world.deploy({1: 70, 2: 30})
        world.traffic(0)
        seen = world.live([0], version=2, count=60)
        assert [(p.version, p.health.requests) for p in seen.profiles] == [(1, 100), (2, 60)]
        assert {f.version for f in seen.findings} == {1, 2}

    def test_requests_of_unknown_entities_are_counted_apart_and_never_judged(self, world: World) -> None:
        world.deploy({1: 50, 2: 50})
        world.live(range(3))
        for n in (2, 3):
            world.log.write(replace(r, entity="stranger", status=500) for r in requests(n, name="x"))
        seen = world.live([3])
        assert seen.unknown == {"stranger": 200}
        assert seen.counted == seen.profiles[0].health.requests == 100
        assert seen.profiles[0].health.errors_5xx == 0
        assert world.trouble() == {}

    def test_what_serves_another_model_is_left_out(self, world: World) -> None:
        world.log.serve("other", "prod.ml.other", 1)
        world.log.write(replace(r, entity="other", status=500) for r in requests(0, name="x"))
        seen = world.live([0])
        assert (seen.counted, seen.unknown) == (100, {})

    def test_entities_are_learned_while_one_version_serves_and_nobody_tells(self, world: World) -> None:
        world.logs[FLIGHTS] = FakeInferenceLog()
        world.traffic(-1)
        world.look(at=after(-1))
        assert world.live([0]).unknown == {"entity-1": 200}, "somebody else may have served before the first look"
        assert world.live([1]).unknown == {}
        assert [p.window for p in world.profiles()] == [window(-1), window(0), window(1)]
        world.deploy({1: 50, 2: 50})
        world.traffic(2, version=2)
        seen = world.live([2])
        assert seen.unknown == {"entity-2": 100}
        assert [p.version for p in seen.profiles] == [1]

    def test_what_was_told_is_remembered_when_the_history_cannot_be_read(self, world: World) -> None:
        world.deploy({1: 50, 2: 50})
        world.live(range(2))
        refused = PlatformError("system.serving may not be read", permanent=True)
        world.log.fail_next(refused, call="entities")
        seen = world.live([2])
        assert [p.version for p in seen.profiles] == [1]
        assert seen.notes == ["which versions answered cannot be asked: system.serving may not be read"]


class TestAChange:
    def test_a_change_of_what_is_served_is_an_event_and_the_first_sight_of_it_is_not(self, world: World) -> None:
        world.live(range(2))
        assert world.told() == []
        world.deploy({1: 80, 2: 20})
        world.look()
        world.look()
        (event,) = world.events()
        assert (event.kind, event.sentence) == (
            "endpoint.changed",
            "flights now serves version 1 at 80 %, version 2 at 20 %",
        )

    def test_the_trails_of_a_version_end_when_it_serves_no_longer(self, world: World) -> None:
        world.live(range(3), failed=0.5)
        assert "error_rate_5xx" in world.trouble()
        world.deploy({2: 100})
        seen = world.live([3], version=2)
        assert seen.gone == {1}
        assert world.trouble() == {}

    def test_a_foreign_model_beside_ours_is_not_taken_for_a_version_of_it(self, world: World) -> None:
        world.live(range(3))
        world.live(range(3, 5), shift=60)
        state = world.serving.state(FLIGHTS)
        foreign = replace(state.served[0], name="other-9", model="prod.ml.other", version=9, percent=60)
        world.serving.update(FLIGHTS, [replace(state.served[0], percent=40), foreign])
        assert world.live([5], shift=60).decision.because is Because.DRIFT
        assert [v.version for v in world.record()] == [1]


class TestAnotherConfiguration:
    def test_a_wider_tolerance_ends_what_fired_under_the_old_one(self, world: World) -> None:
        world.live(range(3))
        world.live(range(3, 6), shift=60)
        assert world.trail("distance/ks").phase is Phase.FIRING
        world.change(drift=Drift(tolerance=0.7, psi=50.0))
        world.live(range(6, 9), shift=60)
        assert world.trail("distance/ks").phase is Phase.RESOLVED

    def test_a_column_that_is_ignored_from_now_on_has_no_trail(self, world: World) -> None:
        world.live(range(3))
        world.live(range(3, 6), shift=60)
        world.change(drift=world.settings[FLIGHTS].drift.model_copy(update={"ignore": ("distance", "prediction")}))
        assert world.live([6], shift=60).decision.because is Because.ALL_WELL
        assert world.trouble() == {}

    def test_a_remedy_that_is_switched_on_acts_on_what_already_fires(self, world: World) -> None:
        world.change(mode=Modes(retrain=Mode.OFF))
        world.live(range(3))
        world.live(range(3, 6), shift=60)
        assert world.proposals() == []
        world.change(mode=Modes(retrain=Mode.AUTO))
        world.look()
        assert len(world.proposals()) == 1

    def test_shorter_windows_are_read_anew_once(self, world: World) -> None:
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

    def test_stricter_rules_for_windows_do_not_stumble_over_shorter_trails(self, world: World) -> None:
        world.live(range(3))
        world.live(range(3, 6), failed=0.5)
        world.change(decide=Decide(breaches=8, of=10, clear=2, good=9))
        world.live([6])
        assert world.trail("error_rate_5xx").phase is Phase.FIRING
        world.live([7])
        assert world.trail("error_rate_5xx").phase is Phase.RESOLVED


class TestFailure:
    def test_a_missing_table_leaves_the_look_without_any_write(self, world: World) -> None:
        rows = world.rows()
        world.log.missing = True
        with pytest.raises(PlatformError) as caught:
            world.look(at=after(0))
        assert caught.value.missing
        assert world.rows() == rows

    @pytest.mark.parametrize("call", ["health", "sample"])
    def test_a_table_that_cannot_be_read_leaves_no_trace(self, world: World, call: str) -> None:
        world.live(range(3))
        rows = world.rows()
        world.traffic(3)
        world.log.fail_next(PlatformError("the storage is away", permanent=False), call=call)
        with pytest.raises(PlatformError):
            world.look(at=after(3))
        assert world.rows() == rows
        assert world.look().counted == 100

    def test_an_unreachable_workspace_leaves_no_trace(self, world: World) -> None:
        world.live(range(3))
        rows = world.rows()
        world.serving.fail_next(PlatformError("the workspace is away", permanent=False))
        with pytest.raises(PlatformError):
            world.live([3])
        assert world.rows() == rows

    def test_a_store_that_refuses_the_last_commit_keeps_nothing_and_the_next_look_makes_up_for_it(
        self, begin: Begin
    ) -> None:
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

    def test_a_store_that_refuses_a_baseline_keeps_nothing(self, world: World) -> None:
        before = world.rows()
        world.store.refuse_after = 0
        world.traffic(0)
        with pytest.raises(StoreError):
            world.look(at=after(0))
        assert world.rows() == before
        assert world.look().counted == 100

    def test_a_version_that_vanished_from_the_registry_is_watched_as_before(self, world: World) -> None:
        world.live(range(2))
        world.registry.drop(MODEL, 1)
        seen = world.live([2], shift=60)
        assert seen.notes == []
        assert world.trail("distance/ks").phase is Phase.PENDING


class TestTheClock:
    def test_a_day_forward_and_back_fires_nothing_and_hides_nothing(self, world: World) -> None:
        world.live(range(3))
        ahead = world.look(at=after(2) + DAY)
        assert ahead.decision.because is Because.BLIND
        assert (world.trouble(), world.watermark()) == ({}, window(2).end)
        assert world.live([3]).decision.because is Because.ALL_WELL
        assert [p.window for p in world.profiles()] == [window(n) for n in range(4)]
        assert (world.told(), world.proposals()) == (["watch.blind"], [])

    def test_a_day_back_and_forward_again_does_too(self, world: World) -> None:
        world.live(range(3))
        back = world.look(at=after(2) - DAY)
        assert (back.profiles, back.decision.because, back.newest) == ([], Because.ALL_WELL, window(2).end)
        assert world.watermark() == window(2).end
        world.traffic(3)
        assert world.look(at=after(3) - DAY).profiles == []
        assert world.live([4]).counted == 200
        assert (world.told(), world.trouble()) == ([], {})

    def test_rows_from_the_future_wait_for_their_time(self, world: World) -> None:
        world.traffic(50)
        world.live(range(3))
        assert world.watermark() == window(2).end
        assert world.look(at=after(50)).counted == 100


def catching_up(begin: Begin, **rules: object) -> World:
    watch = Watch(window=QUARTER, settle=SETTLE, interval=SETTLE, overlap=HOUR, stale_after=HOUR, rows=200, catch_up=5)
    world = begin(watch=watch, **rules)
    world.live(range(3))
    return world


class TestAPause:
    def test_windows_are_caught_up_with_oldest_first_a_few_a_look(self, begin: Begin) -> None:
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

    def test_old_news_is_not_acted_upon(self, begin: Begin) -> None:
        world = catching_up(begin)
        for n in range(3, 15):
            world.traffic(n, shift=60 if n < 9 else 0, failed=0.5 if n < 9 else 0)
        decisions = [world.look(at=after(14) + n * timedelta(minutes=1)).decision.because for n in range(4)]
        assert decisions == [Because.BEHIND, Because.BEHIND, Because.ALL_WELL, Because.ALL_WELL]
        assert (world.proposals(), world.told(), world.trouble()) == ([], [], {})

    def test_what_still_fires_when_all_is_read_is_acted_upon(self, begin: Begin) -> None:
        world = catching_up(begin)
        for n in range(3, 15):
            world.traffic(n, shift=60)
        for minute in range(3):
            assert world.proposals() == []
            world.look(at=after(14) + timedelta(minutes=minute))
        world.look(at=after(14) + timedelta(minutes=3))
        assert [p.evidence["since"] for p in world.proposals()] == [window(3).start.isoformat()]

    def test_two_endpoints_that_fail_while_the_daemon_is_away_are_upstream_trouble(self, begin: Begin) -> None:
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


def test_payloads_that_are_all_broken_leave_drift_untold_and_health_judged(world: World) -> None:
    world.live(range(3))
    seen = world.live([3], request="{not json", refused=0.5)
    (profile,) = seen.profiles
    assert (profile.coverage.sampled, profile.coverage.decoded, profile.coverage.records) == (100, 0, 0)
    assert sum(profile.coverage.faults.values()) == 100
    assert {f.verdict for f in seen.findings if f.check.cause is not Cause.HEALTH} == {Verdict.NO_DATA}
    assert world.trail("error_rate_4xx").phase is Phase.PENDING
    assert (profile.healthy, profile.steady) == (Verdict.BREACH, Verdict.NO_DATA)
