"""Registers versions of air-time that somebody tried and never deployed: what housekeeping is for.

`python -m playground.experiments --root DIR --count N` prints the new versions.
"""

import argparse
from pathlib import Path

import pyarrow.parquet as pq

from playground.cases import AIR_TIME
from playground.environment import settle
from playground.flights import WINTER, training, unseen
from playground.process import Playground

_ROWS = 4_000
_EVALUATION_ROWS = 1_000


def register(box: Playground, count: int) -> list[int]:
    """Train and register small versions of air-time, each on winter flights of its own."""
    from playground.learn import fit
    from playground.publish import publish

    columns = [*AIR_TIME.features, AIR_TIME.target]
    table = pq.read_table(box.address.flights)
    rows = training(table).select(columns).to_pandas()
    evaluation = unseen(table, WINTER).slice(0, _EVALUATION_ROWS).select(columns).to_pandas()
    versions = []
    for n in range(count):
        fitted = fit(AIR_TIME, rows.iloc[n * _ROWS : (n + 1) * _ROWS], evaluation)
        versions.append(
            publish(
                fitted,
                mlflow_uri=box.address.mlflow,
                parameters={"experiment": str(n + 1)},
                registered_model=AIR_TIME.registered_model,
            )
        )
    return versions


def main() -> None:
    """Register, and print the versions."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=Path, required=True, help="the folder of a running playground")
    parser.add_argument("--count", type=int, default=3)
    options = parser.parse_args()
    settle(options.root)
    print(*register(Playground.attach(options.root), options.count))


if __name__ == "__main__":
    main()
