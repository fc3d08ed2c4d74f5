"""One look from stored counts: 168 windows of 50 columns, 15 scales, four statistics, two levels. CPU time of each."""

import json
import statistics
import sys
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from detectors import budget, certify, ladder, many_distances, many_psi, phase
from detectors.answers import Answers

WINDOWS, COLUMNS, BINS, CELLS = 168, 50, 64, 48
ROWS, BASELINE_ROWS = 2_000, 28 * 24 * 2_000
NUMBERS = 40
"""The other columns are categories."""
NULLS = 0.01
ACT, WARN = (0.10, 1), (0.05, 12)
WARM_UP, LOOKS = 5, 40

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Stored:
    windows: Counts  # (windows, columns, bins and NULL and one more)
    baseline: Counts  # (columns, cells, bins)
    missing: Counts  # (columns, 2)
    cells: Counts  # (windows,)


def main(drifted: str, by_phase: str) -> None:
    stored = stored_counts(int(drifted))
    ages = np.arange(WINDOWS)[::-1]
    cpu_ms, wall_ms, answers = [], [], []
    for _ in range(WARM_UP + LOOKS):
        cpu, wall = time.process_time(), time.perf_counter()
        answers = look(stored, ages, by_phase=by_phase == "phase")
        cpu_ms.append(1e3 * (time.process_time() - cpu))
        wall_ms.append(1e3 * (time.perf_counter() - wall))
    told = {"certified": int((np.max([a.first for a in answers], axis=0) >= 0).sum())}
    times = {"cpu_ms": statistics.median(cpu_ms[WARM_UP:]), "wall_ms": statistics.median(wall_ms[WARM_UP:])}
    json.dump({**told, **times, "least_cpu_ms": min(cpu_ms[WARM_UP:])}, sys.stdout)


def look(stored: Stored, ages: Counts, *, by_phase: bool) -> list[Answers]:
    merged = ladder.merge(stored.windows, ages)
    values = merged.counts[..., :BINS]
    baseline = expected(stored, ages) if by_phase else stored.baseline.sum(axis=1)
    categories = np.where(np.arange(COLUMNS) < NUMBERS, 0, BINS)
    moved, index = many_distances.measure(values, baseline, categories), many_psi.measure(values, baseline)
    phi, covered = np.full((len(ladder.SCALES), 1), 1.2), merged.covered
    answers = []
    for tolerance, alarms in (ACT, WARN):
        alpha = budget.alpha(alarms, looks_per_year=8_760, columns=COLUMNS, metrics=4, scales=len(ladder.SCALES))
        answers.append(certify.distances(moved, phi, covered, tolerance=tolerance, alpha=alpha))
        answers.append(certify.psi(index, moved, phi, covered, tolerance=0.1, alpha=alpha))
        for place in (0, 1):
            now, before = merged.counts[..., BINS + place], stored.missing[:, place]
            answers.append(
                certify.shares(now, merged.rows, before, BASELINE_ROWS, phi, covered, tolerance=0.02, alpha=alpha)
            )
    return answers


def expected(stored: Stored, ages: Counts) -> NDArray[np.float64]:
    rows = np.zeros((WINDOWS, COLUMNS, CELLS), dtype=np.int64)
    rows[np.arange(WINDOWS), :, stored.cells] = stored.windows[..., :BINS].sum(axis=2)
    now = ladder.merge(rows, ages).counts
    columns = [phase.expect(stored.baseline[column], now[:, column]).counts for column in range(COLUMNS)]
    return np.stack(columns, axis=1)


def stored_counts(drifted: int) -> Stored:
    """Make windows in which so many columns have moved half a standard deviation, and lost as many rows to nulls."""
    rng = np.random.default_rng(4)
    even = np.full(BINS, 1 / BINS)
    tilted = np.exp(np.linspace(-0.85, 0.85, BINS))
    moved = np.arange(COLUMNS) < drifted
    shares = np.where(moved[:, None], tilted / tilted.sum(), even)
    nulls = np.where(moved, 0.1, NULLS)[:, None]
    now = np.concatenate((shares * (1 - nulls), nulls / 2, nulls / 2), axis=1)
    windows = np.stack([rng.multinomial(ROWS, now) for _ in range(WINDOWS)])
    baseline = rng.multinomial(int(BASELINE_ROWS * (1 - NULLS)) // CELLS, even, (COLUMNS, CELLS))
    missing = np.full((COLUMNS, 2), int(BASELINE_ROWS * NULLS / 2))
    return Stored(windows, baseline, missing, np.arange(WINDOWS) % CELLS)


if __name__ == "__main__":
    main(*sys.argv[1:])
