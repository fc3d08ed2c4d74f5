"""What one look at a window of 2,000 sampled requests costs to read, and what it costs with 100 times the table.

python -m tests.benchmarks.bench_read --times 100 --json build/bench/read.json
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.adapters.delta.tables import write as append
from tests.benchmarks import traffic
from tests.benchmarks.bench_decode import BASELINE_ROWS, BUILD, run_candidate, write
from tests.benchmarks.candidates.reading import BACK, END
from tests.fakes import LoggedRequest

ROWS = 20_000
"""In the two hours that a look counts: 2,500 in each window."""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--times", type=int, default=100)
    options.add_argument("--json", type=Path, default=BUILD / "read.json")
    run(**vars(options.parse_args()))


def run(*, times: int, json: Path) -> list[dict[str, Any]]:
    reference = traffic.write(BUILD / f"reference-{BASELINE_ROWS}.tsv", BASELINE_ROWS, seed=1)
    results = []
    for n in (1, times):
        command = [sys.executable, "-m", "tests.benchmarks.candidates.reading", str(table(n)), str(reference)]
        told = run_candidate(command)
        results.append({"rows": n * ROWS, **(told if isinstance(told, dict) else {"note": told})})
    Console().print(shown(results))
    write(json, {"results": results})
    return results


def table(times: int) -> Path:
    """Make an inference table that reaches back so many times two hours, one file for each."""
    path = BUILD / f"inference-table-{times}"
    if not (path / "complete").exists():
        shutil.rmtree(path, ignore_errors=True)
        bodies = list(traffic.payloads(ROWS, seed=3))
        for n in range(times, 0, -1):
            append(path, _requests(bodies, n))
        (path / "complete").touch()
    return path


def _requests(bodies: Sequence[tuple[str, str]], back: int) -> list[LoggedRequest]:
    start, step = END - back * BACK, BACK / len(bodies)
    return [
        LoggedRequest(f"{back}-{i}", start + i * step, ms=10 + i % 50, request=body, response=answer)
        for i, (body, answer) in enumerate(bodies)
    ]


def shown(results: list[dict[str, Any]]) -> Table:
    made = Table(title="Reading for one look: health, 2,000 of 2,500 requests, 20 columns, verdicts")
    for heading in ("rows in the table", "CPU ms", "least", "wall ms", "records"):
        made.add_column(heading, justify="right")
    for r in results:
        numbers = [f"{r[name]:,.1f}" if name in r else "-" for name in ("cpu_ms", "least_cpu_ms", "wall_ms")]
        made.add_row(f"{r['rows']:,}", *numbers, str(r.get("records", r.get("note", ""))))
    return made


if __name__ == "__main__":
    main()
