"""Gates against metrics: hand-made numbers, and what no metric may get past."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.remedies import Gate
from daemon.remediate.gates import judge

AUC = Gate(metric="auc", min=0.7)
LOSS = Gate(metric="loss", max=0.5)
RIVAL = Gate(metric="auc", champion="champion_auc", tolerance=0.02)
RIVAL_LOSS = Gate(metric="loss", champion="champion_loss", tolerance=0.02, better="lower")
BOTH = Gate(metric="auc", min=0.7, champion="champion_auc")


@pytest.mark.parametrize(
    ("gate", "metrics", "passes"),
    [
        (AUC, {"auc": 0.7}, True),
        (AUC, {"auc": 0.6999}, False),
        (AUC, {}, False),
        (AUC, {"auc": math.nan}, False),
        (AUC, {"auc": -math.inf}, False),
        (LOSS, {"loss": 0.5}, True),
        (LOSS, {"loss": 0.5001}, False),
        (LOSS, {"loss": math.inf}, False),
        (RIVAL, {"auc": 0.75, "champion_auc": 0.76}, True),
        (RIVAL, {"auc": 0.75, "champion_auc": 0.78}, False),
        (RIVAL, {"auc": 0.9, "champion_auc": 0.5}, True),
        (RIVAL, {"auc": 0.75}, False),
        (RIVAL, {"auc": 0.75, "champion_auc": math.nan}, False),
        (RIVAL, {"auc": math.inf, "champion_auc": math.inf}, False),
        (RIVAL_LOSS, {"loss": 0.31, "champion_loss": 0.30}, True),
        (RIVAL_LOSS, {"loss": 0.33, "champion_loss": 0.30}, False),
        (BOTH, {"auc": 0.69, "champion_auc": 0.5}, False),
        (BOTH, {"auc": 0.71, "champion_auc": 0.72}, False),
        (BOTH, {"auc": 0.72, "champion_auc": 0.72}, True),
    ],
)
def test_a_gate_opens_for_a_metric_that_meets_it(gate: Gate, metrics: dict[str, float], passes: bool) -> None:
    (result,) = judge([gate], metrics)
    assert result.passed is passes
    assert gate.metric in result.detail or gate.champion in result.detail.split()


@pytest.mark.parametrize(
    ("rows", "least", "passes"),
    [(500.0, 500, True), (499.0, 500, False), (math.nan, 500, False), (math.inf, 500, True), (None, 500, False)],
)
def test_a_minimum_of_rows_is_a_gate_before_the_others(rows: float | None, least: int, passes: bool) -> None:
    metrics = {"auc": 0.9} | ({} if rows is None else {"evaluation_rows": rows})
    first, second = judge([AUC], metrics, minimum_rows=least)
    assert (first.metric, first.passed, second.passed) == ("evaluation_rows", passes, True)


def test_no_minimum_asks_for_no_rows() -> None:
    assert [r.metric for r in judge([AUC], {"auc": 0.9}, minimum_rows=0)] == ["auc"]


def test_every_gate_is_asked_in_order() -> None:
    results = judge([AUC, LOSS, RIVAL], {"auc": 0.5, "loss": 0.4, "champion_auc": 0.5})
    assert [(r.metric, r.passed) for r in results] == [("auc", False), ("loss", True), ("auc", True)]


def test_no_gate_holds_nothing_up() -> None:
    assert judge([], {"auc": 0.1}) == []


NUMBERS = st.floats(allow_nan=True, allow_infinity=True)


@given(value=NUMBERS, champion=NUMBERS, tolerance=st.floats(0, 1))
def test_nothing_gets_past_a_champion_that_it_is_not_at_least_nearly_as_good_as(
    value: float, champion: float, tolerance: float
) -> None:
    for better, worse_by in (("higher", champion - value), ("lower", value - champion)):
        gate = Gate.model_validate({"metric": "m", "champion": "c", "tolerance": tolerance, "better": better})
        (result,) = judge([gate], {"m": value, "c": champion})
        assert result.passed == (worse_by <= tolerance)
