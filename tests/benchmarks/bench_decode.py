"""Raw inference-table rows to verdicts: rows a second and peak memory, beside orjson alone, Evidently and NannyML.

python -m tests.benchmarks.bench_decode --rows 500000 --json build/bench/decode.json
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks import traffic
from tests.benchmarks.peers import PEERS, python_of

ROOT = Path(__file__).parents[2]
CANDIDATES = Path(__file__).parent / "candidates"
BUILD = ROOT / "build" / "bench"
BASELINE_ROWS = 20_000
COLUMNS = 20
BAR = "orjson.loads alone"
OURS = "mlsteward, 2 threads"


@dataclass(frozen=True, slots=True)
class Result:
    name: str
    note: str = ""
    rows: int = 0
    wall_s: float = 0.0
    cpu_s: float = 0.0
    without_parsing_s: float | None = None
    peak_mb: float = 0.0


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=500_000)
    options.add_argument("--json", type=Path, default=BUILD / "decode.json")
    options.add_argument("--without-peers", action="store_true")
    run(**vars(options.parse_args()))


def run(*, rows: int, json: Path, without_peers: bool = False) -> list[Result]:
    results = list(measured(rows, without_peers))
    Console(width=None if sys.stdout.isatty() else 140).print(table(results, rows))
    write(json, {"rows": rows, "columns": COLUMNS, "results": [asdict(result) for result in results]})
    return results


def measured(rows: int, without_peers: bool) -> Iterator[Result]:
    reference = traffic.write(BUILD / f"reference-{BASELINE_ROWS}.tsv", BASELINE_ROWS, seed=1)
    current = traffic.write(BUILD / f"current-{rows}.tsv", rows, seed=2, shift=0.2)
    files = [str(reference), str(current)]
    yield _result(BAR, run_candidate([sys.executable, "-m", "tests.benchmarks.candidates.orjson_alone", *files]))
    for name, threads in (("mlsteward, 1 thread", 1), (OURS, 2)):
        command = [sys.executable, "-m", "tests.benchmarks.candidates.ours", *files, str(threads)]
        yield _result(name, run_candidate(command))
    for peer in () if without_peers else PEERS:
        python = python_of(peer, ROOT / "build" / "venvs")
        if isinstance(python, str):
            yield Result(peer.requirements[0], note=python)
        else:
            command = [str(python), str(CANDIDATES / f"{peer.module}.py"), *files]
            yield _result(peer.requirements[0], run_candidate(command))


def run_candidate(command: list[str]) -> dict[str, Any] | str:
    told = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONWARNINGS": "ignore"}
    )
    if told.returncode:
        print(told.stderr, file=sys.stderr)
        return f"ended with {told.returncode}"
    found: dict[str, Any] = json.loads(told.stdout.strip().splitlines()[-1])
    return found


def _result(name: str, told: dict[str, Any] | str) -> Result:
    if isinstance(told, str):
        return Result(name, note=told)
    times = {part: time for part, time in told["times"].items() if part != "fit"}
    without = times["compute"]["wall_s"] if "parse" in times else None
    wall, cpu = (sum(time[which] for time in times.values()) for which in ("wall_s", "cpu_s"))
    fit = told["times"].get("fit")
    note = f"and {fit['wall_s']:.1f} s to fit" if fit else ""
    return Result(name, note, told["rows"], wall, cpu, without, told["peak_mb"])


def table(results: list[Result], rows: int) -> Table:
    ours = next((r.wall_s for r in results if r.name == OURS), 0.0)
    made = Table(title=f"{rows:,} raw rows of {COLUMNS} columns to verdicts")
    for heading in ("", "seconds", "CPU s", "rows/s", "s without parsing", "peak MB", "against 2 threads", ""):
        made.add_column(heading, justify="left" if not heading else "right")
    for r in results:
        if not r.rows:
            made.add_row(r.name, *["-"] * 6, r.note)
            continue
        without = "" if r.without_parsing_s is None else f"{r.without_parsing_s:.1f}"
        against = f"{r.wall_s / ours:.1f} x" if ours else ""
        numbers = (f"{r.wall_s:.2f}", f"{r.cpu_s:.2f}", f"{r.rows / r.wall_s:,.0f}", without, f"{r.peak_mb:,.0f}")
        made.add_row(r.name, *numbers, against, r.note)
    return made


def write(path: Path, found: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found, indent=1))
    print(path)


if __name__ == "__main__":
    main()
