"""What an endpoint exports of itself, out of Prometheus' text format.

They are gauges of one minute, whatever their names say: `request_count_total` counts nothing up. Which of them there
are differs by endpoint, and so do their labels: each served entity may have its own.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from math import isfinite

from prometheus_client.parser import text_string_to_metric_families

from daemon.domain.sources import EndpointMetrics

EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)
"""No minute was told of before there was such an export: what says so counts in other units."""
SUMS = {
    "request_count": "requests",
    "request_4xx_count": "errors_4xx",
    "request_5xx_count": "errors_5xx",
    "provisioned_concurrent_requests": "provisioned_concurrency",
}
"""Name, without a `_total` that is there or not -> what it is to us. Entities are added up."""
LARGEST = {"cpu_usage_percentage": "cpu_percent", "mem_usage_percentage": "memory_percent"}
"""Of several entities, the busiest one is told."""


def read_gauges(text: str) -> EndpointMetrics | None:
    """Return what is known among the gauges; None where nothing is. Raise ValueError where it is no such text."""
    told: dict[str, list[float]] = {}
    stamps: list[float] = []
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            name = sample.name.removesuffix("_total")
            if (name in SUMS or name in LARGEST) and isfinite(sample.value):
                told.setdefault(name, []).append(sample.value)
                stamps.append(float(sample.timestamp or 0))
    if not told:
        return None
    numbers = _each(told, SUMS, sum) | _each(told, LARGEST, max)
    return EndpointMetrics(at=_moment(max(stamps)), **numbers)


def _each(
    told: Mapping[str, list[float]], names: Mapping[str, str], of: Callable[[Iterable[float]], float]
) -> dict[str, float]:
    return {ours: float(of(told[name])) for name, ours in names.items() if name in told}


def _moment(seconds: float) -> datetime | None:
    """Read a time, in seconds; the parser has divided what it took for milliseconds."""
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    except OverflowError:
        return None
    return moment if moment > EARLIEST else None
