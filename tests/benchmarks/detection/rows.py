"""Rows of many windows, column by column: what a world draws, a file carries to the peers, and everybody judges."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Column = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Rows:
    """Windows end to end, oldest first.

    Numbers are float64, and NaN is a null. Labels are int16: places in a dictionary, and -1 is a null.
    """

    columns: Mapping[str, Column]
    ends: NDArray[np.int64]
    """Where each window ends, shape (windows,). A window may have no rows."""

    @property
    def windows(self) -> int:
        return len(self.ends)

    @property
    def starts(self) -> NDArray[np.int64]:
        return np.concatenate(([0], self.ends[:-1]))

    def part(self, first: int, stop: int) -> "Rows":
        """Return some of the windows."""
        start = int(self.starts[first]) if first < self.windows else int(self.ends[-1])
        end = int(self.ends[stop - 1]) if stop > first else start
        columns = {name: column[start:end] for name, column in self.columns.items()}
        return Rows(columns, self.ends[first:stop] - start)

    def taken(self, where: NDArray[np.int64]) -> dict[str, Column]:
        """Return some of the rows, whatever their windows."""
        return {name: column[where] for name, column in self.columns.items()}

    def save(self, path: Path, **more: Column) -> Path:
        """Write what `peers/windows.py` reads."""
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = {f"column_{name}": column for name, column in self.columns.items()}
        held: dict[str, Any] = {"ends": self.ends, **arrays, **more}
        np.savez(path, **held)
        return path


def joined(parts: Sequence[Rows]) -> Rows:
    """Lay windows end to end."""
    offsets = np.cumsum([0, *(len(next(iter(p.columns.values()))) for p in parts)])
    columns = {name: np.concatenate([p.columns[name] for p in parts]) for name in parts[0].columns}
    return Rows(columns, np.concatenate([p.ends + offset for p, offset in zip(parts, offsets[:-1], strict=True)]))


def even(columns: Mapping[str, Column], rows: int) -> Rows:
    """Return rows whose windows hold the same number each."""
    total = len(next(iter(columns.values())))
    return Rows(columns, np.arange(rows, total + 1, rows))
