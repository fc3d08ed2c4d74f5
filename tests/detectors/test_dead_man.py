import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.dead_man import failures_in_a_row


@pytest.mark.parametrize(
    ("usual", "looks", "allowed", "k"),
    [(0.01, 525_600, 1, 3), (0.1, 525_600, 1, 6), (0.1, 10**6, 1, 6), (0.5, 8_760, 1, 14), (0.0, 10**6, 1, 1)],
)
def test_so_many_failures_in_a_row_are_no_chance(usual: float, looks: float, allowed: float, k: int) -> None:
    """By hand: ln(525600) = 13.17, over ln(100) = 4.61 and ln(10) = 2.30; ln(8760) = 9.08 over ln(2) = 0.69."""
    assert failures_in_a_row(usual, looks_per_year=looks, false_alarms_per_year=allowed) == k


@given(st.floats(0.001, 0.9), st.floats(10, 1e7), st.floats(0.01, 100))
def test_it_is_the_fewest_that_keep_the_budget(usual: float, looks: float, allowed: float) -> None:
    k = failures_in_a_row(usual, looks_per_year=looks, false_alarms_per_year=allowed)
    assert looks * usual**k <= allowed * (1 + 1e-9)
    assert k == 1 or looks * usual ** (k - 1) > allowed * (1 - 1e-9)


@pytest.mark.parametrize(("usual", "looks", "allowed"), [(1.0, 10, 1), (-0.1, 10, 1), (0.1, 0, 1), (0.1, 10, 0)])
def test_a_budget_that_is_none_is_refused(usual: float, looks: float, allowed: float) -> None:
    with pytest.raises(ValueError):
        failures_in_a_row(usual, looks_per_year=looks, false_alarms_per_year=allowed)
