"""Profiles: replaced, never added to, and read back in the bins of their own baseline only."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sqlalchemy import update

from daemon.domain.baseline import Baseline
from daemon.domain.finding import Verdict
from daemon.domain.profile import Coverage, Profile
from daemon.domain.window import Window
from daemon.store import baselines, profiles
from daemon.store.engine import Store, StoreError, Tx
from daemon.store.tables import profile as table
from tests.store.nouns import QUARTER, T0, baseline, profile, window

FIVE = arrays(np.int64, 5, elements=st.integers(0, 2**40))


def load(tx: Tx, known: Baseline | None = None, *, first: int = 0, last: int = 99) -> list[Profile]:
    return profiles.load(tx, "flights", 3, since=window(first).start, until=window(last).end, baseline=known)


@given(distance=FIVE, carrier=FIVE, latency=arrays(np.int64, 168, elements=st.integers(0, 2**33)))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_counts_come_back_whatever_they_are(
    store: Store,
    distance: np.ndarray,
    carrier: np.ndarray,
    latency: np.ndarray,
) -> None:
    given = profile()
    with store.begin() as tx:
        known = baselines.save(tx, baseline())
        # a mapping promises no order: the baseline's counts
        columns = {"carrier": carrier, "distance": distance}
        health = replace(given.health, latency=latency)
        profiles.save(tx, [replace(given, baseline_id=known.id, columns=columns, health=health)])
        (found,) = load(tx, known)
    assert {name: counts.tolist() for name, counts in found.columns.items()} == {
        "distance": distance.tolist(),
        "carrier": carrier.tolist(),
    }
    assert found.health.latency.tolist() == latency.tolist()


def test_a_profile_comes_back_with_everything_else(store: Store) -> None:
    given = profile()
    with store.begin() as tx:
        profiles.save(tx, [given])
        (found,) = load(tx)
    assert replace(found, health=given.health) == given
    assert (found.health.requests, found.health.errors_4xx, found.health.errors_5xx) == (4, 1, 0)


def test_a_window_read_again_counts_once(store: Store) -> None:
    late = replace(profile(requests=7), coverage=Coverage(7, 7, 7, 7, {}), healthy=Verdict.BREACH)
    with store.begin() as tx:
        profiles.save(tx, [profile(requests=4)])
        profiles.save(tx, [late])
        (found,) = load(tx)
    assert found.health.requests == 7
    assert found.health.latency.sum() == 7
    assert found.coverage == late.coverage
    assert found.healthy is Verdict.BREACH


def test_a_window_that_lost_its_columns_keeps_none_of_the_old_ones(store: Store) -> None:
    with store.begin() as tx:
        known = baselines.save(tx, baseline())
        columns = {name: each.counts for name, each in known.columns.items()}
        profiles.save(tx, [profile(baseline_id=known.id, columns=columns)])
        profiles.save(tx, [profile(baseline_id=known.id, columns={})])
        (found,) = load(tx, known)
    assert found.columns == {}


def test_two_versions_in_one_window_are_two_profiles(store: Store) -> None:
    with store.begin() as tx:
        profiles.save(tx, [profile(version=3, requests=4), profile(version=4, requests=2), profile(1, requests=9)])
        profiles.save(tx, [profile(endpoint="delays", requests=5)])
        assert profiles.requests(tx, "flights", T0) == {(T0, 3): 4, (T0, 4): 2, (T0 + QUARTER, 3): 9}
        assert [found.version for found in load(tx)] == [3, 3]


def test_saving_nothing_is_no_error(store: Store) -> None:
    with store.begin() as tx:
        profiles.save(tx, [])
        assert load(tx) == []


def test_requests_are_told_from_a_moment_on(store: Store) -> None:
    with store.begin() as tx:
        profiles.save(tx, [profile(n) for n in range(4)])
        assert sorted(profiles.requests(tx, "flights", window(2).start)) == [
            (window(2).start, 3),
            (window(3).start, 3),
        ]


def test_requests_and_errors_of_both_versions_are_told_of_windows_of_one_length(store: Store) -> None:
    longer = Window(window(3).start, window(4).end)
    with store.begin() as tx:
        profiles.save(tx, [profile(n, version=v, requests=10 * v) for n in range(4) for v in (1, 2)])
        profiles.save(tx, [profile(window=longer), profile(3, endpoint="delays")])
        found = profiles.answered(tx, "flights", window(2).start, length=window(0).length)
    assert found == {(window(n).start, v): (10 * v, 1) for n in (2, 3) for v in (1, 2)}


def test_what_an_older_daemon_knew_of_coverage_is_read_as_well(store: Store) -> None:
    with store.begin() as tx:
        profiles.save(tx, [profile()])
        old = {"requests": 4, "sampled": 4, "decoded": 3, "records": 8, "faults": {"wrong_type": 1}}
        tx.execute(update(table).values(coverage=old))
        (found,) = load(tx)
    assert (found.coverage.records, found.coverage.copies, found.coverage.out_of_range) == (8, 0, {})


def test_only_windows_that_lie_wholly_within_are_loaded_oldest_first(store: Store) -> None:
    with store.begin() as tx:
        profiles.save(tx, [profile(n) for n in (5, 1, 3, 2, 4)])
        assert [found.window for found in load(tx, first=2, last=4)] == [window(2), window(3), window(4)]
        within = profiles.load(
            tx,
            "flights",
            3,
            since=window(2).start + QUARTER / 3,
            until=window(4).end - QUARTER / 3,
            baseline=None,
        )
        assert [found.window for found in within] == [window(3)]


def test_counts_in_the_bins_of_another_baseline_are_left_out(store: Store) -> None:
    with store.begin() as tx:
        old, new = baselines.save(tx, baseline()), baselines.save(tx, baseline())
        columns = {name: each.counts for name, each in old.columns.items()}
        profiles.save(tx, [profile(n, baseline_id=known.id, columns=columns) for n, known in enumerate([old, new])])
        assert [bool(found.columns) for found in load(tx, new)] == [False, True]
        assert [bool(found.columns) for found in load(tx, old)] == [True, False]
        assert [bool(found.columns) for found in load(tx)] == [False, False]
        assert [found.baseline_id for found in load(tx, new)] == [old.id, new.id]


def test_columns_that_are_not_those_of_the_baseline_are_refused(store: Store) -> None:
    with store.begin() as tx:
        known = baselines.save(tx, baseline())
        for columns in ({"distance": np.zeros(5, np.int64)}, {"other": np.zeros(5, np.int64)}):
            with pytest.raises(ValueError, match="not those of its baseline"):
                profiles.save(tx, [profile(baseline_id=known.id, columns=columns)])
            with pytest.raises(ValueError, match="not those of its baseline None"):
                profiles.save(tx, [profile(columns=columns)])


def test_counts_that_do_not_fit_the_bins_are_refused(store: Store) -> None:
    with store.begin() as tx:
        known = baselines.save(tx, baseline())
        columns = {"distance": np.zeros(4, np.int64), "carrier": np.zeros(5, np.int64)}
        profiles.save(tx, [profile(baseline_id=known.id, columns=columns)])
        with pytest.raises(ValueError, match="9 counts do not fit the 10 bins"):
            load(tx, known)


def test_a_baseline_that_is_not_there_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match=r"(?i)foreign key") as caught, store.begin() as tx:
        profiles.save(tx, [profile(baseline_id=404)])
    assert not caught.value.transient


def test_health_before_sums_the_newest_windows_that_had_requests(store: Store) -> None:
    with store.begin() as tx:
        profiles.save(tx, [profile(0, requests=1), profile(1, requests=20), profile(2, requests=0)])
        profiles.save(tx, [profile(3, requests=300), profile(4, requests=4000)])
        profiles.save(tx, [profile(3, version=4, requests=50_000)])
        found = profiles.health_before(tx, "flights", 3, until=window(3).end, windows=2)
    assert found is not None
    assert (found.requests, found.errors_4xx, found.errors) == (320, 2, 2)
    assert found.latency[5] == found.latency.sum() == 320


def test_health_before_leaves_out_a_window_that_ends_later(store: Store) -> None:
    with store.begin() as tx:
        profiles.save(tx, [profile(0, requests=1), profile(1, requests=20)])
        found = profiles.health_before(tx, "flights", 3, until=window(1).end - QUARTER / 15, windows=9)
    assert found is not None
    assert found.requests == 1


def test_without_requests_there_is_no_health_before(store: Store) -> None:
    with store.begin() as tx:
        profiles.save(tx, [profile(0, requests=0)])
        assert profiles.health_before(tx, "flights", 3, until=window(9).end, windows=9) is None


def test_windows_come_with_the_verdict_on_their_health_oldest_first(store: Store) -> None:
    with store.begin() as tx:
        profiles.save(tx, [profile(2, healthy=Verdict.BREACH, requests=8), profile(0), profile(1)])
        profiles.save(tx, [profile(2, version=4)])
        assert profiles.judged(tx, "flights", 3, window(1).start) == [
            (window(1), Verdict.HEALTHY, 4),
            (window(2), Verdict.BREACH, 8),
        ]


def test_windows_of_another_length_are_windows_of_their_own(store: Store) -> None:
    hour = Window(T0, T0 + 4 * QUARTER)
    with store.begin() as tx:
        profiles.save(tx, [profile(0), replace(profile(0), window=hour)])
        assert [found.window for found in load(tx)] == [window(0), hour]


def test_requests_can_be_told_of_windows_of_one_length_only(store: Store) -> None:
    hour = Window(T0 + 4 * QUARTER, T0 + 8 * QUARTER)
    with store.begin() as tx:
        profiles.save(tx, [profile(0, requests=4), replace(profile(requests=9), window=hour)])
        assert profiles.requests(tx, "flights", T0, length=QUARTER) == {(T0, 3): 4}
        assert profiles.requests(tx, "flights", T0, length=hour.length) == {(hour.start, 3): 9}


def test_profiles_of_every_version_between_two_moments_come_each_in_its_own_bins(store: Store) -> None:
    with store.begin() as tx:
        third, second = (baselines.save(tx, baseline(version=v)) for v in (3, 2))
        counts = {name: np.arange(5) for name in ("distance", "carrier")}
        given = [
            replace(profile(1), columns=counts, baseline_id=third.id),
            replace(profile(0), columns=counts, baseline_id=third.id),
            replace(profile(1), version=2, columns=counts, baseline_id=second.id),
            replace(profile(5), columns=counts, baseline_id=third.id),
            replace(profile(1), window=Window(window(0).start, window(3).end), columns=counts, baseline_id=third.id),
        ]
        profiles.save(tx, given)
        known = {third.id or 0: third}
        found = profiles.between(tx, "flights", window(0).start, window(4).end, length=window(0).length, known=known)
    assert [(p.window, p.version) for p in found] == [(window(0), 3), (window(1), 2), (window(1), 3)]
    assert [bool(p.columns) for p in found] == [True, False, True], "counts in unknown bins mean nothing"
