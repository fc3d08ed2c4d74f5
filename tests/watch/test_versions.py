"""Which version answered, one or several at once, and what becomes of a version that serves no longer."""

from dataclasses import replace
from datetime import timedelta

from daemon.domain.decision import Because
from daemon.domain.finding import Against, Verdict
from daemon.ports import PlatformError
from tests.fakes import FakeInferenceLog
from tests.watch.traffic import after, requests, window
from tests.watch.world import FLIGHTS, World

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def test_a_request_that_was_logged_twice_counts_once(world: World) -> None:
    world.log.write(world.traffic(0))
    seen = world.look(at=after(0))
    assert (seen.counted, seen.profiles[0].coverage.sampled) == (100, 100)


def test_of_much_traffic_a_sample_is_read_and_all_is_counted(world: World) -> None:
    seen = world.live([0], count=3000, failed=0.5)
    (profile,) = seen.profiles
    assert profile.health.requests == 3000
    assert profile.health.errors_5xx == 1500
    # 200 are asked for, by a coin for each: within 5 standard errors
    assert abs(profile.coverage.sampled - 200) < 5 * 200**0.5
    assert int(profile.columns["distance"].sum()) == profile.coverage.decoded == profile.coverage.sampled


def test_two_versions_at_once_give_two_profiles(world: World) -> None:
    world.deploy({1: 70, 2: 30})
    world.traffic(0)
    seen = world.live([0], version=2, count=60)
    assert [(p.version, p.health.requests) for p in seen.profiles] == [(1, 100), (2, 60)]
    assert {f.version for f in seen.findings} == {1, 2}


def test_requests_of_unknown_entities_are_counted_apart_and_never_judged(world: World) -> None:
    world.deploy({1: 50, 2: 50})
    world.live(range(3))
    for n in (2, 3):
        world.log.write(replace(r, entity="stranger", status=500) for r in requests(n, name="x"))
    seen = world.live([3])
    assert seen.unknown == {"stranger": 200}
    assert seen.counted == seen.profiles[0].health.requests == 100
    assert seen.profiles[0].health.errors_5xx == 0
    assert world.trouble() == {}


def test_what_serves_another_model_is_left_out(world: World) -> None:
    world.log.serve("other", "prod.ml.other", 1)
    world.log.write(replace(r, entity="other", status=500) for r in requests(0, name="x"))
    seen = world.live([0])
    assert (seen.counted, seen.unknown) == (100, {})


def test_entities_are_learned_while_one_version_serves_and_nobody_tells(world: World) -> None:
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


def test_what_was_told_is_remembered_when_the_history_cannot_be_read(world: World) -> None:
    world.deploy({1: 50, 2: 50})
    world.live(range(2))
    refused = PlatformError("system.serving may not be read", permanent=True)
    world.log.fail_next(refused, call="entities")
    seen = world.live([2])
    assert [p.version for p in seen.profiles] == [1]
    assert seen.notes == ["which versions answered cannot be asked: system.serving may not be read"]


def test_a_version_that_was_replaced_within_a_window_is_what_came_before_and_not_beside(world: World) -> None:
    """Half a window of each: sixty good answers beside it would leave it open whether the other is worse."""
    world.live(range(12))
    world.traffic(12, count=60)
    world.deploy({2: 100, 1: 0})
    seen = world.live([12], version=2, count=30, failed=0.3)
    (errors,) = [f for f in seen.findings if f.check.name == "error_rate_5xx" and f.version == 2]
    assert (errors.against, errors.against_version, errors.verdict) == (Against.BEFORE, 1, Verdict.BREACH)


def test_a_change_of_what_is_served_is_an_event_and_the_first_sight_of_it_is_not(world: World) -> None:
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


def test_the_trails_of_a_version_end_when_it_serves_no_longer(world: World) -> None:
    world.live(range(3), failed=0.5)
    assert "error_rate_5xx" in world.trouble()
    world.deploy({2: 100})
    seen = world.live([3], version=2)
    assert seen.gone == {1}
    assert world.trouble() == {}


def test_a_foreign_model_beside_ours_is_not_taken_for_a_version_of_it(world: World) -> None:
    world.live(range(3))
    world.live(range(3, 5), shift=60)
    state = world.serving.state(FLIGHTS)
    foreign = replace(state.served[0], name="other-9", model="prod.ml.other", version=9, percent=60)
    world.serving.update(FLIGHTS, [replace(state.served[0], percent=40), foreign])
    assert world.live([5], shift=60).decision.because is Because.DRIFT
    assert [v.version for v in world.record()] == [1]
