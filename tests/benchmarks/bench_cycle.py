"""What one watch cycle costs, read to committed, and what it costs with 100 times the rows in the table.

python -m tests.benchmarks.bench_cycle --times 100 --json build/bench/cycle.json
"""

import argparse
import shutil
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks import traffic
from tests.benchmarks.bench_decode import BASELINE_ROWS, BUILD, run_candidate, write
from tests.benchmarks.candidates.looking import FLUSH, NOON, PER_FLUSH, WINDOW, write_window

WINDOWS = 8
"""Of the table before the first look: the two hours that a look counts again."""
AIM_CPU_MS, AIM_GROWTH = 100, 1.2


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--times", type=int, default=100)
    options.add_argument("--json", type=Path, default=BUILD / "cycle.json")
    run(**vars(options.parse_args()))


def run(*, times: int, json: Path) -> list[dict[str, Any]]:
    reference = traffic.write(BUILD / f"reference-{BASELINE_ROWS}.tsv", BASELINE_ROWS, seed=1)
    results = []
    for n in (1, times):
        command = [sys.executable, "-m", "tests.benchmarks.candidates.looking", str(table(n)), str(reference)]
        told = run_candidate(command)
        results.append({"rows": rows_in(n), **(told if isinstance(told, dict) else {"note": told})})
    Console().print(shown(results))
    write(json, {"aim_cpu_ms": AIM_CPU_MS, "aim_growth": AIM_GROWTH, "results": results})
    return results


def table(times: int) -> Path:
    """Make an inference table that reaches back so many times two hours, a file every five minutes."""
    path = BUILD / f"looked-at-{times}"
    if not (path / "complete").exists():
        shutil.rmtree(path, ignore_errors=True)
        for n in range(times * WINDOWS, 0, -1):
            write_window(path, NOON - n * WINDOW)
        (path / "complete").touch()
    return path


def rows_in(times: int) -> int:
    return times * WINDOWS * (WINDOW // FLUSH) * PER_FLUSH


def shown(results: list[dict[str, Any]]) -> Table:
    made = Table(title=f"A watch cycle of 20 columns, read to committed (aim: {AIM_CPU_MS} ms, {AIM_GROWTH} x)")
    for heading in ("rows in the table", "CPU ms", "least", "wall ms", "growth", "requests sampled", "findings"):
        made.add_column(heading, justify="right")
    first = results[0].get("cpu_ms")
    for r in results:
        if first is None or "cpu_ms" not in r:
            made.add_row(f"{r['rows']:,}", r.get("note", "-"))
            continue
        times = [f"{r[name]:,.1f}" for name in ("cpu_ms", "least_cpu_ms", "wall_ms")]
        growth = f"{r['cpu_ms'] / first:.2f} x"
        made.add_row(f"{r['rows']:,}", *times, growth, str(r["sampled"]), str(r["findings"]))
    return made


if __name__ == "__main__":
    main()
