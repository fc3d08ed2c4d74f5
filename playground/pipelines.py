"""What is trained: one scikit-learn pipeline a case, and the metric that judges it."""

from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import mean_absolute_error, roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, SplineTransformer, StandardScaler

from playground.cases import Case


class Probability(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Predicts how probable the positive class is, in a column of its own as a service answers it."""

    def __init__(self, classifier: Any) -> None:
        self.classifier = classifier

    def fit(self, features: Any, labels: Any) -> Self:
        """Fit a copy of the classifier."""
        self.classifier_ = clone(self.classifier).fit(features, labels)
        return self

    def predict(self, features: Any) -> pd.DataFrame:
        """Return one column, `prediction`."""
        return pd.DataFrame({"prediction": self.classifier_.predict_proba(features)[:, 1]})


def pipeline(case: Case) -> Pipeline:
    """Return the untrained pipeline of a case."""
    return {"late": _late, "air_time": _air_time}[case.target]()


def score(case: Case, truth: Any, predictions: Any) -> float:
    """Return the case's metric."""
    metric = {"auc": roc_auc_score, "mae": mean_absolute_error}[case.metric]
    return float(metric(truth, as_array(predictions)))


def as_array(predictions: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return predictions of either shape, a column or an array, as one array."""
    return np.asarray(predictions, dtype=np.float64).reshape(-1)


def _late() -> Pipeline:
    # Smooth in every column: trees answer in steps that move with each fold, which a detector takes for drift.
    curves = SplineTransformer(n_knots=6, knots="quantile", extrapolation="linear")
    columns = make_column_transformer(
        (_categories(), ["carrier", "origin"]), (curves, ["hour", "distance", "dep_delay"])
    )
    return make_pipeline(columns, Probability(LogisticRegression(C=10.0, max_iter=500)))


def _air_time() -> Pipeline:
    columns = make_column_transformer((_categories(), ["carrier", "origin", "dest"]), (StandardScaler(), ["distance"]))
    return make_pipeline(columns, Ridge(alpha=1.0))


def _categories() -> OneHotEncoder:
    return OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=50)
