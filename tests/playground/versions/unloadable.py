"""A version that can be registered, but not be loaded."""

from typing import Any

import mlflow.pyfunc
import pandas as pd


class Unloadable(mlflow.pyfunc.PythonModel):  # type: ignore[misc, name-defined]
    """Fails before the first request."""

    def load_context(self, context: Any) -> None:
        """Miss a file."""
        raise FileNotFoundError("weights.bin")

    def predict(self, context: Any, model_input: pd.DataFrame, params: Any = None) -> Any:
        """Never be asked."""
        return None


mlflow.models.set_model(Unloadable())
