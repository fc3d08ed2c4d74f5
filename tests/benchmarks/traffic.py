"""Inference-table rows for the benchmarks: 20 columns, one record a request, a little drift, some nulls."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

NUMBERS = tuple(f"number_{place:02}" for place in range(16))
LABELS = tuple(f"label_{place}" for place in range(4))
VALUES = np.array([f"value_{place}" for place in range(12)], dtype=object)
NULLS = 0.01


def write(path: Path, rows: int, *, seed: int, shift: float = 0.0) -> Path:
    """Write lines of request, tab, response, unless the file is there already."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w", encoding="utf-8") as out:
            out.writelines(f"{request}\t{response}\n" for request, response in payloads(rows, seed=seed, shift=shift))
    return path


def payloads(rows: int, *, seed: int, shift: float = 0.0) -> Iterator[tuple[str, str]]:
    """Yield (request, response). `shift` standard deviations are added to a quarter of the numbers."""
    rng = np.random.default_rng(seed)
    for start in range(0, rows, 10_000):
        n = min(10_000, rows - start)
        columns = [_numbers(rng, n, shift if place % 4 == 0 else 0.0) for place in range(len(NUMBERS))]
        columns += [_labels(rng, n) for _ in LABELS]
        predictions = np.round(rng.random(n), 6).tolist()
        for record, prediction in zip(zip(*columns, strict=True), predictions, strict=True):
            body = {"dataframe_records": [dict(zip((*NUMBERS, *LABELS), record, strict=True))]}
            yield json.dumps(body, separators=(",", ":")), json.dumps({"predictions": [prediction]})


def _numbers(rng: np.random.Generator, n: int, shift: float) -> list[object]:
    return _with_nulls(rng, np.round(rng.normal(100 + 15 * shift, 15, n), 3).astype(object))


def _labels(rng: np.random.Generator, n: int) -> list[object]:
    return _with_nulls(rng, VALUES[rng.geometric(0.3, n).clip(1, len(VALUES)) - 1])


def _with_nulls(rng: np.random.Generator, values: "np.ndarray[tuple[int], np.dtype[np.object_]]") -> list[object]:
    values[rng.random(len(values)) < NULLS] = None
    found: list[object] = values.tolist()
    return found
