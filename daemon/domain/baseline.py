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
class Segment:
    """A part of the traffic: the rows in which a column has one value."""

    column: str
    value: str

    @property
    def name(self) -> str:
        return f"{self.column}={self.value}"


@dataclass(frozen=True, slots=True)
class BaselineColumn:
    column: Column
    bins: Bins
    counts: Counts
    extremes: tuple[float, float] | None = None
    """Its least and greatest number; None for labels, where it has none, and in what an older daemon left behind."""
    within: Segment | None = None
    """Counted in the rows of this segment only, in the bins of the whole column; None: in all rows."""

    @property
    def name(self) -> str:
        """What checks call it: `distance`, and in the segment JFK of origin `distance@origin=JFK`."""
        return f"{self.column.name}@{self.within.name}" if self.within else self.column.name


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
    """By their names; those of segments beside those of all rows."""
    signature: Signature
    """What the version takes and gives, kept here: it never changes, so a look need not ask the registry for it."""
    id: int | None = None
    segmented_by: tuple[str, ...] = ()
    """Columns of which segments were asked for when it was made, whether there are any or not."""

    @property
    def segments(self) -> tuple[Segment, ...]:
        return tuple(dict.fromkeys(one.within for one in self.columns.values() if one.within))
