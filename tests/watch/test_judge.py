"""What counts as a breach: the rule, case by case and as properties."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.finding import Reason, Verdict
from daemon.watch.judge import Measured, judge, nothing_to_measure

CASES = [
    # n, value, lower bound -> verdict, reason; threshold 0.1, 500 rows wanted
    (1000, 0.30, 0.20, Verdict.BREACH, Reason.CERTAINLY_BEYOND),
    (1000, 0.30, 0.10, Verdict.INCONCLUSIVE, Reason.NOT_CERTAIN),
    (1000, 0.10, 0.00, Verdict.HEALTHY, Reason.WITHIN_TOLERANCE),
    (499, 0.02, 0.00, Verdict.INCONCLUSIVE, Reason.TOO_FEW_ROWS),
    (60, 0.95, 0.70, Verdict.BREACH, Reason.CERTAINLY_BEYOND),
]


@pytest.mark.parametrize(("n", "value", "lower", "verdict", "reason"), CASES)
def test_a_measurement_is_judged_by_its_bound_and_its_rows(
    n: int, value: float, lower: float, verdict: Verdict, reason: Reason
) -> None:
    assert judge(Measured(n, value, lower), threshold=0.1, rows_wanted=500) == (verdict, reason)


def test_what_was_not_measured_is_no_data_whatever_the_threshold() -> None:
    assert judge(nothing_to_measure(0, 5), threshold=0.0, rows_wanted=0) == (Verdict.NO_DATA, Reason.NO_ROWS)
    assert judge(nothing_to_measure(5, 0), threshold=0.0, rows_wanted=0) == (Verdict.NO_DATA, Reason.EMPTY_BASELINE)


@given(
    n=st.integers(0, 10_000),
    value=st.floats(0, 1),
    slack=st.floats(0, 1),
    threshold=st.floats(0, 1),
    rows=st.integers(0, 5000),
)
def test_a_breach_is_always_beyond_the_threshold_and_health_never_is(
    n: int, value: float, slack: float, threshold: float, rows: int
) -> None:
    verdict, _ = judge(Measured(n, value, max(0.0, value - slack)), threshold=threshold, rows_wanted=rows)
    if verdict is Verdict.BREACH:
        assert value > threshold
    if verdict is Verdict.HEALTHY:
        assert value <= threshold
        assert n >= rows
