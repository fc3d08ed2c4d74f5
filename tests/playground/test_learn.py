"""Fitting: what the dataset of a version says must hold for what the version serves."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp

from playground.cases import AIR_TIME, CASES, FLIGHT_DELAY, Case
from playground.flights import WINTER, flights, training, unseen
from playground.learn import fit, split
from playground.pipelines import as_array

CASE_BY_CASE = pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))


@pytest.fixture(scope="module")
def winter(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the winter flights for training, and those that nobody trains on."""
    table = flights(tmp_path_factory.mktemp("flights"))
    return training(table).to_pandas(), unseen(table, WINTER).to_pandas()


@CASE_BY_CASE
def test_predictions_for_unseen_winter_flights_are_no_drift_against_the_dataset(
    winter: tuple[pd.DataFrame, pd.DataFrame], case: Case
) -> None:
    trained, never_seen = winter
    fitted = fit(case, trained, never_seen)
    served = as_array(fitted.pipeline.predict(never_seen[list(case.features)]))
    assert ks_2samp(fitted.dataset["prediction"], served).pvalue > 0.001
    in_kilometres = never_seen.assign(distance=never_seen["distance"] * 1.609344)
    shifted = as_array(fitted.pipeline.predict(in_kilometres[list(case.features)]))
    assert ks_2samp(fitted.dataset["prediction"], shifted).pvalue < 1e-9


@CASE_BY_CASE
def test_a_version_is_far_better_than_knowing_nothing(winter: tuple[pd.DataFrame, pd.DataFrame], case: Case) -> None:
    metrics = fit(case, *winter).metrics
    if case is FLIGHT_DELAY:
        # A coin has 0.5.
        assert metrics["auc"] > 0.85
    else:
        truth = winter[1]["air_time"]
        assert metrics["mae"] < 0.2 * (truth - truth.median()).abs().mean()


def _constant(value: float) -> Callable[[pd.DataFrame], Any]:
    return lambda rows: np.full(len(rows), value)


def test_the_champion_is_judged_on_the_very_same_rows(winter: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    trained, evaluation = winter[0][:2_000], winter[1][:501]
    minutes = fit(AIR_TIME, trained, evaluation, champion=_constant(100.0)).metrics
    assert minutes["champion_mae"] == pytest.approx((evaluation["air_time"] - 100).abs().mean())
    assert fit(FLIGHT_DELAY, trained, evaluation, champion=_constant(0.2)).metrics["champion_auc"] == 0.5
    assert (minutes["rows"], minutes["evaluation_rows"]) == (2_000, 501)
    assert "champion_mae" not in fit(AIR_TIME, trained, evaluation).metrics


def test_a_split_uses_every_row_once() -> None:
    rows = pd.DataFrame({"x": range(1_000)})
    learn, judge = split(rows, evaluation_share=0.25, seed=1)
    assert (len(learn), len(judge)) == (750, 250)
    assert sorted([*learn["x"], *judge["x"]]) == list(range(1_000))
