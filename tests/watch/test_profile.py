"""Batches become counts by window, and counts add up."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.baseline import Baseline, BaselineColumn, BaselineKind
from daemon.domain.profile import Profile
from daemon.domain.sample import Batch, CategoricalColumn, HealthCount, NumericColumn, Part
from daemon.domain.schema import Column, Kind, Role, Signature
from daemon.domain.window import Window
from daemon.watch.profile import merge, profile
from detectors import latency
from detectors.bins import CategoricalBins, NumericBins

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
FIRST, SECOND = (Window(NOON + n * timedelta(minutes=15), NOON + (n + 1) * timedelta(minutes=15)) for n in range(2))
DISTANCE = NumericBins((10.0, 20.0))
CARRIER = CategoricalBins(("AA", "UA"), frozenset({"HA"}), complete=True)
BASELINE = Baseline(
    "flights",
    3,
    BaselineKind.TRAINING,
    "a file",
    6,
    NOON,
    {
        "distance": BaselineColumn(Column("distance", Kind.NUMERIC), DISTANCE, np.array([2, 2, 2, 0, 0])),
        "carrier": BaselineColumn(Column("carrier", Kind.CATEGORICAL), CARRIER, np.array([3, 2, 1, 0, 0])),
        "prediction": BaselineColumn(
            Column("prediction", Kind.NUMERIC, Role.PREDICTION), DISTANCE, np.array([6, 0, 0, 0, 0])
        ),
    },
    Signature(
        (Column("distance", Kind.NUMERIC), Column("carrier", Kind.CATEGORICAL)),
        (Column("prediction", Kind.NUMERIC, Role.PREDICTION),),
    ),
    id=17,
)
PARTS = [Part(FIRST, "a", 1.0), Part(SECOND, "a", 1.0), Part(FIRST, "b", 1.0)]


def batch() -> Batch:
    """Rows of three parts: two records in the first, three in the second, one in the third."""
    answered = np.array([True, True, True, False, True, True])
    return Batch(
        part=np.array([0, 0, 1, 1, 1, 2], np.int32),
        columns={
            "distance": NumericColumn(np.array([5.0, 15, 25, np.inf, 0, 15]), np.array([0, 0, 0, 0, 1, 0], np.bool_)),
            "carrier": CategoricalColumn(np.array([0, 1, 2, 3, -1, 0], np.int32), ("UA", "AA", "HA", "ZZ")),
            "prediction": NumericColumn(np.array([1.0, 15, 25, 0, 1, 1]), np.zeros(6, np.bool_), answered),
        },
        faults=[{"wrong_type": 2}, {}, {"wrong_type": 1, "oversized": 4}],
        sampled=[2, 3, 5],
        requests=[2, 3, 1],
    )


def health(window: Window, entity: str, requests: int, errors: tuple[int, int] = (0, 0), ms: float = 10) -> HealthCount:
    successes = requests - sum(errors)
    return HealthCount(window, entity, requests, *errors, latency.count([ms] * successes))


def made() -> list[Profile]:
    counts = [health(FIRST, "a", 10, (1, 2)), health(FIRST, "b", 5, ms=40), health(SECOND, "a", 7)]
    return profile("flights", 3, PARTS, counts, batch(), BASELINE)


def test_each_window_has_one_profile_with_the_counts_of_all_its_entities() -> None:
    first, second = made()
    assert (first.window, second.window) == (FIRST, SECOND)
    assert (first.endpoint, first.version, first.baseline_id) == ("flights", 3, 17)
    assert first.columns["distance"].tolist() == [1, 2, 0, 0, 0]
    assert second.columns["distance"].tolist() == [0, 0, 1, 1, 1]
    assert first.columns["carrier"].tolist() == [1, 2, 0, 0, 0]
    assert second.columns["carrier"].tolist() == [0, 0, 1, 1, 1]


def test_a_prediction_that_is_absent_is_no_null() -> None:
    assert made()[1].columns["prediction"].tolist() == [1, 0, 1, 0, 0]


def test_health_and_coverage_are_summed_over_the_entities() -> None:
    first, second = made()
    assert (first.health.requests, first.health.errors_4xx, first.health.errors_5xx) == (15, 1, 2)
    assert np.array_equal(first.health.latency, latency.count([10] * 7 + [40] * 5))
    assert (first.coverage.requests, first.coverage.sampled, first.coverage.decoded, first.coverage.records) == (
        15,
        7,
        3,
        3,
    )
    assert first.coverage.faults == {"wrong_type": 3, "oversized": 4}
    assert (second.coverage.sampled, second.coverage.decoded, second.coverage.records) == (3, 3, 3)


def test_rows_logged_more_than_once_are_summed_over_the_entities() -> None:
    counts = [replace(health(FIRST, entity, 10), copies=n) for entity, n in (("a", 3), ("b", 4))]
    first, second = profile("flights", 3, PARTS, counts, batch(), BASELINE)
    assert (first.coverage.copies, second.coverage.copies) == (7, 0)
    assert merge([first, first, second]).coverage.copies == 14


@pytest.mark.parametrize(
    ("margin", "outside"), [(0.0, {"distance": 3}), (1.0, {"distance": 2}), (10.0, {"distance": 1}), (1e300, {})]
)
def test_numbers_are_out_of_range_beyond_the_extremes_and_a_share_of_their_span(
    margin: float, outside: dict[str, int]
) -> None:
    """The baseline lies between 10 and 20. Nulls, what is not finite and absent predictions have no place."""
    known = dict(BASELINE.columns)
    known["distance"] = replace(known["distance"], extremes=(10.0, 20.0))
    known["prediction"] = replace(known["prediction"], extremes=(0.0, 1.0))
    nulls = np.array([0, 0, 0, 0, 0, 1], np.bool_)
    columns = {
        **batch().columns,
        "distance": NumericColumn(np.array([10.0, 20.0, 25.1, -9.0, 150.0, -1e9]), nulls),
        "prediction": NumericColumn(np.ones(6), np.zeros(6, np.bool_)),
    }
    parts = [Part(FIRST, "a", 1.0)] * 3
    (made,) = profile(
        "flights", 3, parts, [], replace(batch(), columns=columns), replace(BASELINE, columns=known), margin=margin
    )
    assert made.coverage.out_of_range == outside
    assert merge([made, made]).coverage.out_of_range == {name: 2 * n for name, n in outside.items()}


def test_absent_predictions_and_what_is_not_finite_are_not_out_of_range() -> None:
    known = {name: replace(c, extremes=(0.0, 30.0)) for name, c in BASELINE.columns.items() if name != "carrier"}
    baseline = replace(BASELINE, columns={**BASELINE.columns, **known})
    answered = np.array([1, 1, 1, 0, 1, 1], np.bool_)
    answers = NumericColumn(np.array([1.0, 1.0, 1.0, 99.0, 99.0, 99.0]), np.zeros(6, np.bool_), answered)
    columns = {**batch().columns, "prediction": answers}
    found = profile("flights", 3, PARTS, [], replace(batch(), columns=columns), baseline)
    assert [p.coverage.out_of_range for p in found] == [{"prediction": 1}, {"prediction": 1}]


def test_a_version_without_a_baseline_still_has_health() -> None:
    (one,) = profile("flights", 3, [], [health(FIRST, "a", 10)], None, None)
    assert (one.health.requests, one.coverage.requests, one.columns, one.baseline_id) == (10, 10, {}, None)


def test_a_window_without_a_sample_has_health_and_empty_columns() -> None:
    found = profile("flights", 3, PARTS, [health(SECOND, "a", 1)], batch(), BASELINE)
    assert [p.health.requests for p in found] == [0, 1]
    lonely = Window(NOON - timedelta(hours=1), NOON)
    (early, *_) = profile("flights", 3, PARTS, [health(lonely, "a", 1)], batch(), BASELINE)
    assert early.columns["distance"].sum() == 0 and early.coverage.sampled == 0


def test_a_column_that_changed_its_kind_is_left_out() -> None:
    columns = {**batch().columns, "carrier": NumericColumn(np.zeros(6), np.zeros(6, np.bool_))}
    found = profile("flights", 3, PARTS, [], replace(batch(), columns=columns), BASELINE)
    assert all("carrier" not in p.columns and "distance" in p.columns for p in found)


def test_merged_profiles_are_those_of_the_whole_stretch() -> None:
    whole = merge(made())
    assert whole.window == Window(FIRST.start, SECOND.end)
    assert whole.columns["distance"].tolist() == [1, 2, 1, 1, 1]
    assert whole.health.requests == 22 and whole.coverage.records == 6
    assert whole.coverage.faults == {"wrong_type": 3, "oversized": 4}
    assert whole.version == 3 and whole.baseline_id == 17


@given(st.permutations(made() + made()), st.integers(1, 3))
def test_merging_does_not_depend_on_order_or_grouping(profiles: list[Profile], cut: int) -> None:
    at_once = merge(profiles)
    in_steps = merge([merge(profiles[:cut]), merge(profiles[cut:])])
    assert at_once.window == in_steps.window and at_once.coverage == in_steps.coverage
    assert at_once.health.requests == in_steps.health.requests == 44
    for name, counts in at_once.columns.items():
        assert np.array_equal(counts, in_steps.columns[name])


def test_profiles_of_two_versions_or_baselines_do_not_add_up() -> None:
    first, second = made()
    for other in (replace(second, version=4), replace(second, baseline_id=18), replace(second, endpoint="trains")):
        with pytest.raises(ValueError, match="add up"):
            merge([first, other])
    with pytest.raises(ValueError, match="add up"):
        merge([])
