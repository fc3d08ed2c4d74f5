"""A stopwatch and a report for candidates. Standard library only: it runs in the peers' interpreters too."""

import json
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path


class Clock:
    """Adds up what runs inside `running`, so that reading the file is nobody's cost."""

    def __init__(self) -> None:
        self.wall_s = 0.0
        self.cpu_s = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self.wall_s += time.perf_counter() - wall
        self.cpu_s += time.process_time() - cpu


def batches(path: str, size: int) -> Iterator[list[tuple[str, str]]]:
    """Yield lists of (request, response), and keep none of them."""
    with Path(path).open(encoding="utf-8") as lines:
        yield from iter(lambda: [_pair(line) for line in islice(lines, size)], [])


def _pair(line: str) -> tuple[str, str]:
    request, _, response = line.rstrip("\n").partition("\t")
    return request, response


def report(rows: int, clocks: dict[str, Clock], **more: object) -> None:
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    times = {name: {"wall_s": clock.wall_s, "cpu_s": clock.cpu_s} for name, clock in clocks.items()}
    json.dump({"rows": rows, "times": times, "peak_mb": peak_mb, **more}, sys.stdout)
