"""Errors of two versions in the same minutes: are they more than one of them can have by chance? Pure.

Each error is a coin flip between the two, whose odds are those of their traffic (`detectors.coin_flip`): an incident
upstream makes more flips and leaves the odds alone. What no window alone makes certain is gathered over windows, anew
at each look from what the windows left behind.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from daemon.config.endpoint import EndpointSettings
from daemon.domain.finding import Against, Check, Finding, Reason, Statistic, Verdict
from daemon.domain.profile import Profile
from daemon.domain.remediation import Standing, VersionVerdict
from daemon.watch.sample import Slot
from detectors import coin_flip
from detectors.coin_flip import RATIOS, Evidence

HORIZON = 96
"""Windows that evidence is gathered over at most: a day of a quarter of an hour."""
CEILING = float(len(RATIOS))
"""A level that is certain by itself. Higher ones would only take longer to fall when all is well again."""
Answered = tuple[int, int]
"""Requests of a version in a window, and how many of them failed."""


def errors_beside(
    profile: Profile,
    sharing: Collection[int],
    answered: Mapping[Slot, Answered],
    record: Sequence[VersionVerdict],
    settings: EndpointSettings,
    *,
    since: datetime,
    alpha: float,
) -> list[Finding]:
    """Answer whether a version's errors are its own; no finding where none it can be held against shares the traffic.

    1. It is held against a good version: any, while it has not proved itself; then only one that was there before it.
    2. Only windows count that began after `since`, when the traffic was last divided anew.
    3. A breach is certain, more than `health.errors` worse over the last windows, and goes on in the newest one.
    """
    others = _held_against(profile.version, sharing, record)
    if not others:
        return []
    shared = {other: _shared(profile, other, answered, since) for other in others}
    other = max(others, key=lambda one: (sum(answered[start, one][0] for start in shared[one]), one))
    mine, theirs = ([answered[start, version] for start in shared[other]] for version in (profile.version, other))
    if not shared[other] or shared[other][-1] != profile.window.start:
        return [_finding(profile, other, settings, Verdict.NO_DATA, Reason.NO_ROWS, 0)]
    evidence = gathered(mine, theirs, tolerated=settings.health.odds, rate=alpha)
    of = settings.decide.of
    (n, k), (n0, k0) = _sum(mine[-of:]), _sum(theirs[-of:])
    odds = _odds_ratio(k, n, k0, n0)
    matters = k / n - k0 / n0 > settings.health.errors
    if evidence.certain and matters and mine[-1][1]:
        verdict, reason = Verdict.BREACH, Reason.CERTAINLY_BEYOND
    elif n < settings.health.requests:
        verdict, reason = Verdict.INCONCLUSIVE, Reason.TOO_FEW_ROWS
    elif matters and odds > settings.health.odds:
        verdict, reason = Verdict.INCONCLUSIVE, Reason.NOT_CERTAIN
    else:
        verdict, reason = Verdict.HEALTHY, Reason.WITHIN_TOLERANCE
    return [_finding(profile, other, settings, verdict, reason, n, odds, evidence, len(mine))]


def gathered(mine: Sequence[Answered], theirs: Sequence[Answered], *, tolerated: float, rate: float) -> Evidence:
    """Gather the evidence of windows that two versions shared, oldest first."""
    evidence = Evidence()
    for (requests, errors), (requests_beside, errors_beside) in zip(mine, theirs, strict=True):
        evidence = coin_flip.versions(
            evidence,
            errors=errors,
            requests=requests,
            errors_beside=errors_beside,
            requests_beside=requests_beside,
            rate=rate,
            tolerated=tolerated,
        )
        evidence = Evidence(tuple(min(level, CEILING) for level in evidence.levels))
    return evidence


def _held_against(version: int, sharing: Collection[int], record: Sequence[VersionVerdict]) -> list[int]:
    good = {v.version for v in record if v.standing is Standing.GOOD}
    return sorted(v for v in good.intersection(sharing) - {version} if version not in good or v < version)


def _shared(profile: Profile, other: int, answered: Mapping[Slot, Answered], since: datetime) -> list[datetime]:
    """Return the starts of the newest windows in which both were asked, oldest first."""
    mine = {start for (start, v), (n, _) in answered.items() if v == profile.version and n}
    both = {start for (start, v), (n, _) in answered.items() if v == other and n and start in mine}
    return sorted(start for start in both if since <= start <= profile.window.start)[-HORIZON:]


def _sum(windows: Sequence[Answered]) -> Answered:
    return sum(n for n, _ in windows), sum(k for _, k in windows)


def _odds_ratio(k: int, n: int, k0: int, n0: int) -> float:
    """Return Haldane's estimate, which half an error on either side keeps finite; without an error, 0."""
    return (k + 0.5) * (n0 - k0 + 0.5) / ((n - k + 0.5) * (k0 + 0.5)) if k else 0.0


def _finding(
    profile: Profile,
    other: int,
    settings: EndpointSettings,
    verdict: Verdict,
    reason: Reason,
    n: int,
    odds: float | None = None,
    evidence: Evidence | None = None,
    windows: int = 0,
) -> Finding:
    alarms = sum(evidence.levels) / len(evidence.levels) if evidence else 0.0
    certain = evidence is not None and evidence.certain
    return Finding(
        endpoint=profile.endpoint,
        version=profile.version,
        check=Check(Statistic.ERRORS_BESIDE),
        window=profile.window,
        verdict=verdict,
        reason=reason,
        n=n,
        statistic=odds,
        bound=None if evidence is None else settings.health.odds if certain else 0.0,
        threshold=settings.health.odds,
        against=Against.BESIDE,
        against_version=other,
        reported=(("alarms", alarms), ("windows", float(windows))) if evidence else (),
    )
