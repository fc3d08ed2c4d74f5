"""Registers the version that somebody deploys by hand and should have tested first.

As a function, or `python -m playground.bad_release --root DIR [--deploy]`, which prints the new version.
"""

import argparse
from pathlib import Path

from playground.cases import FLIGHT_DELAY
from playground.environment import settle
from playground.process import Playground

# Of an airline that the release knows: whoever made it has tried this one.
_EXAMPLE = {"hour": 8, "dep_delay": 3.0, "distance": 733.0, "carrier": "UA", "origin": "LGA"}
_CODE = Path(__file__).with_name("bad_model.py")


def register(mlflow_uri: str, *, wrapped_version: int = 1) -> int:
    """Register the bad release of flight-delay around the pipeline of a good version; return its version."""
    import mlflow.pyfunc
    import pandas as pd

    from playground.publish import REQUIREMENTS, signature

    registered_model = FLIGHT_DELAY.registered_model
    mlflow.set_tracking_uri(mlflow_uri)
    mlflow.set_experiment(FLIGHT_DELAY.endpoint)
    with mlflow.start_run(run_name="hotfix"):
        logged = mlflow.pyfunc.log_model(
            name="model",
            python_model=str(_CODE),
            artifacts={"pipeline": f"models:/{registered_model}/{wrapped_version}"},
            signature=signature(FLIGHT_DELAY),
            input_example=pd.DataFrame([_EXAMPLE]),
            pip_requirements=REQUIREMENTS,
        )
    return int(mlflow.register_model(logged.model_uri, registered_model).version)


def main() -> None:
    """Register, and deploy if asked to."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=Path, required=True, help="the folder of a running playground")
    parser.add_argument("--wrapped-version", type=int, default=1)
    parser.add_argument("--deploy", action="store_true")
    parser.add_argument("--keep", type=int, action="append", default=[], help="a version to keep ready at 0 %%")
    options = parser.parse_args()
    settle(options.root)
    box = Playground.attach(options.root)
    version = register(box.address.mlflow, wrapped_version=options.wrapped_version)
    if options.deploy:
        box.control.deploy(FLIGHT_DELAY.endpoint, version, keep=options.keep)
    print(version)


if __name__ == "__main__":
    main()
