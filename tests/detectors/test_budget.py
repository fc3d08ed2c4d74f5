import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import budget, ks

PLAN = {"columns": 20, "metrics": 3, "scales": 15}


@pytest.mark.parametrize(
    ("looks", "alpha", "rows_at_10", "rows_at_5"),
    [(365, 3.0e-6, 670, 2_680), (8_760, 1.3e-7, 829, 3_315), (105_120, 1.1e-8, 953, 3_813)],
)
def test_a_budget_of_one_a_year_costs_the_rows_of_the_table(
    looks: int, alpha: float, rows_at_10: int, rows_at_5: int
) -> None:
    found = budget.alpha(1, looks_per_year=looks, **PLAN)
    assert found == pytest.approx(alpha, rel=0.05)
    assert budget.rows_to_certify(0.2, 0.1, found) == pytest.approx(rows_at_10, abs=1)
    assert budget.rows_to_certify(0.1, 0.05, found) == pytest.approx(rows_at_5, abs=1)


def test_all_looks_together_spend_the_budget() -> None:
    assert budget.alpha(12, looks_per_year=8_760, **PLAN) * 8_760 * 20 * 3 * 15 == pytest.approx(12)


def test_columns_that_are_added_share_the_same_budget() -> None:
    few, many = (budget.alpha(1, looks_per_year=365, columns=columns, metrics=3) for columns in (10, 40))
    assert many == pytest.approx(few / 4)


def test_a_budget_for_more_alarms_than_looks_still_gives_a_bound() -> None:
    assert budget.alpha(1_000, looks_per_year=12, columns=1, metrics=1) == 0.5


@given(st.floats(0.01, 1), st.floats(0, 0.99), st.floats(1e-12, 0.5))
def test_with_the_planned_rows_the_shift_is_certain_and_with_one_less_it_is_not(
    shift: float, part: float, alpha: float
) -> None:
    tolerance = shift * part
    rows = budget.rows_to_certify(shift, tolerance, alpha)
    assert shift - ks.radius(rows, 1e300, alpha) >= tolerance - 1e-12
    if rows > 1:
        assert shift - ks.radius(rows - 1, 1e300, alpha) <= tolerance + 1e-12


@pytest.mark.parametrize(
    "mistake", [{"columns": 0}, {"metrics": 0}, {"scales": 0}, {"looks_per_year": 0}, {"false_alarms_per_year": 0}]
)
def test_a_plan_with_nothing_in_it_is_refused(mistake: dict[str, int]) -> None:
    plan = {"false_alarms_per_year": 1, "looks_per_year": 365, **PLAN, **mistake}
    with pytest.raises(ValueError):
        budget.alpha(plan.pop("false_alarms_per_year"), **plan)


@pytest.mark.parametrize(("shift", "tolerance"), [(0.1, 0.1), (0.05, 0.1), (1.1, 0.1), (0.2, -0.1)])
def test_no_number_of_rows_certifies_what_is_not_so(shift: float, tolerance: float) -> None:
    with pytest.raises(ValueError, match="no number of rows"):
        budget.rows_to_certify(shift, tolerance, 0.01)
