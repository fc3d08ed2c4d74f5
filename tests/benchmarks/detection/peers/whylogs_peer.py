"""whylogs: profiles of both sides, and the drift score that it chooses by itself, with its own thresholds: p < 0.05."""

import numpy as np
import pandas as pd
import whylogs as why  # type: ignore[import-not-found]
from whylogs.viz.drift.column_drift_algorithms import calculate_drift_scores  # type: ignore[import-not-found]
from windows import Column, Windows, answer, is_number, rarity, words  # type: ignore[import-not-found]

ROWS = 20_000


class Judge:
    def __init__(self, reference: Windows) -> None:
        self.reference = view(reference.sampled(ROWS))

    def prepare(self, _current: Windows) -> None:
        """There is nothing to."""

    def __call__(self, current: Windows) -> tuple[Column, Column]:
        scores = np.full((len(current.ends), len(current.names)), np.nan)
        alarms = np.zeros(scores.shape, dtype=bool)
        for window in range(len(current.ends)):
            held = current.of(window)
            if not len(held[current.names[0]]):
                continue
            found = calculate_drift_scores(view(held), self.reference, with_thresholds=True)
            for place, name in enumerate(current.names):
                told = found.get(name)
                if told is not None and told["pvalue"] is not None:
                    scores[window, place] = rarity(told["pvalue"])
                    alarms[window, place] = told["drift_category"] == "DRIFT"
        return scores, alarms


def view(columns: dict[str, Column]) -> object:
    frame = pd.DataFrame({name: c if is_number(c) else words(c) for name, c in columns.items()})
    return why.log(frame).view()


if __name__ == "__main__":
    answer(Judge)
