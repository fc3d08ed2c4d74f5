"""The registry, runs and artifacts on an MLflow server, through the client of mlflow-skinny, which has no pandas.

Models are never loaded: loading one runs whatever code was logged with it.
"""

from daemon.adapters.mlflow.client import Client
from daemon.adapters.mlflow.registry import MlflowRegistry
from daemon.adapters.mlflow.runs import MlflowRuns
from daemon.adapters.mlflow.vended import vended_files

__all__ = ["Client", "MlflowRegistry", "MlflowRuns", "vended_files"]
