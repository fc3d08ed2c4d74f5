"""A profile: what a window leaves behind, as counts that merge by addition."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from daemon.domain.finding import Verdict
from daemon.domain.window import Window
from detectors import latency

Counts = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Health:
    requests: int = 0
    errors_4xx: int = 0
    errors_5xx: int = 0
    latency: Counts = field(default_factory=lambda: np.zeros(latency.BUCKETS, np.int64))

    @property
    def errors(self) -> int:
        return self.errors_4xx + self.errors_5xx

    def __add__(self, other: "Health") -> "Health":
        return Health(
            self.requests + other.requests,
            self.errors_4xx + other.errors_4xx,
            self.errors_5xx + other.errors_5xx,
            self.latency + other.latency,
        )


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of the window the numbers speak of."""

    requests: int = 0
    sampled: int = 0
    decoded: int = 0
    records: int = 0
    faults: Mapping[str, int] = field(default_factory=dict)
    copies: int = 0
    """Logged rows beyond the first of their request id."""
    out_of_range: Mapping[str, int] = field(default_factory=dict)
    """Column -> numbers far from all that the baseline has."""

    def __add__(self, other: "Coverage") -> "Coverage":
        return Coverage(
            self.requests + other.requests,
            self.sampled + other.sampled,
            self.decoded + other.decoded,
            self.records + other.records,
            dict(Counter(self.faults) + Counter(other.faults)),
            self.copies + other.copies,
            dict(Counter(self.out_of_range) + Counter(other.out_of_range)),
        )


@dataclass(frozen=True, slots=True)
class Profile:
    """The counts of one served version in one window, in the bins of one baseline."""

    endpoint: str
    version: int
    window: Window
    health: Health
    coverage: Coverage
    baseline_id: int | None
    """None until the version has a baseline: health needs none."""
    columns: Mapping[str, Counts]
    healthy: Verdict = Verdict.NO_DATA
    """What the health checks said of this window, all together. Verification counts these."""
    steady: Verdict = Verdict.NO_DATA
    """The same for drift and data quality."""
