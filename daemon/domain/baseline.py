"""A baseline: what normal looked like for one served version."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from detectors.bins import Bins

from daemon.domain.profile import Counts
from daemon.domain.schema import Column


class BaselineKind(StrEnum):
    TRAINING = "training"
    """The dataset logged with the version's training run, or a file or table named in the configuration."""
    FIRST = "first"
    """The first rows that the version served in good health."""


@dataclass(frozen=True, slots=True)
class BaselineColumn:
    column: Column
    bins: Bins
    counts: Counts


@dataclass(frozen=True, slots=True)
class Baseline:
    endpoint: str
    version: int
    kind: BaselineKind
    source: str
    """Where the rows came from, for a person to read."""
    rows: int
    created_at: datetime
    columns: Mapping[str, BaselineColumn]
    id: int | None = None
