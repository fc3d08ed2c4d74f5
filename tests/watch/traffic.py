"""Requests and a training set that are even, not random: calm is calm, and drift is certain."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from daemon.domain.schema import Column, Kind, Role, Signature
from daemon.domain.window import Window
from tests.fakes import LoggedRequest

START = datetime(2026, 3, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
SETTLE = timedelta(minutes=5)
MODEL = "prod.ml.flight_delay"
SIGNATURE = Signature(
    (Column("distance", Kind.NUMERIC), Column("carrier", Kind.CATEGORICAL)),
    (Column("prediction", Kind.NUMERIC, Role.PREDICTION),),
)
CARRIERS = ("AA", "B6", "DL", "UA")
REQUESTS = 100


def window(n: float) -> Window:
    return Window(START + n * QUARTER, START + (n + 1) * QUARTER)


def after(n: float) -> datetime:
    """Return the moment at which the n-th window has settled."""
    return START + (n + 1) * QUARTER + SETTLE


def entity(version: int) -> str:
    return f"entity-{version}"


def requests(
    n: float,
    version: int = 1,
    *,
    count: int = REQUESTS,
    shift: float = 0.0,
    nulls: float = 0.0,
    refused: float = 0.0,
    failed: float = 0.0,
    ms: int = 20,
    name: str = "",
    length: timedelta = QUARTER,
    **payload: str | None,
) -> list[LoggedRequest]:
    """Return `count` even requests of the n-th window, or of so much of it as `length` says.

    `shift` is added to the distance, which lies between 0 and 100; `nulls`, `refused` (400), `failed` (500) are shares.
    """
    step = length / count
    rows = []
    for i in range(count):
        share = _scattered(i, count)
        status = 400 if share < refused else 500 if share < refused + failed else 200
        row = LoggedRequest(f"{name or version}-{n}-{i}", window(n).start + i * step, entity(version), status, ms)
        distance = None if _scattered(i + 1, count) < nulls else 100 * (i + 0.5) / count + shift
        rows.append(replace(row, **{**_payload(distance, CARRIERS[i % 4], status), **payload}))  # type: ignore[arg-type]
    return rows


def _scattered(i: int, count: int) -> float:
    """Spread 0 .. 1 evenly, but not in the order of i: 7 has no divisor in common with what tests count in."""
    return (i * 7 % count) / count


def _payload(distance: float | None, carrier: str, status: int) -> dict[str, str]:
    asked = {"dataframe_records": [{"distance": distance, "carrier": carrier}]}
    answered = {"predictions": [0.5 if distance is None else distance / 100]} if status == 200 else {"message": "no"}
    return {"request": json.dumps(asked), "response": json.dumps(answered)}


def trained_on(path: Path, query: str = "") -> Path:
    """Write a dataset like the calm traffic."""
    calm = (
        "SELECT (i % 1000 + 0.5) / 10 AS distance, ['AA', 'B6', 'DL', 'UA'][i % 4 + 1] AS carrier, "
        "(i % 1000 + 0.5) / 1000 AS prediction FROM range(4000) t(i)"
    )
    duckdb.connect().execute(f"COPY ({query or calm}) TO '{path}' (FORMAT parquet)")
    return path
