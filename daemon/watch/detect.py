"""Profiles in, findings out: every check of one served version on one window. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from daemon.config.detection import Health as HealthSettings
from daemon.config.endpoint import EndpointSettings
from daemon.domain.baseline import Baseline
from daemon.domain.finding import Against, Cause, Check, Finding, Statistic, Verdict
from daemon.domain.history import History
from daemon.domain.profile import Health, Profile
from daemon.watch.drift import drift
from daemon.watch.judge import Measured, judge, nothing_to_measure
from daemon.watch.scales import confidence
from detectors import exceedance, share

QUANTILES = ((Statistic.LATENCY_P50, 0.50), (Statistic.LATENCY_P95, 0.95), (Statistic.LATENCY_P99, 0.99))
LATENCY = frozenset(statistic for statistic, _ in QUANTILES)


@dataclass(frozen=True, slots=True)
class Reference:
    """The health that a window is compared with."""

    health: Health
    against: Against
    version: int | None = None


def detect(
    profiles: Sequence[Profile],
    baseline: Baseline | None,
    history: History | None,
    reference: Reference,
    settings: EndpointSettings,
) -> list[Finding]:
    """Answer every check on the newest of a version's windows. Without a baseline only health can be told."""
    alpha = confidence(settings, len(baseline.columns) if baseline else 0)
    findings = list(_health(profiles[-1], reference, settings.health, alpha))
    return findings if baseline is None else [*findings, *drift(profiles, baseline, history, settings)]


def _health(profile: Profile, reference: Reference, settings: HealthSettings, alpha: float) -> Iterator[Finding]:
    now, before = profile.health, reference.health
    for statistic, errors, errors_before in (
        (Statistic.ERRORS_4XX, now.errors_4xx, before.errors_4xx),
        (Statistic.ERRORS_5XX, now.errors_5xx, before.errors_5xx),
    ):
        measured = _rise(errors, now.requests, errors_before, before.requests, alpha)
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


def _rise(k: int, n: int, k0: int, n0: int, alpha: float) -> Measured:
    """Measure how much the share of errors rose, against the most that the reference's own share can have been."""
    if not n:
        return nothing_to_measure(n, 1)
    usual = share.upper_bound(k0, n0, 1e-3) if n0 else 0.0
    return Measured(n, max(0.0, k / n - (k0 / n0 if n0 else 0.0)), max(0.0, share.lower_bound(k, n, alpha) - usual))


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

    One breach is a breach. Latency can only speak against a version: its tail is rarely certain on one window, and
    being unsure of it must not keep a healthy version from ever counting as healthy.
    """
    verdicts = {f.verdict for f in findings if f.check.cause in causes}
    if Verdict.BREACH in verdicts:
        return Verdict.BREACH
    deciding = {f.verdict for f in findings if f.check.cause in causes and f.check.statistic not in LATENCY}
    for verdict in (Verdict.NO_DATA, Verdict.INCONCLUSIVE):
        if verdict in deciding:
            return verdict
    return Verdict.HEALTHY if deciding else Verdict.NO_DATA
