"""From a fitted pipeline to a registered version: run, dataset, signature, input example and metrics on MLflow.

The version is registered last, with its tags in the same call: whoever sees it sees all of it.
"""

import tempfile
import warnings
from pathlib import Path

import mlflow
import mlflow.data
import mlflow.sklearn
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema, TensorSpec

from playground.cases import Case
from playground.learn import Fitted

DATASET_ARTIFACT = "dataset/training.parquet"
REMEDIATION_TAG = "mlsteward.remediation"
# Spelled out: to infer them, MLflow loads what it has just saved in another process.
REQUIREMENTS = ["mlflow", "scikit-learn", "pandas", "cloudpickle"]


def publish(fitted: Fitted, *, mlflow_uri: str, parameters: dict[str, str], registered_model: str) -> int:
    """Log everything about a fitted pipeline in one run and register it; return the new version."""
    case = fitted.case
    mlflow.set_tracking_uri(mlflow_uri)
    mlflow.set_experiment(case.endpoint)
    with warnings.catch_warnings(), mlflow.start_run() as run:
        warnings.filterwarnings("ignore", message=".*integer column")
        mlflow.log_params({key: value for key, value in parameters.items() if value})
        _log_dataset(fitted, mlflow_uri=mlflow_uri, run=run)
        logged = mlflow.sklearn.log_model(
            fitted.pipeline,
            name="model",
            signature=signature(case),
            input_example=fitted.dataset[list(case.features)].head(5),
            pip_requirements=REQUIREMENTS,
            serialization_format="cloudpickle",
        )
        mlflow.log_metrics(fitted.metrics)
    remediation = parameters.get("remediation")
    tags = {REMEDIATION_TAG: remediation} if remediation else None
    return int(mlflow.register_model(logged.model_uri, registered_model, tags=tags).version)


def signature(case: Case) -> ModelSignature:
    """Return the columns that a version of the case takes and gives."""
    columns: list[ColSpec | TensorSpec] = [ColSpec(kind, name) for name, kind in case.features.items()]
    return ModelSignature(inputs=Schema(columns), outputs=Schema([ColSpec("double", "prediction")]))


def _log_dataset(fitted: Fitted, *, mlflow_uri: str, run: mlflow.ActiveRun) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / Path(DATASET_ARTIFACT).name
        fitted.dataset.to_parquet(path, index=False)
        mlflow.log_artifact(str(path), str(Path(DATASET_ARTIFACT).parent))
    info = run.info
    # MLflow has no dataset source for mlflow-artifacts:, but the server gives the same file by plain HTTP.
    artifacts = f"{mlflow_uri}/api/2.0/mlflow-artifacts/artifacts/{info.experiment_id}/{info.run_id}/artifacts"
    dataset = mlflow.data.from_pandas(  # type: ignore[attr-defined]
        fitted.dataset,
        source=f"{artifacts}/{DATASET_ARTIFACT}",
        targets=fitted.case.target,
        predictions="prediction",
        name=f"{fitted.case.endpoint} training",
    )
    mlflow.log_input(dataset, context="training")
