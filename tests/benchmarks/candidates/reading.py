"""What one look reads: health of two hours, a sample of 2,000 requests, its columns, its counts, its verdicts."""

import json
import statistics
import sys
import time
from datetime import UTC, datetime, timedelta

from daemon.adapters.delta import DeltaLog
from daemon.config.endpoint import EndpointSettings
from daemon.domain.baseline import Baseline
from daemon.domain.finding import Against
from daemon.domain.profile import Health
from daemon.domain.sample import Part
from daemon.domain.window import Window, closed_windows
from daemon.watch.decode import decode
from daemon.watch.detect import Reference, detect
from daemon.watch.profile import profile
from tests.benchmarks.candidates.ours import SIGNATURE, baseline_of

END = datetime(2026, 11, 21, 12, tzinfo=UTC)
WINDOW = timedelta(minutes=15)
BACK = timedelta(hours=2)
WANTED = 2000
LOOKS = 15
SETTINGS = EndpointSettings(name="flights", table="t", model="m")


def main(table: str, reference: str) -> None:
    baseline = baseline_of(reference)
    log = DeltaLog(table, served_entities_table=None, endpoint="flights")
    windows = list(closed_windows(END - BACK, END, WINDOW))
    records = look(log, windows, baseline)
    cpu_ms, wall_ms = [], []
    for _ in range(LOOKS):
        cpu, wall = time.process_time(), time.perf_counter()
        look(log, windows, baseline)
        cpu_ms.append(1e3 * (time.process_time() - cpu))
        wall_ms.append(1e3 * (time.perf_counter() - wall))
    told = {"records": records, "cpu_ms": statistics.median(cpu_ms), "wall_ms": statistics.median(wall_ms)}
    json.dump({**told, "least_cpu_ms": min(cpu_ms)}, sys.stdout)


def look(log: DeltaLog, windows: list[Window], baseline: Baseline) -> int:
    counts = [count for count in log.health(windows) if count.window == windows[-1]]
    parts = [Part(count.window, count.entity_id, min(1.0, WANTED / count.requests)) for count in counts]
    batch = decode(log.sample(parts, salt="flights"), SIGNATURE)
    (one,) = profile("flights", 1, parts, counts, batch, baseline)
    detect([one], baseline, None, Reference(Health(), Against.NOTHING), SETTINGS)
    return batch.records


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
