"""A training job for mlsteward: labelled rows in, a registered version out that can be judged, tried and taken back.

An example that runs as it is, for a binary label and numeric columns. What is yours to change is `fit` and `score`.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

import mlflow
import mlflow.sklearn
import pandas as pd
from mlflow.entities import Dataset, DatasetInput, InputTag
from mlflow.models import infer_signature
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

TOLD = (
    "endpoint",
    "model",
    "reason",
    "remediation",
    "finding",
    "champion_version",
    "baseline",
    "window_start",
    "window_end",
)
"""The job's parameters, as mlsteward sends them."""
LEAST_ROWS = 1_000
TAG = "mlsteward_remediation"
"""In the workspace's own registry, and on an MLflow server: `mlsteward.remediation`."""


def main() -> None:
    told = options()
    from pyspark.sql import SparkSession

    table = SparkSession.builder.getOrCreate().table(told.table)
    since = table.where(f"at >= timestamp'{told.window_start}'") if told.window_start else table
    rows = since.drop("at").toPandas()
    mlflow.set_tracking_uri("databricks")
    mlflow.set_registry_uri("databricks-uc")
    print(f"registered version {retrain(rows, told.label, vars(told))}")


def retrain(rows: pd.DataFrame, label: str, told: dict[str, str]) -> int:
    """Train on three quarters, judge new and champion on the rest, and register. Return the new version."""
    if len(rows) < LEAST_ROWS:
        raise SystemExit(f"{len(rows)} labelled rows since {told['window_start'] or 'ever'}, {LEAST_ROWS} are needed")
    training, held_out = train_test_split(rows, test_size=0.25, random_state=0, stratify=rows[label])
    features = [name for name in rows.columns if name != label]
    fitted = fit(training[features], training[label])
    with mlflow.start_run() as run:
        mlflow.log_params({name: told[name] for name in TOLD if told.get(name)})
        mlflow.log_metrics(metrics(fitted, held_out, features, label, told))
        log_dataset(training, run)
        answers = fitted.predict_proba(training[features].head(5))[:, 1]
        logged = mlflow.sklearn.log_model(
            fitted,
            name="model",
            pip_requirements=["mlflow", "scikit-learn", "pandas"],
            pyfunc_predict_fn="predict_proba",
            signature=infer_signature(training[features].head(5), answers),
            input_example=training[features].head(5),
        )
    tags = {TAG: told["remediation"]} if told.get("remediation") else None
    return int(mlflow.register_model(logged.model_uri, told["model"], tags=tags).version)


def fit(features: pd.DataFrame, label: pd.Series) -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)).fit(features, label)


def score(truth: pd.Series, answers: Any) -> float:
    found = pd.DataFrame(answers).to_numpy(dtype=float)
    return float(roc_auc_score(truth, found[:, -1]))


def metrics(
    fitted: Any, held_out: pd.DataFrame, features: list[str], label: str, told: dict[str, str]
) -> dict[str, float]:
    """Return what the gates ask for: new and champion on the very same rows, and how many these are."""
    found = {"auc": score(held_out[label], fitted.predict_proba(held_out[features])), "evaluation_rows": len(held_out)}
    if told.get("champion_version"):
        champion = mlflow.pyfunc.load_model(f"models:/{told['model']}/{told['champion_version']}")
        found["champion_auc"] = score(held_out[label], champion.predict(held_out[features]))
    return found


def log_dataset(training: pd.DataFrame, run: mlflow.ActiveRun) -> None:
    """Keep the rows with the run, as the dataset that it was trained on: the new version's baseline."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "training.parquet"
        training.to_parquet(path, index=False)
        mlflow.log_artifact(str(path), "dataset")
    # mlflow.data knows no source for an artifact of a run, so it is said by hand: one file, to be found by its address
    source = json.dumps({"uri": f"runs:/{run.info.run_id}/dataset/training.parquet"})
    dataset = Dataset(name="training", digest=run.info.run_id[:8], source_type="run", source=source)
    given = DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])
    mlflow.MlflowClient().log_inputs(run.info.run_id, [given])


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--table", required=True)
    parser.add_argument("--label", required=True)
    for name in TOLD:
        parser.add_argument(f"--{name}", default="")
    return parser.parse_args()


if __name__ == "__main__":
    main()
