"""What it costs to certify: a look at 50 columns and 15 scales, from stored counts to answers at both levels.

python -m tests.benchmarks.bench_look --json build/bench/look.json
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.benchmarks.bench_decode import BUILD, run_candidate, write

AIM_CPU_MS = 20
DRIFTED = (0, 12, 50)
BASELINES = ("pooled", "phase")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--json", type=Path, default=BUILD / "look.json")
    run(**vars(options.parse_args()))


def run(*, json: Path) -> list[dict[str, Any]]:
    results = []
    for drifted in DRIFTED:
        for baseline in BASELINES:
            command = [sys.executable, "-m", "tests.benchmarks.candidates.certifying", str(drifted), baseline]
            told = run_candidate(command)
            result = {"drifted": drifted, "baseline": baseline}
            results.append({**result, **(told if isinstance(told, dict) else {"note": told})})
    Console().print(shown(results))
    whole = run_candidate([sys.executable, "-m", "tests.benchmarks.candidates.judging"])
    Console().print(in_words(whole))
    write(json, {"aim_cpu_ms": AIM_CPU_MS, "results": results, "from_the_store": whole})
    return results


def in_words(whole: dict[str, Any] | str) -> str:
    if not isinstance(whole, dict):
        return f"the daemon's own look could not be measured: {whole}"
    parts = (
        f"{whole['load_cpu_ms']:.1f} ms to load 168 profiles from SQLite, {whole['judge_cpu_ms']:.1f} ms to judge them"
    )
    return f"The daemon's own look, all told: {whole['cpu_ms']:.1f} ms of CPU ({parts}), aim {AIM_CPU_MS} ms"


def shown(results: list[dict[str, Any]]) -> Table:
    made = Table(title=f"A look at 50 columns x 15 scales, two levels (aim: {AIM_CPU_MS} ms of CPU)")
    for heading in ("columns drifted", "baseline", "CPU ms", "least", "wall ms", "certified"):
        made.add_column(heading, justify="right")
    for r in results:
        numbers = [f"{r[name]:,.1f}" if name in r else "-" for name in ("cpu_ms", "least_cpu_ms", "wall_ms")]
        made.add_row(str(r["drifted"]), r["baseline"], *numbers, str(r.get("certified", r.get("note", ""))))
    return made


if __name__ == "__main__":
    main()
