"""Counting typed rows in a baseline's bins, beside one pass of `np.bincount` over integers that are binned already.

python -m tests.benchmarks.bench_profile --rows 500000 --json build/bench/profile.json
"""

import argparse
from collections.abc import Callable
from functools import partial
from pathlib import Path
from time import process_time

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from daemon.watch.decode import decode
from daemon.watch.profile import profile
from tests.benchmarks import traffic
from tests.benchmarks.bench_decode import BASELINE_ROWS, BUILD, write
from tests.benchmarks.candidates.ours import BATCH, PART, SIGNATURE, baseline_of, samples

AIM, TIMES, BINS = 3.0, 5, 64
"""At most so many passes; each is timed so often, and the least counts; values of the integers."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=500_000)
    options.add_argument("--json", type=Path, default=BUILD / "profile.json")
    run(**vars(options.parse_args()))


def run(*, rows: int, json: Path) -> float:
    """Measure, print, write; return how many passes of `np.bincount` the profiles took."""
    baseline = baseline_of(str(traffic.write(BUILD / f"reference-{BASELINE_ROWS}.tsv", BASELINE_ROWS, seed=1)))
    current = str(traffic.write(BUILD / f"current-{rows}.tsv", rows, seed=2, shift=0.2))
    columns, ours, bare = len(baseline.columns), 0.0, 0.0
    for sample in samples(current, BATCH):
        batch = decode(sample, SIGNATURE)
        binned = np.random.default_rng(0).integers(0, BINS, (columns, sample.count))
        ours += _least(partial(profile, "flights", 1, [PART], [], batch, baseline))
        bare += _least(partial(_bare, binned))
    told = f"{rows:,} typed rows x {columns} columns: {1000 * ours:.0f} ms of CPU to profile, {1000 * bare:.0f} ms for"
    Console().print(f"{told} np.bincount alone: {ours / bare:.1f} times as much (aim: {AIM:g} at most)")
    write(json, {"rows": rows, "columns": columns, "profile_s": ours, "bincount_s": bare, "aim": AIM})
    return ours / bare


def _bare(binned: NDArray[np.int64]) -> None:
    for column in binned:
        np.bincount(column, minlength=BINS)


def _least(work: Callable[[], object]) -> float:
    took = []
    for _ in range(TIMES):
        began = process_time()
        work()
        took.append(process_time() - began)
    return min(took)


if __name__ == "__main__":
    main()
