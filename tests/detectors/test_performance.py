import math
from dataclasses import replace

import numpy as np
import pytest

from detectors import bounded_mean, performance
from detectors.performance import Performance, certainly_worse
from tests.detectors.histograms import most_errors


@pytest.mark.parametrize(
    ("errors", "tolerance", "rows"), [(0.25, 0.02, 600), (0.35, 0.02, 200), (0.25, 0.0, 400), (0.20, 0.02, 5_000)]
)
def test_concept_drift_is_certain_with_about_the_labels_of_the_table(
    errors: float, tolerance: float, rows: int
) -> None:
    """Errors were 15 %. The table looked again and again, so a quarter and twice its labels are asked here."""
    before = performance.of_share("accuracy", 85_000, 100_000, 1e-3)
    alpha = 1e-6
    few, many = (performance.of_share("accuracy", round((1 - errors) * n), n, alpha) for n in (rows // 4, 2 * rows))
    assert not certainly_worse(few, before, tolerance=tolerance)
    assert certainly_worse(many, before, tolerance=tolerance)


def test_errors_within_the_tolerance_are_never_certain_however_many_labels_came() -> None:
    before = performance.of_share("accuracy", 85_000, 100_000, 1e-3)
    assert not certainly_worse(performance.of_share("accuracy", 8_400_000, 10**7, 1e-6), before, tolerance=0.02)
    assert certainly_worse(performance.of_share("accuracy", 8_400_000, 10**7, 1e-6), before, tolerance=0.0)


def test_better_is_not_worse() -> None:
    low, high = (performance.of_share("accuracy", k, 1_000, 0.01) for k in (100, 900))
    assert certainly_worse(low, high, tolerance=0.1) and not certainly_worse(high, low, tolerance=0.1)
    small, large = (
        performance.of_mean("mae", bounded_mean.add_up(np.full(1_000, x), largest=10.0), 0.01) for x in (1.0, 5.0)
    )
    assert not certainly_worse(large, small, tolerance=4.5)
    assert certainly_worse(large, small, tolerance=1.0) and not certainly_worse(small, large, tolerance=1.0)


def test_what_holds_in_the_limit_only_decides_nothing() -> None:
    now, before = (Performance("auc", v, v - 0.01, v + 0.01, 10**6, exact=False) for v in (0.5, 0.9))
    assert not certainly_worse(now, before, tolerance=0.0)
    assert not certainly_worse(replace(now, exact=True), before, tolerance=0.0)
    assert not certainly_worse(now, replace(before, exact=True), tolerance=0.0)
    assert certainly_worse(replace(now, exact=True), replace(before, exact=True), tolerance=0.0)


def test_measures_of_different_kinds_are_not_compared() -> None:
    one = performance.of_share("accuracy", 5, 10, 0.1)
    for name, tolerance in (("recall", 0.0), ("accuracy", -0.1), ("accuracy", math.nan)):
        with pytest.raises(ValueError):
            certainly_worse(one, performance.of_share(name, 5, 10, 0.1), tolerance=tolerance)


def test_a_drop_of_just_the_tolerance_is_condemned_no_more_often_than_both_errors() -> None:
    rng = np.random.default_rng(72)
    pairs = zip(rng.binomial(2_000, 0.90, 3_000).tolist(), rng.binomial(500, 0.85, 3_000).tolist(), strict=True)
    wrong = sum(
        certainly_worse(
            performance.of_share("accuracy", k, 500, 0.1),
            performance.of_share("accuracy", k0, 2_000, 0.1),
            tolerance=0.05,
        )
        for k0, k in pairs
    )
    assert wrong <= most_errors(3_000, 0.2)
