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
    write(json, {"aim_cpu_ms": AIM_CPU_MS, "results": results})
    return results


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
