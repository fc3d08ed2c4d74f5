"""Two endpoints ill at once: one page for each outage, and no hand is lifted, whatever the order of the looks."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.config.detection import BaselineSettings
from daemon.domain.decision import Because
from daemon.domain.event import Severity
from tests.watch.traffic import after, window
from tests.watch.world import AIR_TIME, FLIGHTS, Begin, World

BOTH = (FLIGHTS, AIR_TIME)
MINUTE = timedelta(minutes=1)
HEALTH_ALONE = BaselineSettings(kind="first", rows=1_000_000)
OUTAGES = (range(4, 8), range(12, 16))
END = 20


def failing(n: int) -> float:
    return 0.5 if any(n in outage for outage in OUTAGES) else 0.0


def live(
    world: World,
    windows: Sequence[int],
    *,
    late: Mapping[str, int] | None = None,
    looks: Sequence[tuple[str, int]] = ((FLIGHTS, 0), (AIR_TIME, 1)),
    version: int = 1,
) -> None:
    """Let windows pass on both endpoints; the rows of one that is `late` come so many windows later.

    `looks` says which endpoint is looked at how many minutes after each window has settled.
    """
    for n in windows:
        for name in BOTH:
            served = n - (late or {}).get(name, 0)
            world.traffic(served, version if name == FLIGHTS else 1, name=name, failed=failing(served))
        for name, minutes in sorted(looks, key=lambda look: look[1]):
            world.look(name, at=after(n) + minutes * MINUTE)


def pages(world: World) -> list[str]:
    return [e.kind for e in world.events() if e.severity is Severity.PAGE]


def test_an_outage_of_both_is_one_event_and_no_proposal(begin: Begin) -> None:
    world = begin(baseline=HEALTH_ALONE)
    live(world, range(12))
    (event,) = world.events()
    assert (event.kind, event.severity, event.endpoint) == ("incident.upstream", Severity.PAGE, "")
    assert event.sentence.startswith("air-time, flights are ill at once")
    assert event.at == after(6)
    assert event.numbers["since"] == window(4).start.isoformat()
    assert world.proposals() == []
    assert (world.trouble(FLIGHTS), world.trouble(AIR_TIME)) == ({}, {})


def test_a_second_outage_an_hour_later_is_a_second_event(begin: Begin) -> None:
    world = begin(baseline=HEALTH_ALONE)
    live(world, range(END))
    assert [e.numbers["since"] for e in world.events()] == [window(n).start.isoformat() for n in (4, 12)]
    assert world.proposals() == []


@pytest.mark.parametrize("late", BOTH)
def test_a_new_version_on_one_of_them_is_not_blamed_for_it(begin: Begin, late: str) -> None:
    world = begin(baseline=HEALTH_ALONE)
    live(world, range(3))
    world.deploy({2: 100})
    live(world, range(3, 12), version=2, late={late: 1})
    assert pages(world) == ["incident.upstream"]
    assert world.proposals() == []


def test_one_that_stays_ill_when_the_other_is_well_again_is_judged_by_itself(begin: Begin) -> None:
    world = begin(baseline=HEALTH_ALONE)
    live(world, range(3))
    world.deploy({2: 100})
    for n in range(3, 12):
        world.traffic(n, version=2, failed=0.5)
        world.traffic(n, name=AIR_TIME, failed=0.5 if n < 6 else 0.0)
        world.look(AIR_TIME, at=after(n))
        seen = world.look(FLIGHTS)
        assert (seen.decision.because is Because.VERSION_GOT_WORSE) == (n > 7), "air-time is well from window 6 to 8"
    assert pages(world) == ["incident.upstream"]
    assert [(p.from_version, p.to_version) for p in world.proposals()] == [(2, 1)]


def test_an_endpoint_that_was_ill_hours_ago_and_fell_silent_is_no_witness(begin: Begin) -> None:
    world = begin(baseline=HEALTH_ALONE)
    for n in range(4):
        world.live([n])
        world.live([n], name=AIR_TIME, failed=0.5)
    world.live(range(4, 12))
    world.deploy({2: 100})
    world.live(range(12, 15), version=2, failed=0.5)
    assert [(p.from_version, p.to_version) for p in world.proposals()] == [(2, 1)]


def test_one_that_is_read_far_ahead_of_the_other_does_not_make_it_two(begin: Begin) -> None:
    world = begin(baseline=HEALTH_ALONE)
    for n in range(14):
        world.traffic(n - 2, name=AIR_TIME, failed=0.5 if n - 2 >= 4 else 0.0)
        world.traffic(n, failed=0.5 if n >= 8 else 0.0)
        world.look(FLIGHTS, at=after(n))
        world.look(AIR_TIME)
    (event,) = world.events()
    assert event.at == after(8), "air-time was read until its third bad window, and flights two windows further"
    assert event.numbers["until"] == window(8).end.isoformat()


looks = st.lists(st.tuples(st.sampled_from(BOTH), st.integers(0, 12)), min_size=1, max_size=4).map(
    lambda drawn: [*drawn, *((name, 13) for name in BOTH if name not in dict(drawn))]
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(looks=looks, late=st.fixed_dictionaries({name: st.integers(0, 1) for name in BOTH}), new=st.booleans())
def test_whatever_the_order_and_the_delay_each_outage_is_one_event(
    begin: Begin, looks: list[tuple[str, int]], late: dict[str, int], new: bool
) -> None:
    world = begin(baseline=HEALTH_ALONE)
    live(world, range(3), late=late, looks=looks)
    if new:
        world.deploy({2: 100})
    live(world, range(3, END), late=late, looks=looks, version=2 if new else 1)
    assert pages(world) == ["incident.upstream"] * len(OUTAGES)
    assert world.proposals() == []
