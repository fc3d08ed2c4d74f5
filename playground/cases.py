"""The two cases that the playground serves: what is asked, with which columns, and in which payload formats."""

import os
from dataclasses import dataclass
from pathlib import Path

SCHEMA = "PLAYGROUND_SCHEMA"
"""Names the schema of Unity Catalog that models are registered in; without it names have one level."""


@dataclass(frozen=True)
class Case:
    """One endpoint, the registered model behind it, and the question that it answers."""

    endpoint: str
    model: str
    job: str
    features: dict[str, str]
    """Column -> MLflow type, in the order of the signature."""
    target: str
    metric: str
    """The metric that decides between versions."""
    formats: tuple[str, str]
    """The payload formats of its callers."""

    @property
    def registered_model(self) -> str:
        """The registered model's name, as it is called in this process."""
        schema = os.environ.get(SCHEMA)
        return f"{schema}.{self.model}" if schema else self.model

    def labels_below(self, root: Path) -> Path:
        """Return the folder in which the labels of the endpoint's requests arrive."""
        return root / "labels" / self.endpoint


FLIGHT_DELAY = Case(
    endpoint="flight-delay",
    model="flight_delay",
    job="retrain-flight-delay",
    features={
        "hour": "long",
        "dep_delay": "double",
        "distance": "double",
        "carrier": "string",
        "origin": "string",
    },
    target="late",
    metric="auc",
    formats=("dataframe_records", "instances"),
)
AIR_TIME = Case(
    endpoint="air-time",
    model="air_time",
    job="retrain-air-time",
    features={"distance": "double", "carrier": "string", "origin": "string", "dest": "string"},
    target="air_time",
    metric="mae",
    formats=("dataframe_split", "inputs"),
)
CASES = {case.endpoint: case for case in (FLIGHT_DELAY, AIR_TIME)}
