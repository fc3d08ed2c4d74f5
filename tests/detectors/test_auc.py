import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from sklearn import metrics

from detectors import auc


def delong(scores: NDArray[np.float64], labels: NDArray[np.bool_]) -> float:
    """The standard deviation as DeLong wrote it: over all pairs."""
    x, y = scores[labels], scores[~labels]
    kernel = (x[:, None] > y).astype(float) + 0.5 * (x[:, None] == y)
    s10, s01 = kernel.mean(axis=1).var(ddof=1), kernel.mean(axis=0).var(ddof=1)
    return math.sqrt(s10 / len(x) + s01 / len(y))


@given(st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=4, max_size=80), st.floats(0.001, 0.5))
def test_the_area_is_that_of_scikit_learn_and_its_deviation_delongs(
    given_rows: list[tuple[int, bool]], alpha: float
) -> None:
    scores, labels = (np.array(side) for side in zip(*given_rows, strict=True))
    found = auc.measure(scores, labels, alpha)
    assert 0 <= found.lower <= found.value <= found.upper <= 1
    assert not found.exact
    if 2 <= labels.sum() <= len(labels) - 2:
        assert found.value == pytest.approx(metrics.roc_auc_score(labels, scores))
        width = stats.norm.isf(alpha) * delong(scores.astype(float), labels)
        assert found.lower == pytest.approx(max(0.0, found.value - width), abs=1e-9)
        assert found.upper == pytest.approx(min(1.0, found.value + width), abs=1e-9)


def test_in_the_middle_delongs_interval_errs_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(77)
    labels = np.arange(300) < 100
    truth = float(stats.norm.cdf(1 / math.sqrt(2)))
    found = [auc.measure(rng.normal(labels.astype(float), 1.0), labels, 0.05) for _ in range(2_000)]
    for errors in (sum(f.lower > truth for f in found), sum(f.upper < truth for f in found)):
        assert 0.02 * 2_000 < errors < 0.09 * 2_000


@pytest.mark.parametrize("labels", [[True, True], [False, False], [True, False]])
def test_an_area_of_one_kind_of_rows_or_of_one_row_each_may_be_anything(labels: list[bool]) -> None:
    found = auc.measure([0.1, 0.2], labels, 0.1)
    assert (found.lower, found.upper) == (0.0, 1.0)


@pytest.mark.parametrize(
    ("scores", "labels"), [([0.1], [True, False]), ([], []), ([math.nan, 0.1], [True, False]), ([[0.1]], [[True]])]
)
def test_scores_without_labels_are_refused(scores: list[float], labels: list[bool]) -> None:
    with pytest.raises(ValueError):
        auc.measure(scores, labels, 0.1)
