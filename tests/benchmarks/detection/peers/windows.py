"""Windows as the benchmark wrote them, for the peers' interpreters: numpy and the standard library only.

A peer is asked with one JSON file of jobs, each a file of the baseline's windows, one of those to judge, and where the
answer goes: `scores`, the higher the more drift, and `alarms` by the peer's own default, both (windows, columns), and
NaN and False where a window has no row to judge.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Column = NDArray[Any]


@dataclass
class Windows:
    columns: dict[str, Column]
    """Numbers are floats, and NaN is a null; labels are whole numbers, and -1 is a null."""
    ends: NDArray[np.int64]
    sample: NDArray[np.int64]
    """Of a baseline: the rows that all compare with, in random order."""

    @property
    def names(self) -> list[str]:
        return sorted(self.columns)

    def of(self, window: int) -> dict[str, Column]:
        start = self.ends[window - 1] if window else 0
        return {name: column[start : self.ends[window]] for name, column in self.columns.items()}

    def sampled(self, rows: int) -> dict[str, Column]:
        return {name: column[self.sample[:rows]] for name, column in self.columns.items()}


def is_number(column: Column) -> bool:
    return column.dtype.kind == "f"


def without_nulls(column: Column) -> Column:
    return column[~np.isnan(column)] if is_number(column) else column[column >= 0]


def words(column: Column) -> Column:
    """Return labels as the words that a data frame would hold, and None for a null."""
    dictionary = np.array([*(f"value_{code}" for code in range(max(1, int(column.max(initial=0)) + 1))), None], object)
    return dictionary[column]


def load(path: str) -> Windows:
    with np.load(path) as held:
        columns = {key.removeprefix("column_"): held[key] for key in held.files if key.startswith("column_")}
        return Windows(columns, held["ends"], held["sample"] if "sample" in held.files else np.empty(0, np.int64))


Judge = Callable[[str, Column], tuple[float, bool]]
"""A column's name and its values in a window, nulls included: a score, and whether the peer alarms by default."""


class Judging(Protocol):
    """A peer that knows a baseline."""

    def __init__(self, reference: Windows) -> None: ...

    def prepare(self, current: Windows) -> None:
        """Do what is done once and not for each window. It is not timed."""

    def __call__(self, current: Windows) -> tuple[Column, Column]: ...


def answer(judge: type[Judging]) -> None:
    """Work through the jobs of the command line. A line of JSON says when one is done, and what a window cost."""
    known: dict[str, Judging] = {}
    for job in jobs():
        if job["reference"] not in known:
            known = {job["reference"]: judge(load(job["reference"]))}
        current = load(job["current"])
        known[job["reference"]].prepare(current)
        began = time.process_time()
        scores, alarms = known[job["reference"]](current)
        held = int(np.count_nonzero(np.diff(current.ends, prepend=0)))
        cpu_ms = 1e3 * (time.process_time() - began) / max(1, held)
        np.savez(job["answer"], scores=scores, alarms=alarms)
        print(json.dumps({"done": job["answer"], "cpu_ms": cpu_ms}), flush=True)


def jobs() -> Iterator[dict[str, str]]:
    yield from json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))


def each(windows: Windows, judge: Judge) -> tuple[Column, Column]:
    """Judge every column of every window alone."""
    scores = np.full((len(windows.ends), len(windows.names)), np.nan)
    alarms = np.zeros(scores.shape, dtype=bool)
    for window in range(len(windows.ends)):
        for place, (name, column) in enumerate(sorted(windows.of(window).items())):
            if len(without_nulls(column)):
                scores[window, place], alarms[window, place] = judge(name, column)
    return scores, alarms


def rarity(p_value: float) -> float:
    """Return a p-value as a score: how many zeros it has."""
    return float(-np.log10(max(float(p_value), 1e-300)))
