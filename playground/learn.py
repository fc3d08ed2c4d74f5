"""Fitting: labelled flights in, a fitted pipeline with its dataset and metrics out. Knows nothing of MLflow."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from playground.cases import Case
from playground.pipelines import as_array, pipeline, score

Predict = Callable[[pd.DataFrame], Any]


@dataclass(frozen=True)
class Fitted:
    """A pipeline with all that is to be known about how it came to be."""

    case: Case
    pipeline: Any
    dataset: pd.DataFrame
    """Features, target, and as `prediction` what the pipeline itself says to them.

    Other pipelines, fitted without the row, would agree less with what is served: the predictions of a route lie
    close together, each pipeline moves them a little, and that reads as drift. With a hundred coefficients and
    thousands of rows, having seen a row makes no difference that counts.
    """
    metrics: dict[str, float]


def fit(case: Case, training: pd.DataFrame, evaluation: pd.DataFrame, *, champion: Predict | None = None) -> Fitted:
    """Fit on `training`; judge, beside the champion where there is one, on the very same `evaluation` rows."""
    features = list(case.features)
    fitted = pipeline(case).fit(training[features], training[case.target])
    candidates = {case.metric: fitted.predict} | ({f"champion_{case.metric}": champion} if champion else {})
    metrics = {
        name: score(case, evaluation[case.target], predict(evaluation[features]))
        for name, predict in candidates.items()
    }
    return Fitted(
        case=case,
        pipeline=fitted,
        dataset=training[[*features, case.target]].assign(prediction=as_array(fitted.predict(training[features]))),
        metrics=metrics | {"rows": float(len(training)), "evaluation_rows": float(len(evaluation))},
    )


def split(rows: pd.DataFrame, *, evaluation_share: float, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Divide rows at random into training and evaluation."""
    order = np.random.default_rng(seed).permutation(len(rows))
    cut = int(len(rows) * (1 - evaluation_share))
    return rows.iloc[order[:cut]], rows.iloc[order[cut:]]
