import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from sklearn import metrics

from detectors import bounded_mean, classification
from detectors.classification import Confusion
from tests.detectors.histograms import alphas, most_errors

rows = st.integers(0, 2_000)
confusions = st.builds(Confusion, rows, rows, rows, rows)
SHARES = [classification.accuracy, classification.precision, classification.recall, classification.f1]


def labelled(confusion: Confusion) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Labels and predictions, row by row."""
    parts = [(1, 1, confusion.hits), (0, 1, confusion.false_alarms), (1, 0, confusion.misses)]
    parts.append((0, 0, confusion.rejections))
    labels, predictions = (np.repeat([part[side] for part in parts], [part[2] for part in parts]) for side in (0, 1))
    return labels, predictions


@given(st.builds(Confusion, *[st.integers(1, 60)] * 4), st.randoms())
def test_point_values_are_those_of_scikit_learn(confusion: Confusion, any_: object) -> None:
    labels, predictions = labelled(confusion)
    for measure, theirs in zip(
        SHARES,
        (metrics.accuracy_score, metrics.precision_score, metrics.recall_score, metrics.f1_score),
        strict=True,
    ):
        assert measure(confusion, 0.1).value == pytest.approx(theirs(labels, predictions))


@given(confusions, alphas)
def test_bounds_enclose_the_value(confusion: Confusion, alpha: float) -> None:
    for measure in SHARES:
        found = measure(confusion, alpha)
        assert 0 <= found.lower <= found.value <= found.upper <= 1
        assert found.exact and found.higher_is_better


@given(confusions, st.floats(1e-6, 0.4))
def test_bounds_of_shares_are_those_of_scipys_exact_interval(confusion: Confusion, alpha: float) -> None:
    positive = confusion.hits + confusion.misses
    if positive:
        interval = stats.binomtest(confusion.hits, positive).proportion_ci(1 - 2 * alpha, method="exact")
        found = classification.recall(confusion, alpha)
        assert (found.lower, found.upper) == pytest.approx((interval.low, interval.high), abs=1e-9)


def test_the_bounds_of_f1_err_no_more_often_than_alpha() -> None:
    rng = np.random.default_rng(71)
    shares = np.array([0.1, 0.05, 0.08, 0.77])
    truth = 2 * 0.1 / (2 * 0.1 + 0.05 + 0.08)
    found = [classification.f1(Confusion(*row), 0.1) for row in rng.multinomial(300, shares, 3_000).tolist()]
    assert 0 < sum(f.lower > truth for f in found) <= most_errors(3_000, 0.1)
    assert 0 < sum(f.upper < truth for f in found) <= most_errors(3_000, 0.1)


@pytest.mark.parametrize("measure", SHARES)
def test_without_a_row_that_tells_anything_may_be(measure: object) -> None:
    found = measure(Confusion(0, 0, 0, 0), 0.1)  # type: ignore[operator]
    assert (found.lower, found.upper, found.n) == (0.0, 1.0, 0)


@given(confusions, confusions)
def test_cohorts_add_up(one: Confusion, other: Confusion) -> None:
    assert one + other == other + one
    assert classification.accuracy(one + other, 0.1).n == sum(
        classification.accuracy(part, 0.1).n for part in (one, other)
    )


def test_negative_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        Confusion(0, 0, -1, 0)


def test_log_loss_is_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(76)
    labels, p = rng.integers(0, 2, 1_000), rng.uniform(0.01, 0.99, 1_000)
    found = classification.log_loss(
        bounded_mean.add_up(-np.log(np.where(labels == 1, p, 1 - p)), largest=13.8), alpha=0.01
    )
    assert found.value == pytest.approx(metrics.log_loss(labels, p))
    assert not found.higher_is_better
