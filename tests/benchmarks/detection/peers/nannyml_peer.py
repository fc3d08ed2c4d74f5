"""NannyML: its univariate drift calculator with all defaults; a chunk is a window, in the baseline as in what follows.

Its threshold is mean + 3 standard deviations of the baseline's own chunks, so the score is in those. It alone is given
every row of the baseline, not only the sample: its threshold needs chunks as large as those it will judge.
"""

from typing import Any

import numpy as np
import pandas as pd
from nannyml import UnivariateDriftCalculator  # type: ignore[import-not-found]
from nannyml.chunk import Chunk, Chunker  # type: ignore[import-not-found]
from windows import Column, Windows, answer, is_number, words  # type: ignore[import-not-found]


class ByWindow(Chunker):  # type: ignore[misc]
    """Cuts where the windows end; one without rows is no chunk."""

    ends: Column = np.empty(0, np.int64)

    def _split(self, data: pd.DataFrame) -> list[Any]:
        starts = np.concatenate(([0], self.ends[:-1]))
        held = [(w, int(a), int(b)) for w, (a, b) in enumerate(zip(starts, self.ends, strict=True)) if b > a]
        return [Chunk(key=str(window), data=data.iloc[a:b]) for window, a, b in held]


class Judge:
    def __init__(self, reference: Windows) -> None:
        self.reference = reference
        self.known: dict[tuple[str, ...], tuple[UnivariateDriftCalculator, ByWindow]] = {}

    def prepare(self, current: Windows) -> None:
        self.fitted(current.names)

    def __call__(self, current: Windows) -> tuple[Column, Column]:
        names = current.names
        calculator, chunker = self.fitted(names)
        chunker.ends = current.ends
        found = calculator.calculate(frame(current, names)).filter(period="analysis").to_df()
        before = calculator.result.filter(period="reference").to_df()
        where = np.diff(current.ends, prepend=0) > 0
        scores = np.full((len(current.ends), len(names)), np.nan)
        alarms = np.zeros(scores.shape, dtype=bool)
        for place, name in enumerate(names):
            told, usual = found[name]["jensen_shannon"], before[name]["jensen_shannon"]["value"].to_numpy(float)
            spread = np.nanstd(usual)
            scores[where, place] = (told["value"].to_numpy(float) - np.nanmean(usual)) / (spread or 1.0)
            alarms[where, place] = told["alert"].to_numpy(bool)
        return scores, alarms

    def fitted(self, names: list[str]) -> tuple[UnivariateDriftCalculator, ByWindow]:
        if tuple(names) not in self.known:
            chunker = ByWindow()
            chunker.ends = self.reference.ends
            calculator = UnivariateDriftCalculator(column_names=names, chunker=chunker)
            calculator.fit(frame(self.reference, names))
            self.known = {tuple(names): (calculator, chunker)}
        return self.known[tuple(names)]


def frame(windows: Windows, names: list[str]) -> pd.DataFrame:
    held = {name: windows.columns[name] for name in names}
    return pd.DataFrame({name: column if is_number(column) else words(column) for name, column in held.items()})


if __name__ == "__main__":
    answer(Judge)
