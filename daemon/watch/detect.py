"""Profiles in, findings out: every check of one served version on one window. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from daemon.config.detection import Health as HealthSettings
from daemon.config.endpoint import EndpointSettings
from daemon.domain.baseline import Baseline, BaselineColumn
from daemon.domain.finding import Against, Cause, Check, Finding, Statistic, Verdict
from daemon.domain.profile import Counts, Health, Profile
from daemon.watch import quality
from daemon.watch.judge import Measured, judge, nothing_to_measure, rise
from detectors import budget, chi_square, exceedance, jensen_shannon, ks, linf, psi, share
from detectors.bins import CategoricalBins

QUANTILES = ((Statistic.LATENCY_P50, 0.50), (Statistic.LATENCY_P95, 0.95), (Statistic.LATENCY_P99, 0.99))
ONLY_AGAINST = frozenset(
    (
        *(statistic for statistic, _ in QUANTILES),
        Statistic.ERRORS_BESIDE,
        Statistic.OUT_OF_RANGE,
        Statistic.WRONG_TYPE,
        Statistic.MISSING_COLUMN,
        Statistic.NEW_COLUMN,
        Statistic.DUPLICATES,
        Statistic.UNREADABLE,
    )
)
"""What can only speak against a version: that it is not certain yet keeps none from counting as healthy."""
YEAR_S = 365.25 * 24 * 3600
CHECKS_PER_COLUMN = 4
"""KS and PSI (or L-infinity and PSI), nulls, and never-seen or non-finite values."""
HEALTH_CHECKS = 7
"""Errors of two kinds and beside another version, three of latency, and silence."""


@dataclass(frozen=True, slots=True)
class Reference:
    """The health that a window is compared with."""

    health: Health
    against: Against
    version: int | None = None


def confidence(settings: EndpointSettings, columns: int) -> float:
    """Return the error probability each check may have, so that the endpoint's yearly budget holds over all of them."""
    return budget.alpha(
        settings.drift.false_alarms_per_year,
        looks_per_year=YEAR_S / settings.watch.window.total_seconds(),
        columns=1,
        metrics=(CHECKS_PER_COLUMN + quality.CHECKS_PER_COLUMN) * max(columns, 1) + quality.CHECKS + HEALTH_CHECKS,
    )


def detect(
    profile: Profile, baseline: Baseline | None, reference: Reference, settings: EndpointSettings
) -> list[Finding]:
    """Answer every check on the profile."""
    alpha = confidence(settings, len(baseline.columns) if baseline else 0)
    findings = list(_health(profile, reference, settings.health, alpha))
    if baseline is not None:
        for name, column in sorted(baseline.columns.items()):
            if name not in settings.drift.ignore:
                findings.extend(_column(profile, name, column, settings, alpha))
    return findings


def _column(
    profile: Profile, name: str, column: BaselineColumn, settings: EndpointSettings, alpha: float
) -> Iterator[Finding]:
    bins, before = column.bins, column.counts
    now = profile.columns.get(name)
    now = before * 0 if now is None else now
    values, values_before = bins.without_missing(now), bins.without_missing(before)
    tolerance = settings.drift.tolerance
    rows_wanted = budget.rows_to_certify(min(1.0, 2 * tolerance), tolerance, alpha)
    categorical = isinstance(bins, CategoricalBins)
    for statistic, threshold in (
        (Statistic.LINF if categorical else Statistic.KS, tolerance),
        (Statistic.PSI, settings.drift.psi),
    ):
        measured = _shift(statistic, values, values_before, alpha)
        yield _finding(profile, Check(statistic, name), measured, threshold, rows_wanted)
    for statistic, missing in _missing(bins, now, before):
        measured = _missing_share(missing, int(now.sum()), int(before.sum()), alpha)
        yield _finding(profile, Check(statistic, name), measured, settings.drift.missing, rows_wanted)


def _shift(statistic: Statistic, now: Counts, before: Counts, alpha: float) -> Measured:
    n, m = int(now.sum()), int(before.sum())
    if not n or not m:
        return nothing_to_measure(n, m)
    found = MEASURES[statistic](now, before, alpha)
    return Measured(n, found.value, found.lower, _reported(statistic, now, before, found.p_value))


MEASURES = {Statistic.KS: ks.measure, Statistic.LINF: linf.measure, Statistic.PSI: psi.measure}


def _reported(
    statistic: Statistic, now: Counts, before: Counts, p_value: float | None
) -> tuple[tuple[str, float], ...]:
    """Return numbers that people know and ask for. They decide nothing."""
    if statistic is Statistic.PSI:
        return (("jensen_shannon", jensen_shannon.statistic(now, before)),)
    if statistic is Statistic.LINF:
        return (("chi_square_p_value", chi_square.p_value(now, before)),)
    return (("p_value", p_value),) if p_value is not None else ()


def _missing(bins: object, now: Counts, before: Counts) -> Iterator[tuple[Statistic, tuple[int, int]]]:
    """Yield what is not a value, now and before: the last bins of either layout."""
    if isinstance(bins, CategoricalBins):
        yield Statistic.UNSEEN, (int(now[-2]), int(before[-2]))
        yield Statistic.NULLS, (int(now[-1]), int(before[-1]))
    else:
        yield Statistic.NULLS, (int(now[-2]), int(before[-2]))
        yield Statistic.NON_FINITE, (int(now[-1]), int(before[-1]))


def _missing_share(missing: tuple[int, int], n: int, m: int, alpha: float) -> Measured:
    if not n or not m:
        return nothing_to_measure(n, m)
    value = abs(missing[0] / n - missing[1] / m)
    return Measured(n, value, share.shift_lower_bound(missing[0], n, missing[1], m, alpha))


def _health(profile: Profile, reference: Reference, settings: HealthSettings, alpha: float) -> Iterator[Finding]:
    now, before = profile.health, reference.health
    for statistic, errors, errors_before in (
        (Statistic.ERRORS_4XX, now.errors_4xx, before.errors_4xx),
        (Statistic.ERRORS_5XX, now.errors_5xx, before.errors_5xx),
    ):
        measured = rise(errors, now.requests, errors_before, before.requests, alpha)
        yield _finding(profile, Check(statistic), measured, settings.errors, settings.requests, reference)
    if reference.against is Against.NOTHING:
        return
    answered, answered_before = int(now.latency.sum()), int(before.latency.sum())
    for statistic, q in QUANTILES:
        if answered and answered_before:
            slow = exceedance.measure(now.latency, before.latency, q=q, tolerance=settings.latency, alpha=alpha)
            measured = Measured(answered, slow.share, slow.lower)
        else:
            measured = nothing_to_measure(answered, answered_before)
        yield _finding(profile, Check(statistic), measured, 1 - q, settings.requests, reference)


def _finding(
    profile: Profile,
    check: Check,
    measured: Measured,
    threshold: float,
    rows_wanted: int,
    reference: Reference | None = None,
) -> Finding:
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
        against=reference.against if reference else Against.BASELINE,
        against_version=reference.version if reference else None,
        reported=measured.reported,
    )


def summary(findings: Sequence[Finding], *causes: Cause) -> Verdict:
    """Sum up what the checks of some causes say about one window.

    One breach is a breach. Some checks can only speak against a version: the tail of its latency, for one, is rarely
    certain on one window, and being unsure of it must not keep a healthy version from ever counting as healthy.
    """
    verdicts = {f.verdict for f in findings if f.check.cause in causes}
    if Verdict.BREACH in verdicts:
        return Verdict.BREACH
    deciding = {f.verdict for f in findings if f.check.cause in causes and f.check.statistic not in ONLY_AGAINST}
    for verdict in (Verdict.NO_DATA, Verdict.INCONCLUSIVE):
        if verdict in deciding:
            return verdict
    return Verdict.HEALTHY if deciding else Verdict.NO_DATA
