"""A version whose every answer is an exception."""

from typing import Any

import mlflow.pyfunc
import pandas as pd


class Raising(mlflow.pyfunc.PythonModel):  # type: ignore[misc, name-defined]
    """Knows nothing."""

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> Any:
        """Raise what only this version would say."""
        raise LookupError("no such aircraft")


mlflow.models.set_model(Raising())
