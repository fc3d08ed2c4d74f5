"""One measurement in, one verdict out. Pure: the rule of what counts as a breach stands here and nowhere else."""

from dataclasses import dataclass

from daemon.domain.finding import Against, Check, Finding, Reason, Verdict
from daemon.domain.profile import Profile
from detectors import share


@dataclass(frozen=True, slots=True)
class Measured:
    n: int
    value: float | None
    lower: float | None
    """The lower confidence bound of the value."""
    reported: tuple[tuple[str, float], ...] = ()
    missing: Reason | None = None
    """Why there is no value."""


def nothing_to_measure(n: int, m: int) -> Measured:
    """Return the measurement of nothing: no rows now, or none in what they are compared with."""
    return Measured(n, None, None, missing=Reason.NO_ROWS if not n else Reason.EMPTY_BASELINE if not m else None)


def rise(k: int, n: int, k0: int, n0: int, alpha: float) -> Measured:
    """Measure how much a share rose, against the most that the reference's own share can have been."""
    if not n:
        return nothing_to_measure(n, 1)
    usual = share.upper_bound(k0, n0, 1e-3) if n0 else 0.0
    return Measured(n, max(0.0, k / n - (k0 / n0 if n0 else 0.0)), max(0.0, share.lower_bound(k, n, alpha) - usual))


def judge(measured: Measured, *, threshold: float, rows_wanted: int) -> tuple[Verdict, Reason]:
    """Judge a measurement.

    A breach is beyond the threshold with certainty: its lower bound is. Healthy is within the threshold, on enough
    rows that a breach would have shown. Everything between is inconclusive, and what was not measured is no data.
    """
    if measured.value is None or measured.lower is None:
        return Verdict.NO_DATA, measured.missing or Reason.NO_ROWS
    if measured.lower > threshold:
        return Verdict.BREACH, Reason.CERTAINLY_BEYOND
    if measured.n < rows_wanted:
        return Verdict.INCONCLUSIVE, Reason.TOO_FEW_ROWS
    if measured.value > threshold:
        return Verdict.INCONCLUSIVE, Reason.NOT_CERTAIN
    return Verdict.HEALTHY, Reason.WITHIN_TOLERANCE


def finding(
    profile: Profile,
    check: Check,
    measured: Measured,
    *,
    threshold: float,
    rows_wanted: int,
    against: Against = Against.BASELINE,
    against_version: int | None = None,
) -> Finding:
    """Return the answer of a check on one window, judged."""
    verdict, reason = judge(measured, threshold=threshold, rows_wanted=rows_wanted)
    return Finding(
        endpoint=profile.endpoint,
        version=profile.version,
        check=check,
        window=profile.window,
        verdict=verdict,
        reason=reason,
        n=measured.n,
        statistic=measured.value,
        bound=measured.lower,
        threshold=threshold,
        against=against,
        against_version=against_version,
        reported=measured.reported,
    )
