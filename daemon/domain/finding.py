"""A finding: a check's answer on one window."""

from dataclasses import dataclass
from enum import StrEnum

from daemon.domain.window import Window

COLUMN = "column "
"""How a number begins that is reported of a column which the check itself does not name."""
MIX_OF, WITHIN = "mix_of_", "within_"
"""How the two parts of a shift begin: how far the mix of a column's segments moved, and how far values within them."""


class Verdict(StrEnum):
    HEALTHY = "healthy"
    BREACH = "breach"
    INCONCLUSIVE = "inconclusive"
    """Could not tell. Starts nothing, ends nothing."""
    NO_DATA = "no_data"
    """Could not measure. Starts nothing, ends nothing."""

    @property
    def valid(self) -> bool:
        return self in (Verdict.HEALTHY, Verdict.BREACH)


class Reason(StrEnum):
    """Why a check answered as it did."""

    WITHIN_TOLERANCE = "within_tolerance"
    CERTAINLY_BEYOND = "certainly_beyond_tolerance"
    NOT_CERTAIN = "beyond_tolerance_but_not_certain"
    OWN_HISTORY = "within_its_own_history"
    """Certain if rows were independent, and no more than its windows did by themselves."""
    RESTLESS = "history_too_restless"
    """Its windows did by themselves twice what is tolerated: nothing smaller can be told."""
    NO_HISTORY = "no_history"
    """Too few calm windows yet to tell what it does by itself."""
    TOO_FEW_ROWS = "too_few_rows"
    NO_ROWS = "no_rows"
    EMPTY_BASELINE = "empty_baseline"
    TOO_FEW_LABELS = "too_few_labels"
    """Too many of the cohort's labels are still awaited."""
    NATURAL_VARIATION = "within_natural_variation"
    """Beyond the tolerance, and not known to be further than its cohorts vary by themselves."""


class Statistic(StrEnum):
    """What a check measures."""

    KS = "ks"
    PSI = "psi"
    LINF = "linf"
    NULLS = "null_rate"
    UNSEEN = "unseen_rate"
    NON_FINITE = "non_finite_rate"
    OUT_OF_RANGE = "out_of_range_rate"
    WRONG_TYPE = "wrong_type_rate"
    MISSING_COLUMN = "missing_column_rate"
    NEW_COLUMN = "new_column_rate"
    DUPLICATES = "duplicate_rate"
    UNREADABLE = "unreadable_rate"
    ERRORS_4XX = "error_rate_4xx"
    ERRORS_5XX = "error_rate_5xx"
    ERRORS_BESIDE = "errors_beside"
    """The odds of an error, over those of another version in the same minutes."""
    LATENCY_P50 = "latency_p50"
    LATENCY_P95 = "latency_p95"
    LATENCY_P99 = "latency_p99"
    ACCURACY = "accuracy"
    PRECISION = "precision"
    RECALL = "recall"
    F1 = "f1"
    AUC = "auc"
    LOG_LOSS = "log_loss"
    MAE = "mae"
    RMSE = "rmse"
    R2 = "r2"
    KPI = "kpi"
    """A business number; the check's column is its name."""


class Cause(StrEnum):
    """What kind of trouble a check looks for: causes point to remedies."""

    DRIFT = "drift"
    QUALITY = "quality"
    HEALTH = "health"
    CONCEPT = "concept"
    """What is predicted has become wrong: known only once labels have come."""


CAUSES = {
    Statistic.KS: Cause.DRIFT,
    Statistic.PSI: Cause.DRIFT,
    Statistic.LINF: Cause.DRIFT,
    Statistic.NULLS: Cause.QUALITY,
    Statistic.UNSEEN: Cause.QUALITY,
    Statistic.NON_FINITE: Cause.QUALITY,
    Statistic.OUT_OF_RANGE: Cause.QUALITY,
    Statistic.WRONG_TYPE: Cause.QUALITY,
    Statistic.MISSING_COLUMN: Cause.QUALITY,
    Statistic.NEW_COLUMN: Cause.QUALITY,
    Statistic.DUPLICATES: Cause.QUALITY,
    Statistic.UNREADABLE: Cause.QUALITY,
    Statistic.ERRORS_4XX: Cause.HEALTH,
    Statistic.ERRORS_5XX: Cause.HEALTH,
    Statistic.ERRORS_BESIDE: Cause.HEALTH,
    Statistic.LATENCY_P50: Cause.HEALTH,
    Statistic.LATENCY_P95: Cause.HEALTH,
    Statistic.LATENCY_P99: Cause.HEALTH,
    Statistic.ACCURACY: Cause.CONCEPT,
    Statistic.PRECISION: Cause.CONCEPT,
    Statistic.RECALL: Cause.CONCEPT,
    Statistic.F1: Cause.CONCEPT,
    Statistic.AUC: Cause.CONCEPT,
    Statistic.LOG_LOSS: Cause.CONCEPT,
    Statistic.MAE: Cause.CONCEPT,
    Statistic.RMSE: Cause.CONCEPT,
    Statistic.R2: Cause.CONCEPT,
    Statistic.KPI: Cause.CONCEPT,
}


ERRORS = frozenset({Statistic.ERRORS_4XX, Statistic.ERRORS_5XX, Statistic.ERRORS_BESIDE})


class Against(StrEnum):
    """What a window is compared with; it decides whether trouble can be the version's own."""

    BASELINE = "baseline"
    BESIDE = "version_beside"
    """Another version in the same minutes: what hits both cancels out."""
    BEFORE = "version_before"
    """The last known good version, in its newest good windows."""
    ITSELF = "itself"
    """Its own good windows: tells that it got worse, not why."""
    NOTHING = "nothing"
    """No record yet: an absolute tolerance."""

    @property
    def attributable(self) -> bool:
        """Whether being worse than this is a reason to go back to another version."""
        return self in (Against.BESIDE, Against.BEFORE)


@dataclass(frozen=True, slots=True)
class Check:
    """A statistic of a column, or of the served version itself (no column)."""

    statistic: Statistic
    column: str = ""

    @property
    def name(self) -> str:
        return f"{self.column}/{self.statistic}" if self.column else str(self.statistic)

    @property
    def cause(self) -> Cause:
        return CAUSES[self.statistic]


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's answer on one window of one served version."""

    endpoint: str
    version: int
    check: Check
    window: Window
    verdict: Verdict
    reason: Reason
    n: int
    """Rows (drift, quality) or requests (health) that the answer rests on."""
    statistic: float | None
    bound: float | None
    """The lower confidence bound of the statistic: it is this that must exceed the threshold."""
    threshold: float
    against: Against = Against.BASELINE
    against_version: int | None = None
    warns: bool = False
    """Certain of half the tolerance, at twelve times the budget: nothing to act upon, something to know."""
    reported: tuple[tuple[str, float], ...] = ()
    """Numbers for people (p-values, Jensen-Shannon): they never decide."""

    @property
    def id(self) -> str:
        """What people call the check of this version by: the same on every window."""
        return f"{self.endpoint}:{self.version}:{self.check.name}"

    def numbers(self) -> dict[str, object]:
        """Return the finding as plain values, for the record and for people."""
        return {
            "check": self.check.name,
            "version": self.version,
            "verdict": str(self.verdict),
            "reason": str(self.reason),
            "n": self.n,
            "statistic": self.statistic,
            "bound": self.bound,
            "threshold": self.threshold,
            "against": str(self.against),
            "against_version": self.against_version,
            "window": [self.window.start.isoformat(), self.window.end.isoformat()],
            **dict(self.reported),
        }
