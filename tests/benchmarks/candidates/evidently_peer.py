"""Evidently 0.7: its drift preset, as its documentation shows it. Runs in an interpreter of its own."""

import sys

from clock import Clock, report  # type: ignore[import-not-found]
from evidently import DataDefinition, Dataset, Report  # type: ignore[import-not-found]
from evidently.presets import DataDriftPreset  # type: ignore[import-not-found]
from frame import frame  # type: ignore[import-not-found]


def main(reference_path: str, current_path: str) -> None:
    parse, compute = Clock(), Clock()
    reference = frame(reference_path, Clock())
    current = frame(current_path, parse)
    labels = [name for name in current.columns if name.startswith("label")]
    definition = DataDefinition(
        numerical_columns=[name for name in current.columns if name not in labels], categorical_columns=labels
    )
    with compute.running():
        now = Dataset.from_pandas(current, data_definition=definition)
        before = Dataset.from_pandas(reference, data_definition=definition)
        snapshot = Report([DataDriftPreset()]).run(now, before)
        found = len(snapshot.dict()["metrics"])
    report(len(current), {"parse": parse, "compute": compute}, metrics=found)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
