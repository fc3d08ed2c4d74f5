"""What is read from an inference table: health over all rows, and a sample of rows with their payloads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from daemon.domain.window import Window


@dataclass(frozen=True, slots=True)
class HealthCount:
    """All requests of one window that one served entity answered; no payload was touched."""

    window: Window
    entity_id: str
    requests: int
    """Logged requests, each request id once. Not weighted: certainty comes from what was seen."""
    errors_4xx: int
    errors_5xx: int
    latency: NDArray[np.int64]
    """Requests by latency bucket (`detectors.latency`), successful ones only: a refusal is fast and hides slowness."""
    copies: int = 0
    """Logged rows beyond the first of their request id."""


@dataclass(frozen=True, slots=True)
class Part:
    """One slice to sample: a window, an entity, and the share of its requests that is wanted."""

    window: Window
    entity_id: str
    rate: float


@dataclass(frozen=True, slots=True)
class Sample:
    """Raw rows, in an Arrow table (`rows`) that decode reads.

    Columns of `rows`: part (index into `parts`), id, status_code, request, response, oversized (bool).
    """

    parts: Sequence[Part]
    rows: object
    count: int


@dataclass(frozen=True, slots=True)
class NumericColumn:
    values: NDArray[np.float64]
    null: NDArray[np.bool_]
    present: NDArray[np.bool_] | None = None
    """False where there is nothing to speak of, not even a null: the prediction of a refused request. None: all."""


@dataclass(frozen=True, slots=True)
class CategoricalColumn:
    codes: NDArray[np.int32]
    """-1 is null."""
    dictionary: tuple[str, ...]
    present: NDArray[np.bool_] | None = None
    """As with numbers."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Typed columns, one row per record: a request that carries 50 records gives 50 rows."""

    part: NDArray[np.int32]
    columns: Mapping[str, NumericColumn | CategoricalColumn]
    faults: Sequence[Mapping[str, int]] = field(default_factory=tuple)
    """For each part: reason -> rows (requests) or values that could not be used."""
    sampled: Sequence[int] = field(default_factory=tuple)
    """For each part: requests that were given."""
    requests: Sequence[int] = field(default_factory=tuple)
    """For each part: requests that were decoded."""

    @property
    def records(self) -> int:
        return len(self.part)
