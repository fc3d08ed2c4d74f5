"""A baseline: what normal looked like for one served version."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from daemon.domain.profile import Counts
from daemon.domain.schema import Column, Signature
from detectors.bins import Bins


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
    extremes: tuple[float, float] | None = None
    """Its least and greatest number; None for labels, where it has none, and in what an older daemon left behind."""


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
    signature: Signature
    """What the version takes and gives, kept here: it never changes, so a look need not ask the registry for it."""
    id: int | None = None
