"""The training job: labelled flights in, a new registered version out, in a process of its own.

`python -m playground.train --root DIR --mlflow URI` and one option for each job parameter. It ends with 0 and the
new version on its last line, or with 1 and the reason.
"""

import argparse
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.domain.registry import JOB_PARAMETERS
from playground.cases import CASES, Case
from playground.environment import die_with_parent, settle

if TYPE_CHECKING:
    import pandas as pd

    from playground.learn import Predict

MINIMUM_ROWS = 500
MAXIMUM_ROWS = 2_000
"""The newest alone: a drift begins within a window, and rows from before it would make the next version drift."""
_EVALUATION_SHARE = 0.25


def main() -> int:
    """Train on what the window's labels say, compare with the champion, register."""
    die_with_parent()
    options = _options()
    settle(options.root)
    parameters = {name: getattr(options, name) for name in JOB_PARAMETERS}
    try:
        version = retrain(options.root, mlflow_uri=options.mlflow, parameters=parameters)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"registered version {version}")
    return 0


def retrain(root: Path, *, mlflow_uri: str, parameters: dict[str, str]) -> int:
    """Return the version that was trained on the newest labels since the window's start."""
    case = CASES.get(parameters["endpoint"])
    if case is None:
        raise ValueError(f"endpoint must be one of {sorted(CASES)}, not {parameters['endpoint']!r}")
    registered_model = parameters["model"] or case.registered_model
    rows = labelled(root, case, since=parameters["window_start"])
    # Not before there is something to train on: these take seconds.
    from playground.learn import fit, split
    from playground.publish import publish

    training, evaluation = split(rows, evaluation_share=_EVALUATION_SHARE, seed=len(rows))
    champion = _champion(registered_model, parameters["champion_version"], mlflow_uri=mlflow_uri)
    fitted = fit(case, training, evaluation, champion=champion)
    return publish(fitted, mlflow_uri=mlflow_uri, parameters=parameters, registered_model=registered_model)


def labelled(root: Path, case: Case, *, since: str) -> "pd.DataFrame":
    """Return the newest labelled rows, features as they were sent; ValueError if there are too few."""
    import pyarrow.parquet as pq

    folder = case.labels_below(root)
    start = datetime.fromisoformat(since) if since else None
    rows = pq.read_table(folder, filters=[("at", ">=", start)] if start else None) if folder.exists() else None
    found = rows.num_rows if rows is not None else 0
    if rows is None or found < MINIMUM_ROWS:
        raise ValueError(
            f"{case.endpoint}: {found} labelled rows since {since or 'ever'}, at least {MINIMUM_ROWS} are needed"
        )
    newest = rows.sort_by([("at", "descending")]).slice(0, MAXIMUM_ROWS)
    return newest.select([*case.features, case.target]).to_pandas()


def _champion(registered_model: str, version: str, *, mlflow_uri: str) -> "Predict | None":
    if not version:
        return None
    import mlflow.pyfunc

    mlflow.set_tracking_uri(mlflow_uri)
    predict: Predict = mlflow.pyfunc.load_model(f"models:/{registered_model}/{version}").predict
    return predict


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--mlflow", required=True)
    for name in JOB_PARAMETERS:
        parser.add_argument(f"--{name}", default="")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
