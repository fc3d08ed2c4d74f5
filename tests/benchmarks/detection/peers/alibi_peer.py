"""Alibi Detect: KSDrift of numbers and ChiSquareDrift of labels, p < 0.05 over the number of columns (Bonferroni).

One detector a column, because columns have nulls and its tests do not know any: at 0.05 over the number of columns each
that is what one detector over all of them decides. Rows without a value are left out.
"""

import numpy as np
from alibi_detect.cd import ChiSquareDrift, KSDrift  # type: ignore[import-not-found]
from windows import Column, Windows, answer, each, is_number, rarity, without_nulls  # type: ignore[import-not-found]

ROWS = 20_000


class Judge:
    def __init__(self, reference: Windows) -> None:
        self.level = 0.05 / len(reference.names)
        self.detectors = {name: self.detector(column) for name, column in reference.sampled(ROWS).items()}

    def detector(self, column: Column) -> "KSDrift | ChiSquareDrift":
        values = without_nulls(column).reshape(-1, 1)
        if is_number(column):
            return KSDrift(values, p_val=self.level)
        return ChiSquareDrift(values.astype(np.int64), p_val=self.level)

    def prepare(self, _current: Windows) -> None:
        """There is nothing to."""

    def __call__(self, current: Windows) -> tuple[Column, Column]:
        scores, alarms = each(current, self.column)
        return scores, alarms

    def column(self, name: str, column: Column) -> tuple[float, bool]:
        values = without_nulls(column).reshape(-1, 1)
        found = self.detectors[name].predict(values if is_number(column) else values.astype(np.int64))["data"]
        return rarity(found["p_val"][0]), bool(found["is_drift"])


if __name__ == "__main__":
    answer(Judge)
