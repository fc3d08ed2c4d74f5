"""Requests of a classifier and of a regression, and what became true of them, in a line or two."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from arro3.core import Array, DataType, Table
from numpy.typing import NDArray

from daemon.domain.sample import Part, Sample
from daemon.domain.schema import Column, Kind, Role, Signature
from daemon.domain.window import Window

START = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
INPUTS = (Column("x", Kind.NUMERIC),)
SCORED = Signature(
    INPUTS, (Column("p", Kind.NUMERIC, Role.PREDICTION), Column("churns", Kind.NUMERIC, Role.PREDICTION))
)
NUMBER = Signature(INPUTS, (Column("minutes", Kind.NUMERIC, Role.PREDICTION),))
WORD = Signature(INPUTS, (Column("species", Kind.CATEGORICAL, Role.PREDICTION),))

Floats = NDArray[np.float64]


def day(n: int) -> Window:
    return Window(START + n * DAY, START + (n + 1) * DAY)


def answer(**outputs: object) -> str:
    return json.dumps({"predictions": [outputs]})


ONE = '{"dataframe_records": [{"x": 1}]}'


def sample(
    responses: Sequence[str | None], statuses: Sequence[int] | None = None, bodies: Sequence[str] | None = None
) -> Sample:
    """Return the sample of a day: one request for each response, called r0, r1, ..."""
    n = len(responses)
    rows = Table.from_pydict(
        {
            "part": Array(np.zeros(n, np.int64)),
            "id": Array([f"r{i}" for i in range(n)], DataType.string()),
            "status_code": Array(list(statuses or [200] * n), DataType.int32()),
            "request": Array(list(bodies or [ONE] * n), DataType.string()),
            "response": Array(list(responses), DataType.string()),
            "oversized": Array([r is None for r in responses], DataType.bool()),
        }
    )
    return Sample((Part(day(0), "entity", 1.0),), rows, n)


def scores(rows: int, seed: int) -> Floats:
    """Return scores in whole thousandths, halfway within the bins that they are counted in."""
    return (np.random.default_rng(seed).integers(0, 1000, rows) + 0.5) / 1000
