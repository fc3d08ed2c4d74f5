"""mlsteward: raw rows to verdicts, batch by batch, with as many threads as are given."""

import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import islice

import numpy as np
from arro3.core import Array, DataType, Table

from daemon.config.endpoint import EndpointSettings
from daemon.domain.baseline import Baseline
from daemon.domain.finding import Against
from daemon.domain.profile import Health, Profile
from daemon.domain.sample import Part, Sample
from daemon.domain.schema import Column, Kind, Role, Signature
from daemon.domain.window import Window
from daemon.watch.baseline import from_batches
from daemon.watch.decode import decode
from daemon.watch.detect import Reference, detect
from daemon.watch.profile import merge, profile
from tests.benchmarks.candidates.clock import Clock, batches, report
from tests.benchmarks.traffic import LABELS, NUMBERS

BATCH = 100_000
"""Rows in memory at a time, shared by the threads."""
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
PART = Part(Window(NOON, NOON + timedelta(minutes=15)), "entity", 1.0)
SIGNATURE = Signature(
    (*(Column(n, Kind.NUMERIC) for n in NUMBERS), *(Column(n, Kind.CATEGORICAL) for n in LABELS)),
    (Column("prediction", Kind.NUMERIC, Role.PREDICTION),),
)


def main(reference: str, current: str, threads: int) -> None:
    settings = EndpointSettings(name="flights", table="t", model="m")
    baseline = baseline_of(reference)
    clock, rows, profiles = Clock(), 0, []
    lots = samples(current, BATCH // threads)
    with ThreadPoolExecutor(threads) as pool:
        while lot := list(islice(lots, threads)):
            rows += sum(sample.count for sample in lot)
            with clock.running():
                profiles += list(pool.map(lambda sample: counted(sample, baseline), lot))
    with clock.running():
        findings = detect([merge(profiles)], baseline, None, Reference(Health(), Against.NOTHING), settings)
    verdicts = Counter(f.verdict.value for f in findings if f.check.column)
    report(rows, {"all": clock}, verdicts=dict(verdicts), columns=len(baseline.columns))


def baseline_of(path: str) -> Baseline:
    decoded = [decode(sample, SIGNATURE) for sample in samples(path, BATCH)]
    return from_batches(decoded, SIGNATURE, endpoint="flights", version=1, source=path, rows=10**6, now=NOON)


def counted(sample: Sample, baseline: Baseline) -> Profile:
    return profile("flights", 1, [PART], [], decode(sample, SIGNATURE), baseline)[0]


def samples(path: str, rows: int) -> Iterator[Sample]:
    """Yield what the inference log yields: Arrow tables in chunks of some thousand rows."""
    return map(_sample, batches(path, rows))


def _sample(batch: list[tuple[str, str]]) -> Sample:
    n = len(batch)
    table = Table.from_pydict(
        {
            "part": Array(np.zeros(n, np.int64)),
            "status_code": Array(np.full(n, 200, np.int32)),
            "request": Array([request for request, _ in batch], DataType.string()),
            "response": Array([response for _, response in batch], DataType.string()),
        }
    )
    return Sample([PART], table.rechunk(max_chunksize=8192), n)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
