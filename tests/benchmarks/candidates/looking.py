"""Whole looks, read to committed, at a table that is written to between them: CPU time of each."""

import cProfile
import json
import shutil
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from daemon.adapters.delta import DeltaLog, DeltaTables
from daemon.config import settings as config
from daemon.config.endpoint import EndpointSettings
from daemon.config.remedies import Retrain
from daemon.store import baselines, endpoints
from daemon.store.engine import Store
from daemon.watch.cycle import Doors, Look, look
from tests.adapters.delta.tables import write as append
from tests.benchmarks import traffic
from tests.benchmarks.candidates.ours import baseline_of
from tests.fakes import FakeRegistry, FakeServing, LoggedRequest

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
"""Where the table ends before the first look."""
WINDOW = timedelta(minutes=15)
FLUSH = timedelta(minutes=5)
"""The platform writes a file this often."""
PER_FLUSH = 834
"""2,502 requests in a window, of which about 2,000 are sampled."""
WARM_UP, LOOKS = 10, 25
SETTINGS = EndpointSettings(name="flights", table="t", model="m", retrain=Retrain(job_id=1))


def main(table: str, reference: str, profile_to: str = "") -> None:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(table, Path(folder) / "table")
        found = _looks(Path(folder), reference, profile_to)
    json.dump(found, sys.stdout)


def _looks(folder: Path, reference: str, profile_to: str) -> dict[str, float]:
    store = Store.open(config.Store(url=f"sqlite:///{folder}/mlsteward.db"))
    with store.begin() as tx:
        baselines.save(tx, baseline_of(reference))
        endpoints.learn(tx, "flights", "entity", "m", 1, NOON)
    serving = FakeServing()
    serving.add("flights", "m", {1: 100})
    log = DeltaLog(str(folder / "table"), served_entities_table=None, endpoint="flights")
    doors = Doors(log, serving, FakeRegistry(folder), DeltaTables())
    profiler = cProfile.Profile() if profile_to else None
    cpu_ms, wall_ms, seen = [], [], None
    for n in range(WARM_UP + LOOKS):
        write_window(folder / "table", NOON + n * WINDOW)
        now = NOON + (n + 1) * WINDOW + SETTINGS.watch.settle
        cpu, wall = time.process_time(), time.perf_counter()
        if profiler and n >= WARM_UP:
            profiler.enable()
        seen = look(SETTINGS, doors, store, now=now, scratch=folder)
        if profiler:
            profiler.disable()
        cpu_ms.append(1e3 * (time.process_time() - cpu))
        wall_ms.append(1e3 * (time.perf_counter() - wall))
    if profiler:
        profiler.dump_stats(profile_to)
    store.close()
    return _told(seen, cpu_ms[WARM_UP:], wall_ms[WARM_UP:])


def _told(seen: Look | None, cpu_ms: list[float], wall_ms: list[float]) -> dict[str, float]:
    assert seen is not None and len(seen.profiles) == 1
    return {
        "sampled": seen.profiles[0].coverage.sampled,
        "findings": len(seen.findings),
        "cpu_ms": statistics.median(cpu_ms),
        "least_cpu_ms": min(cpu_ms),
        "wall_ms": statistics.median(wall_ms),
    }


def write_window(table: Path, start: datetime) -> None:
    """Append a window's requests, a file at each flush."""
    bodies = list(traffic.payloads(PER_FLUSH, seed=start.minute))
    for flush in range(WINDOW // FLUSH):
        begin = start + flush * FLUSH
        rows = [
            LoggedRequest(f"{begin:%d%H%M}-{i}", begin + i * FLUSH / PER_FLUSH, ms=10 + i % 50, request=q, response=a)
            for i, (q, a) in enumerate(bodies)
        ]
        append(table, rows)


if __name__ == "__main__":
    main(*sys.argv[1:])
