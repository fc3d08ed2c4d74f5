"""The registry, runs and artifacts on an MLflow server, through the client of mlflow-skinny, which has no pandas.

Models are never loaded: loading one runs whatever code was logged with it.
"""

from daemon.adapters.mlflow.registry import MlflowRegistry

__all__ = ["MlflowRegistry"]
