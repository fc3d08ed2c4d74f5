"""Who is turned away before a model is asked: seen by the endpoint's own gauges, and by no table."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from daemon.domain.decision import Action
from daemon.domain.event import Severity
from daemon.domain.sample import HealthCount
from daemon.domain.sources import EndpointMetrics, Sources
from daemon.ports import PlatformError
from daemon.watch.refused import Refused, forget, hear, refused
from detectors.latency import BUCKETS
from tests.watch.traffic import after, window
from tests.watch.world import FLIGHTS, World, settings

MINUTE = timedelta(minutes=1)


def reading(n: int, errors: float | None = 0, requests: float | None = 20, *, minute: int = 5) -> EndpointMetrics:
    """Return what was said of a minute of the n-th window."""
    return EndpointMetrics(window(n).start + minute * MINUTE, requests, errors, 0)


def count(n: int, errors: int = 0, requests: int = 100, entity: str = "one") -> HealthCount:
    return HealthCount(window(n), entity, requests, errors, 0, np.zeros(BUCKETS, dtype=np.int64))


def held(readings: list[EndpointMetrics], counts: list[HealthCount], of: int = 6) -> Refused | None:
    windows = [window(n) for n in range(of)]
    return refused(Sources(tuple(readings)), windows, counts, settings(FLIGHTS))


def test_refusals_beyond_those_that_the_table_has_in_the_whole_window_are_unseen_for_certain() -> None:
    found = held([reading(0, 12), reading(0, 9, minute=9)], [count(0, 4), count(0, 2, entity="two")])
    assert found is not None
    assert (found.told, found.held, found.unseen, found.minutes, found.requests) == (21, 6, 15, 2, 40)
    assert (found.since, found.until) == (window(0).start, window(0).end)
    assert found.matters


def test_a_models_own_refusals_are_in_the_table_and_nothing_is_unseen() -> None:
    found = held([reading(n, 20) for n in range(5)], [count(n, 60) for n in range(5)])
    assert found is not None
    assert (found.unseen, found.matters, found.calm) == (0, False, True)


def test_few_or_rare_refusals_do_not_matter() -> None:
    few = held([reading(0, 9)], [count(0)])
    rare = held([reading(n, 3, 1000) for n in range(5)], [count(n, requests=99_000) for n in range(5)])
    assert few is not None
    assert rare is not None
    assert (few.unseen, few.matters) == (9, False)
    assert (rare.unseen, rare.matters) == (15, False)


def test_windows_are_not_set_off_against_each_other() -> None:
    found = held([reading(0, 0), reading(1, 30)], [count(0, 50), count(1)])
    assert found is not None
    assert found.unseen == 30


@pytest.mark.parametrize("minute", [0, 1, 15])
def test_a_minute_at_the_edge_of_a_window_may_be_its_neighbours(minute: int) -> None:
    assert held([reading(0, 50, minute=minute)], [count(0)]) is None


def test_a_table_that_lacks_what_was_not_refused_either_is_late_or_logs_only_a_share() -> None:
    assert held([reading(0, 50, 120)], [count(0, requests=69)]) is None
    assert held([reading(0, 50, 120)], [count(0, requests=70)]) is not None


def test_a_count_of_requests_that_leaves_the_refused_out_is_understood_as_well() -> None:
    found = held([reading(0, 50, 5)], [count(0, requests=5)])
    assert found is not None
    assert (found.unseen, found.matters) == (50, True)


def test_gauges_that_do_not_tell_of_errors_or_requests_prove_nothing() -> None:
    assert held([reading(0, None), reading(0, 50, None, minute=6), replace(reading(0, 50), at=None)], []) is None


def test_only_the_newest_windows_count_and_what_was_told_is_over_when_they_are_calm() -> None:
    readings = [reading(0, 500), *(reading(n) for n in range(1, 6))]
    found = held(readings, [count(n) for n in range(6)])
    assert found is not None
    assert (found.since, found.unseen, found.calm) == (window(1).start, 0, True)
    begun = held(readings[:4], [count(n) for n in range(4)])
    assert begun is not None
    assert (begun.matters, begun.calm) == (True, True)


def test_a_minute_heard_of_twice_counts_once_and_old_ones_are_forgotten() -> None:
    now, known = after(0) + timedelta(seconds=1), Sources()
    for said in (reading(0), reading(0), None, EndpointMetrics(requests=7), reading(1)):
        known = hear(known, said, [], now=now)
    assert [one.at for one in known.readings] == [reading(0).at, now, reading(1).at]
    assert [one.at for one in forget(known, [window(1)]).readings] == [now, reading(1).at]
    assert forget(known, [window(99)]).readings == known.readings[-1:]
    assert forget(known, []) == known


def test_the_table_is_remembered_by_its_newest_window_with_rows() -> None:
    known = hear(
        Sources(), None, [count(0), count(1, 3), count(1, 1, entity="two"), count(2, requests=0)], now=after(2)
    )
    assert known.table is not None
    assert (known.table.window, known.table.requests, known.table.errors_4xx) == (window(1), 200, 4)
    assert hear(known, None, [], now=after(3)).table == known.table


def live(world: World, windows: range, errors: float, requests: float = 20, **traffic: Any) -> None:
    """Let windows pass; in the middle of each, the endpoint is looked at and tells of a minute."""
    for n in windows:
        world.traffic(n, **traffic)
        at = window(n).start + 7 * MINUTE
        world.serving.says[FLIGHTS] = EndpointMetrics(at, requests + errors, errors, 0, 97, 40, 4)
        world.look(at=at)
        world.look(at=after(n))


def test_callers_who_are_turned_away_are_told_of_once_a_stretch_and_nothing_is_done(world: World) -> None:
    live(world, range(3), 0)
    assert world.told() == []
    live(world, range(3, 9), 30)
    (event,) = world.events()
    assert (event.kind, event.severity, event.endpoint) == ("watch.refused", Severity.WARNING, FLIGHTS)
    for words in ("at least 30 requests", "table has 0", "401, 403", "429", "CPU at 97 %", "concurrency of 4"):
        assert words in event.sentence
    assert event.numbers["unseen"] == 30
    live(world, range(9, 15), 0)
    assert world.told() == ["watch.refused", "watch.admits_again"]
    live(world, range(15, 17), 30)
    assert world.told() == ["watch.refused", "watch.admits_again", "watch.refused"]
    assert world.proposals() == []
    assert world.trouble() == {}


def test_a_models_own_refusals_are_no_such_event(world: World) -> None:
    live(world, range(4), 18, refused=0.9)
    assert "watch.refused" not in world.told()


def test_an_endpoint_that_does_not_answer_about_itself_is_looked_at_all_the_same(world: World) -> None:
    calm = world.live(range(3))
    assert (calm.metrics, calm.refused, list(calm.notes)) == (None, None, [])
    world.serving.fail_next(PlatformError("could not read the metrics: 503", permanent=False), call="metrics")
    seen = world.live([3])
    assert seen.counted == 100
    assert seen.decision.action is Action.NOTHING
    assert list(seen.notes) == ["the endpoint's own metrics are not seen: could not read the metrics: 503"]


def test_a_look_asks_the_endpoint_about_itself_once(world: World) -> None:
    asked: list[str] = []
    world.serving.ledger.meanwhile = asked.append
    live(world, range(2), 0)
    assert asked == ["serving.state", "serving.metrics"] * 4


def test_a_window_in_the_making_is_held_against_nothing(world: World) -> None:
    world.serving.says[FLIGHTS] = reading(0, 50)
    assert world.look(at=window(0).start + 7 * MINUTE).refused is None
