"""Old windows become hours, and everything that is asked of longer stretches stays as it was."""

from dataclasses import replace
from datetime import datetime, timedelta

import numpy as np
import pytest

from daemon.domain.finding import Verdict
from daemon.domain.profile import Profile
from daemon.domain.window import Window
from daemon.store import baselines, profiles
from daemon.store.engine import Store, Tx
from daemon.store.thinning import thin
from daemon.watch.profile import merge
from tests.store.nouns import QUARTER, T0, baseline, profile, window

HOUR = timedelta(hours=1)


def thin_all(tx: Tx, before: datetime, *, portion: int = 2_000) -> list[int]:
    done = [thin(tx, before=before, portion=portion)]
    while done[-1]:
        done.append(thin(tx, before=before, portion=portion))
    return done


def counted(n: int, of: int, distance: list[int] | None = None) -> Profile:
    """Return the n-th window, in the bins of the baseline."""
    counts = {"distance": np.array(distance or [n, 1, 0, 2, 0]), "carrier": np.array([3, 0, n, 0, 1])}
    return profile(n, requests=n + 1, baseline_id=of, columns=counts)


def stored(tx: Tx, made: object = None) -> list[Profile]:
    since, until = T0 - timedelta(days=9), T0 + timedelta(days=9)
    return profiles.load(tx, "flights", 3, since=since, until=until, baseline=made)  # type: ignore[arg-type]


@pytest.mark.parametrize("portion", [2_000, 7])
def test_the_windows_of_an_hour_become_one_whose_counts_are_theirs(store: Store, portion: int) -> None:
    with store.begin() as tx:
        made = baselines.save(tx, baseline())
        assert made.id is not None
        windows = [counted(n, made.id) for n in range(10)]
        profiles.save(tx, windows)
        assert sum(thin_all(tx, window(8).start, portion=portion)) == 8
        found = stored(tx, made)
    # T0 is a full hour, and windows are quarters of one
    spans = [(p.window.start - T0, p.window.length) for p in found]
    assert spans == [(0 * HOUR, HOUR), (HOUR, HOUR), (2 * HOUR, QUARTER), (2 * HOUR + QUARTER, QUARTER)]
    for hour, quarters in ((found[0], windows[:4]), (found[1], windows[4:8])):
        whole = merge(quarters)
        assert hour.health.requests == whole.health.requests
        assert np.array_equal(hour.health.latency, whole.health.latency)
        assert hour.coverage == whole.coverage
        assert {name: c.tolist() for name, c in hour.columns.items()} == {
            name: c.tolist() for name, c in whole.columns.items()
        }
    assert [p.columns["distance"].tolist() for p in found[2:]] == [[8, 1, 0, 2, 0], [9, 1, 0, 2, 0]]


def test_an_hour_that_has_not_grown_old_as_a_whole_stays_as_it_is(store: Store) -> None:
    with store.begin() as tx:
        profiles.save(tx, [profile(n) for n in range(4)])
        assert thin_all(tx, window(3).end - timedelta(seconds=1)) == [0]
        assert len(stored(tx)) == 4


def test_an_hour_of_one_window_is_an_hour_and_is_not_asked_again(store: Store) -> None:
    with store.begin() as tx:
        profiles.save(tx, [profile(2)])
        assert thin_all(tx, T0 + HOUR) == [1, 0]
        assert [p.window for p in stored(tx)] == [Window(T0, T0 + HOUR)]


def test_versions_and_endpoints_are_not_mixed(store: Store) -> None:
    with store.begin() as tx:
        profiles.save(
            tx, [profile(n, version=v, endpoint=e) for n in range(4) for v in (3, 4) for e in ("flights", "x")]
        )
        thin_all(tx, T0 + HOUR)
        assert profiles.requests(tx, "flights", T0) == {(T0, 3): 16, (T0, 4): 16}
        assert profiles.requests(tx, "x", T0) == {(T0, 3): 16, (T0, 4): 16}


def test_a_breach_in_any_window_is_one_of_the_hour(store: Store) -> None:
    said = [Verdict.HEALTHY, Verdict.BREACH, Verdict.NO_DATA, Verdict.INCONCLUSIVE]
    calm = [Verdict.NO_DATA, Verdict.INCONCLUSIVE, Verdict.HEALTHY, Verdict.NO_DATA]
    with store.begin() as tx:
        profiles.save(tx, [profile(n, healthy=said[n], steady=calm[n]) for n in range(4)])
        thin_all(tx, T0 + HOUR)
        (hour,) = stored(tx)
    assert (hour.healthy, hour.steady) == (Verdict.BREACH, Verdict.HEALTHY)


def test_where_the_baseline_changed_within_an_hour_the_counts_are_those_of_the_newer(store: Store) -> None:
    with store.begin() as tx:
        old, new = (baselines.save(tx, baseline(source=source)) for source in ("old", "new"))
        assert old.id is not None and new.id is not None
        profiles.save(tx, [profile(0), counted(1, old.id), counted(2, new.id), counted(3, new.id)])
        thin_all(tx, T0 + HOUR)
        (hour,) = stored(tx, new)
    assert hour.health.requests == 4 + 2 + 3 + 4
    assert hour.columns["distance"].tolist() == [5, 2, 0, 4, 0]


def test_windows_that_were_read_again_under_another_length_count_once(store: Store) -> None:
    half = replace(profile(1, requests=50), window=Window(T0, T0 + 2 * QUARTER))
    with store.begin() as tx:
        profiles.save(tx, [*(profile(n, requests=10) for n in range(4)), half])
        thin_all(tx, T0 + HOUR)
        (hour,) = stored(tx)
    assert hour.health.requests == 40


def test_one_that_comes_after_its_hour_was_merged_changes_nothing_any_more(store: Store) -> None:
    with store.begin() as tx:
        profiles.save(tx, [profile(n, requests=10) for n in range(3)])
        thin_all(tx, T0 + HOUR)
        profiles.save(tx, [profile(3, requests=10)])
        assert thin_all(tx, T0 + HOUR) == [1, 0]
        (hour,) = stored(tx)
    assert hour.health.requests == 30


def test_windows_of_half_an_hour_and_more_are_hours_already_or_merge_in_pairs(store: Store) -> None:
    def long(n: int, minutes: int) -> Profile:
        length = timedelta(minutes=minutes)
        start = (
            datetime.fromtimestamp(0, T0.tzinfo) + ((T0 - datetime.fromtimestamp(0, T0.tzinfo)) // length + n) * length
        )
        return replace(profile(0), window=Window(start, start + length))

    with store.begin() as tx:
        profiles.save(tx, [long(n, 45) for n in range(4)])
        assert thin_all(tx, T0 + 9 * HOUR) == [0]
        profiles.save(tx, [replace(long(n, 25), version=4) for n in range(4)])
        thin_all(tx, T0 + 9 * HOUR)
        spans = {
            start for start, v in profiles.requests(tx, "flights", T0 - HOUR, length=timedelta(minutes=50)) if v == 4
        }
    assert len(spans) in (2, 3)
