"""Idle memory of the daemon: two endpoints under watch, fresh (baselines made) and after a restart (baselines known).

python -m tests.benchmarks.bench_idle --json build/bench/idle.json
"""

import argparse
import json as json_module
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from playground.address import Address
from playground.process import Playground
from playground.traffic import Mix, Traffic
from tests.scenarios.process import TINY, Daemon

ROOT = Path(__file__).parents[2]
AIM_MB = 200
LOOKS_SECONDS = 20


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--json", type=Path, default=ROOT / "build" / "bench" / "idle.json")
    run(**vars(options.parse_args()))


def run(*, json: Path) -> dict[str, float]:
    """Measure, print, write."""
    with tempfile.TemporaryDirectory() as folder, Playground(Path(folder) / "box") as box:
        mix = Mix(records_per_second=100)
        with Traffic(box.address, "flight-delay", mix), Traffic(box.address, "air-time", mix, seed=1):
            measured = {
                "fresh: baselines made from training data, through mlflow": _resident_mb(Path(folder), box.address),
                "restarted: baselines known, mlflow not needed": _resident_mb(Path(folder), box.address),
            }
    grid = Table(title=f"Resident memory after {LOOKS_SECONDS} s of looks each second (aim: {AIM_MB} MB)")
    for column in ("daemon", "MB"):
        grid.add_column(column)
    for name, megabytes in measured.items():
        grid.add_row(name, f"{megabytes:.0f}")
    Console().print(grid)
    json.parent.mkdir(parents=True, exist_ok=True)
    json.write_text(json_module.dumps({"aim_mb": AIM_MB, "resident_mb": measured}, indent=2) + "\n")
    return measured


def _resident_mb(folder: Path, address: Address) -> float:
    endpoints = "".join(
        f'[[endpoints]]\nname = "{name}"\ntable = "{known.table}"\nmodel = "{known.registered_model}"\n'
        for name, known in address.endpoints.items()
    )
    text = TINY.replace('[defaults.baseline]\nkind = "first"\nrows = 1000000\n', "").format(
        host=address.host, mlflow=address.mlflow, served_entities_table=address.served_entities_table
    )
    with Daemon(folder, text + endpoints, TEST_TOKEN=address.token) as daemon:
        daemon.wait("the first looks", lambda: daemon.get("/readyz")[0] == 200, 60)
        time.sleep(LOOKS_SECONDS)
        pages = int(Path(f"/proc/{daemon.process.pid}/statm").read_text().split()[1])
        daemon.stop()
    daemon.log.unlink()
    return pages * 4096 / 1e6


if __name__ == "__main__":
    main()
