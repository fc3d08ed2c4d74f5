"""Profiles in, findings out: every check of one served version on one window. Pure."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from daemon.config.detection import Health as HealthSettings
from daemon.config.endpoint import EndpointSettings
from daemon.domain.baseline import Baseline
from daemon.domain.finding import Against, Cause, Check, Finding, Statistic, Verdict
from daemon.domain.history import History
from daemon.domain.profile import Health, Profile
from daemon.watch.drift import drift
from daemon.watch.judge import Measured, finding, nothing_to_measure, rise
from daemon.watch.scales import confidence
from detectors import exceedance

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
    answer = partial(
        finding,
        profile,
        rows_wanted=settings.requests,
        against=reference.against,
        against_version=reference.version,
    )
    for statistic, errors, errors_before in (
        (Statistic.ERRORS_4XX, now.errors_4xx, before.errors_4xx),
        (Statistic.ERRORS_5XX, now.errors_5xx, before.errors_5xx),
    ):
        measured = rise(errors, now.requests, errors_before, before.requests, alpha)
        yield answer(Check(statistic), measured, threshold=settings.errors)
    if reference.against is Against.NOTHING:
        return
    answered, answered_before = int(now.latency.sum()), int(before.latency.sum())
    for statistic, q in QUANTILES:
        if answered and answered_before:
            slow = exceedance.measure(now.latency, before.latency, q=q, tolerance=settings.latency, alpha=alpha)
            measured = Measured(answered, slow.share, slow.lower)
        else:
            measured = nothing_to_measure(answered, answered_before)
        yield answer(Check(statistic), measured, threshold=1 - q)


def summary(findings: Sequence[Finding], *causes: Cause, parts: Collection[str] = ()) -> Verdict:
    """Sum up what the checks of some causes say about one window. `parts`: columns of segments.

    One breach is a breach. Some checks can only speak against a version: the tail of its latency, for one, is rarely
    certain on one window, and being unsure of it must not keep a healthy version from ever counting as healthy. The
    same holds of a segment, of which there may be no row for an hour.
    """
    verdicts = {f.verdict for f in findings if f.check.cause in causes}
    if Verdict.BREACH in verdicts:
        return Verdict.BREACH
    whole = [f for f in findings if f.check.cause in causes and f.check.column not in parts]
    deciding = {f.verdict for f in whole if f.check.statistic not in ONLY_AGAINST}
    for verdict in (Verdict.NO_DATA, Verdict.INCONCLUSIVE):
        if verdict in deciding:
            return verdict
    return Verdict.HEALTHY if deciding else Verdict.NO_DATA
