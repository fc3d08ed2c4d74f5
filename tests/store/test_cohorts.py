"""Cohorts are kept as they were counted, and replaced whole."""

from dataclasses import replace
from datetime import timedelta

from daemon.domain.cohort import Cohort, Truth
from daemon.store import cohorts
from daemon.store.engine import Store
from tests.store.nouns import T0, cohort, window


def plain(one: Cohort) -> list[object]:
    """Return all that a cohort says: arrays have no single truth, lists have."""
    truth = one.truth
    counts = [truth.labelled, truth.right, truth.confusion, dict(truth.sums), truth.scores.tolist()]
    return [replace(one, truth=EMPTY), *counts]


EMPTY = Truth()


def test_a_cohort_comes_back_as_it_was(store: Store) -> None:
    saved = [cohort(0, well=False, final=True, reference=True), cohort(1, confidence=None, truth=Truth())]
    with store.begin() as tx:
        cohorts.save(tx, saved)
        found = cohorts.load(tx, "flights", 3, "s", since=T0)
    assert [plain(one) for one in found] == [plain(one) for one in saved]


def test_one_that_is_counted_again_gives_way(store: Store) -> None:
    with store.begin() as tx:
        for rows in (10, 25, 25):
            cohorts.save(tx, [cohort(0, rows=rows, counted_at=T0 + timedelta(hours=rows))])
        (found,) = cohorts.load(tx, "flights", 3, "s", since=T0)
        assert found.truth.labelled == 25
        assert cohorts.counted(tx, "flights", 3, "s") == {window(0): (False, T0 + timedelta(hours=25))}


def test_those_of_other_endpoints_versions_and_subjects_are_left_alone(store: Store) -> None:
    others = [cohort(0, endpoint="air-time"), cohort(1, version=4), cohort(2, subject="before")]
    with store.begin() as tx:
        cohorts.save(tx, [*others, cohort(3)])
        assert [one.window for one in cohorts.load(tx, "flights", 3, "s", since=T0)] == [window(3)]
        newest = cohorts.newest(tx, "flights", 3, "s")
        assert newest is not None and newest.window == window(3)
        assert cohorts.newest(tx, "flights", 9, "s") is None


def test_the_old_ones_come_as_long_as_nothing_is_compared_with_and_then_those_compared_with(store: Store) -> None:
    with store.begin() as tx:
        cohorts.save(tx, [cohort(n) for n in range(4)])
        since = window(3).start
        assert len(cohorts.load(tx, "flights", 3, "s", since=since)) == 4
        cohorts.save(tx, [cohort(1, reference=True)])
        assert [one.window for one in cohorts.load(tx, "flights", 3, "s", since=since)] == [window(1), window(3)]
