"""A cohort: the predictions of one stretch, joined with the labels that have come. Counts that merge by addition."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from daemon.domain.profile import Counts
from daemon.domain.window import Window
from detectors.bounded_mean import Sums
from detectors.classification import Confusion

SCORE_BINS = 1000
"""Of equal width from 0 to 1. For the area under the curve, scores that share a bin are tied."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What the labelled rows add up to. The truth of two cohorts adds up to that of both."""

    labelled: int = 0
    right: int = 0
    """Rows whose class was predicted, of however many classes."""
    confusion: Confusion = field(default_factory=lambda: Confusion(0, 0, 0, 0))
    sums: Mapping[str, Sums] = field(default_factory=dict)
    """Of losses: `log_loss`, `mae`, `rmse` (squared), `label` (less the least), `kpi/<name>` (what was forgone)."""
    scores: Counts = field(default_factory=lambda: np.zeros((2, SCORE_BINS), np.int64))
    """Rows by label (negative, positive) and score."""

    def __add__(self, other: "Truth") -> "Truth":
        both = {name: self.sums[name] + other.sums[name] for name in self.sums.keys() & other.sums.keys()}
        return Truth(
            self.labelled + other.labelled,
            self.right + other.right,
            self.confusion + other.confusion,
            {**self.sums, **other.sums, **both},
            self.scores + other.scores,
        )


@dataclass(frozen=True, slots=True)
class Cohort:
    """The predictions of one served version in one stretch of event time."""

    endpoint: str
    version: int
    window: Window
    requests: int
    """All requests, as the profiles counted them."""
    predicted: int
    """Sampled requests with one prediction that can be compared with a label."""
    truth: Truth
    confidence: Sums | None
    """Of `max(p, 1 - p)` over all predictions, labelled or not: what accuracy would be if the scores were right."""
    well: bool
    """The version was in good health meanwhile."""
    final: bool
    """No more labels are awaited: it is not counted again."""
    counted_at: datetime
    subject: str
    """What was counted, and how. Cohorts of another subject say nothing of this one."""
    reference: bool = False
    """Part of what the version's performance is compared with."""

    @property
    def coverage(self) -> float:
        return self.truth.labelled / self.predicted if self.predicted else 0.0

    @property
    def awaited(self) -> int:
        """Predictions whose label may still come."""
        return 0 if self.final else self.predicted - self.truth.labelled


@dataclass(frozen=True, slots=True)
class Label:
    """What became true of one request."""

    label: str | float | None
    """Text for a class, a number for regression; None where it cannot be read as that."""
    kpis: tuple[float | None, ...] = ()
