"""What is recalled of an endpoint before a look: enough to judge it by, and no more."""

from datetime import timedelta

from daemon.domain.remediation import Standing, VersionVerdict
from daemon.store import verdicts
from daemon.watch.memory import GOOD_WINDOWS, Memory, recall
from tests.watch.traffic import MODEL, START, after, window
from tests.watch.world import AIR_TIME, FLIGHTS, World


def recalled(world: World, name: str = FLIGHTS) -> Memory:
    return recall(world.store, world.settings[name], world.serving.state(name), now=world.now)


def test_of_an_endpoint_never_seen_nothing_is_known_and_nothing_written(world: World) -> None:
    rows = world.rows()
    known = recalled(world)
    assert (known.gone, known.watermark, known.changed_at) == (frozenset(), None, START)
    assert (known.learned, known.requests, known.trails, known.ill_elsewhere) == ({}, {}, {1: {}}, {})
    assert (known.record, known.remembered) == ([], {})
    assert world.rows() == rows


def test_it_knows_since_when_the_endpoint_serves_what_it_serves(world: World) -> None:
    world.live(range(3))
    assert recalled(world).changed_at == after(0)
    world.deploy({2: 100})
    assert recalled(world).changed_at == after(2), "that is now"
    world.live(range(3, 5), version=2)
    assert recalled(world).changed_at == after(3)


def test_it_counts_what_windows_due_again_had_and_no_older_ones(world: World) -> None:
    world.live(range(8))
    # an overlap of an hour: four windows before the watermark
    assert recalled(world).requests == {(window(n).start, 1): 100 for n in range(4, 8)}


def test_windows_of_another_length_are_not_those_that_are_due(world: World) -> None:
    world.live(range(3))
    world.change(watch=world.settings[FLIGHTS].watch.model_copy(update={"window": timedelta(minutes=5)}))
    assert recalled(world).requests == {}


def test_a_good_version_is_remembered_by_its_newest_good_windows(world: World) -> None:
    world.live(range(GOOD_WINDOWS + 5))
    health = recalled(world).remembered[1]
    assert health.requests == 100 * GOOD_WINDOWS
    world.live(range(GOOD_WINDOWS + 5, GOOD_WINDOWS + 9), failed=0.5)
    assert recalled(world).remembered[1].errors == 0


def test_only_good_versions_that_something_may_be_compared_with_are_remembered(world: World) -> None:
    for version, hours in ((1, 0), (2, 5)):
        world.deploy({version: 100})
        world.live(range(hours * 4, hours * 4 + 4), version=version)
    world.deploy({3: 100})
    assert recalled(world).remembered.keys() == {2}, "the last one before version 3"
    world.deploy({1: 50, 3: 50})
    assert recalled(world).remembered.keys() == {1, 2}
    with world.store.begin() as tx:
        verdicts.set_standing(tx, VersionVerdict(FLIGHTS, MODEL, 2, Standing.BAD, "it failed", world.now))
    world.deploy({3: 100})
    assert recalled(world).remembered.keys() == {1}


def test_it_knows_which_other_endpoints_are_ill_and_leaves_out_itself(world: World) -> None:
    world.live([0], failed=0.5)
    world.live([0], name=AIR_TIME, failed=0.5)
    assert recalled(world).ill_elsewhere == {AIR_TIME: window(0).end}
    world.live(range(1, 4), name=AIR_TIME)
    assert recalled(world).ill_elsewhere == {}


def test_one_that_was_ill_and_fell_silent_is_not_ill_for_good(world: World) -> None:
    world.live([0], name=AIR_TIME, failed=0.5)
    for n in range(8):
        world.live([n])
        # as long as three of five windows may still hold it
        assert (AIR_TIME in recalled(world).ill_elsewhere) == (n <= 5)


def test_drift_elsewhere_is_no_illness(world: World) -> None:
    world.live(range(3), name=AIR_TIME, shift=60)
    assert recalled(world).ill_elsewhere == {}


def test_trails_are_those_of_the_versions_that_serve(world: World) -> None:
    world.deploy({1: 50, 2: 50})
    world.traffic(0, version=2)
    world.live([0])
    assert recalled(world).trails.keys() == {1, 2}
    assert recalled(world).gone == set()
    world.deploy({2: 100})
    assert recalled(world).trails.keys() == {2}
    assert recalled(world).gone == {1}
