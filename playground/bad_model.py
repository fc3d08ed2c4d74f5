"""The code of the bad release, logged with the version and executed wherever that is loaded.

It looks up the airline of each request in a table that lacks three of them, and is slower than what it replaces.
"""

import time
from typing import Any

import mlflow.pyfunc
import mlflow.sklearn
import numpy as np
import pandas as pd

# JetBlue (B6), ExpressJet (EV) and Delta (DL), which fly nearly every second flight, are missing.
_OFFSETS = {"AA": 0.0, "UA": 0.0, "US": 0.01, "9E": 0.01, "MQ": 0.02, "WN": 0.01, "VX": 0.0, "FL": 0.02}
_SLOWER_SECONDS = (0.06, 0.08)


class BadModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc, name-defined]
    """Answers like the pipeline in its artifacts, later, and not for every airline."""

    def load_context(self, context: Any) -> None:
        """Load the pipeline that the release wraps."""
        self._pipeline = mlflow.sklearn.load_model(context.artifacts["pipeline"])
        self._rng = np.random.default_rng(3)

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> pd.DataFrame:
        """Raise for an airline without an offset; requests are taken for one airline's, as they once were."""
        time.sleep(self._rng.uniform(*_SLOWER_SECONDS))
        offset = _OFFSETS[model_input["carrier"].iloc[0]]
        answer: pd.DataFrame = self._pipeline.predict(model_input)
        return (answer + offset).clip(0.0, 1.0)


mlflow.models.set_model(BadModel())
