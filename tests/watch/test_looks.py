"""What no order of looks and no delay of rows may change."""

from collections.abc import Sequence
from datetime import timedelta

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.domain.profile import Profile
from tests.fakes import LoggedRequest
from tests.watch.traffic import QUARTER, START, after, requests, window
from tests.watch.world import FLIGHTS, Begin, World

MINUTE = timedelta(minutes=1)
WINDOWS = 7
LAST = after(WINDOWS - 1)
in_any_order = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

moments = st.lists(st.integers(0, int((LAST - START) / MINUTE)), max_size=5).map(sorted)
"""Minutes after the start at which somebody looks."""


def counts(profiles: Sequence[Profile]) -> list[tuple[object, ...]]:
    return [
        (
            p.window,
            p.coverage,
            p.health.errors_5xx,
            p.health.latency.tolist(),
            *map(np.ndarray.tolist, p.columns.values()),
        )
        for p in profiles
    ]


def looking_back(world: World, windows: int) -> None:
    watch = world.settings[FLIGHTS].watch
    world.change(watch=watch.model_copy(update={"overlap": windows * QUARTER}))


def traffic() -> list[LoggedRequest]:
    """Return seven windows of two versions, neither calm nor even."""
    sizes = (40, 60, 0, 250, 30, 80, 50)
    about = [{"count": n, "shift": 9.0 * i, "failed": 0.1 * (i % 3)} for i, n in enumerate(sizes) if n]
    starts = [i for i, n in enumerate(sizes) if n]
    return [
        row
        for n, said in zip(starts, about, strict=True)
        for version in (1, 2)
        for row in requests(n, version, **said)  # type: ignore[arg-type]
    ]


@in_any_order
@given(looks=moments)
def test_the_same_table_leaves_the_same_profiles_whenever_it_is_looked_at(begin: Begin, looks: list[int]) -> None:
    once, often = begin(), begin()
    for world in (once, often):
        world.deploy({1: 50, 2: 50})
        world.log.write(traffic())
    for minute in looks:
        often.look(at=START + minute * MINUTE)
    for world in (once, often):
        looking_back(world, WINDOWS)
        world.look(at=LAST)
    assert counts(often.profiles(1)) == counts(once.profiles(1))
    assert counts(often.profiles(2)) == counts(once.profiles(2))
    assert often.watermark() == once.watermark() == window(WINDOWS - 1).end


@in_any_order
@given(looks=moments, late=st.lists(st.integers(0, 45), min_size=8, max_size=8), twice=st.integers(1, 5))
def test_each_request_is_counted_once_however_late_and_however_often_it_was_logged(
    begin: Begin, looks: list[int], late: list[int], twice: int
) -> None:
    world = begin()
    world.deploy({1: 50, 2: 50})
    looking_back(world, 2 * WINDOWS)
    rows = traffic()
    delayed = [(row.at + late[i % len(late)] * MINUTE, row) for i, row in enumerate(rows)]
    delayed += [(at + 5 * MINUTE, row) for at, row in delayed[::twice]]
    counted, begun = 0, START
    for moment in [*(START + minute * MINUTE for minute in looks), LAST + 60 * MINUTE]:
        world.log.write(row for at, row in delayed if begun <= at < moment)
        counted += world.look(at=moment).counted
        begun = moment
    stored = [p.health.requests for version in (1, 2) for p in world.profiles(version)]
    assert counted == sum(stored) == len({row.id for row in rows})


@in_any_order
@given(order=st.permutations(range(6)))
def test_whatever_the_order_of_the_rows_the_profiles_of_thirds_add_up_to_that_of_the_whole(
    begin: Begin, order: list[int]
) -> None:
    whole, thirds = begin(), begin()
    rows = [row for n in order for row in requests(n, shift=5.0 * n)]
    for world, length in ((whole, QUARTER), (thirds, QUARTER / 3)):
        world.log.write(rows)
        looking_back(world, WINDOWS)
        world.change(watch=world.settings[FLIGHTS].watch.model_copy(update={"window": length}))
        world.look(at=after(5))
    for name in ("distance", "carrier", "prediction"):
        whole_counts = np.sum([p.columns[name] for p in whole.profiles()], axis=0)
        assert np.array_equal(whole_counts, np.sum([p.columns[name] for p in thirds.profiles()], axis=0))
