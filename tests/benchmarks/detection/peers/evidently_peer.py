"""Evidently: each column's test and threshold as it chooses them by itself, from the size of the reference.

Its preset computes each test several times over. So the windows are judged by the very functions that the preset calls,
which are seen to answer the same on the first windows; what a window costs is taken from the preset.
"""

import json
import sys
import time

import numpy as np
import pandas as pd
from evidently import DataDefinition, Dataset, Report  # type: ignore[import-not-found]
from evidently.legacy.calculations.stattests import get_stattest  # type: ignore[import-not-found]
from evidently.presets import DataDriftPreset  # type: ignore[import-not-found]
from windows import Column, Windows, answer, each, is_number, rarity, words  # type: ignore[import-not-found]

ROWS = int(sys.argv[2])
"""Of the reference: up to 1,000 it takes p-values, above that distances."""


def series(column: Column) -> "pd.Series[float]":
    found = pd.Series(column if is_number(column) else words(column)).replace([-np.inf, np.inf], np.nan)
    return found.dropna()


class Judge:
    def __init__(self, reference: Windows) -> None:
        self.raw = reference.sampled(ROWS)
        self.reference = {name: series(column) for name, column in self.raw.items()}
        self.tests: dict[str, object] = {}

    def prepare(self, current: Windows) -> None:
        """See on one window that the preset says the same, and what it costs."""
        window = next(w for w in range(len(current.ends)) if len(current.of(w)[current.names[0]]) > 1)
        now, before = current.of(window), {name: self.raw[name] for name in current.names}
        told, cpu_ms = of_preset(now, before)
        for name, theirs in told.items():
            mine, _ = self.column(name, now[name])
            if not (np.isclose(mine, theirs) or np.isclose(mine, rarity(theirs))):
                raise SystemExit(f"the preset says {theirs} of {name}, and its test {mine}")
        print(json.dumps({"preset_cpu_ms": cpu_ms, "columns": len(told)}), flush=True)

    def __call__(self, current: Windows) -> tuple[Column, Column]:
        scores, alarms = each(current, self.column)
        return scores, alarms

    def column(self, name: str, column: Column) -> tuple[float, bool]:
        kind = "num" if is_number(column) else "cat"
        now, before = series(column), self.reference[name]
        if name not in self.tests:
            self.tests[name] = get_stattest(before, now, kind, None)
        test = self.tests[name]
        found = test(before, now, kind, None)  # type: ignore[operator]
        p_value = test.default_threshold == 0.05  # type: ignore[attr-defined]
        return (rarity(found.drift_score) if p_value else float(found.drift_score)), bool(found.drifted)


def of_preset(now: dict[str, Column], before: dict[str, Column]) -> tuple[dict[str, float], float]:
    """Return the drift score of each column as the preset tells it, and its CPU milliseconds."""
    labels = [name for name, column in now.items() if not is_number(column)]
    numbers = [name for name in now if name not in labels]
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=labels)
    frames = [pd.DataFrame({n: c if is_number(c) else words(c) for n, c in one.items()}) for one in (now, before)]
    began = time.process_time()
    datasets = [Dataset.from_pandas(frame, data_definition=definition) for frame in frames]
    told = Report([DataDriftPreset()]).run(*datasets).dict()["metrics"]
    cpu_ms = 1e3 * (time.process_time() - began)
    return {m["config"]["column"]: float(m["value"]) for m in told if m["config"].get("column")}, cpu_ms


if __name__ == "__main__":
    answer(Judge)
