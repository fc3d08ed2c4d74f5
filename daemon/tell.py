"""A look, put into one sentence for the operator and into numbers for Prometheus."""

from collections import Counter
from datetime import datetime, timedelta

from daemon.domain.decision import Action
from daemon.domain.finding import Phase
from daemon.domain.profile import Profile
from daemon.iteration import Told
from daemon.telemetry.metrics import Metrics
from daemon.watch.cycle import Look
from detectors import latency

PERCENTILES = {"50": 0.50, "95": 0.95, "99": 0.99}


def told_of_look(seen: Look, metrics: Metrics, *, now: datetime) -> Told:
    """Show a look's numbers, and say what it saw."""
    newest = {p.version: p for p in sorted(seen.profiles, key=lambda p: p.window)}
    for one in newest.values():
        _show_profile(one, metrics)
    trails = [t for of_version in seen.trails.values() for t in of_version.values()]
    for trail in trails:
        last = trail.last
        metrics.trail_seen(
            seen.endpoint,
            last.version,
            last.check.column,
            str(last.check.statistic),
            value=last.statistic,
            bound=last.bound,
            threshold=last.threshold,
        )
    phases = Counter(t.phase for t in trails)
    metrics.findings_seen(
        seen.endpoint,
        inactive=phases[Phase.INACTIVE],
        pending=phases[Phase.PENDING],
        firing=phases[Phase.FIRING],
        resolved=phases[Phase.RESOLVED],
    )
    if seen.newest is not None:
        metrics.watermark_seen(seen.endpoint, now - seen.newest)
    requests = sum(p.coverage.requests for p in seen.profiles)
    metrics.requests_counted(seen.endpoint, requests)
    return Told(_sentence(seen, requests), _fields(seen, newest), quiet=not seen.profiles and not seen.notes)


def _show_profile(one: Profile, metrics: Metrics) -> None:
    answered = int(one.health.latency.sum())
    metrics.profile_seen(
        one.endpoint,
        one.version,
        requests=one.health.requests,
        errors_4xx=one.health.errors_4xx,
        errors_5xx=one.health.errors_5xx,
        latency={
            name: timedelta(milliseconds=latency.quantile(one.health.latency, q)) if answered else None
            for name, q in PERCENTILES.items()
        },
    )
    if one.coverage.sampled:
        metrics.coverage_seen(one.endpoint, one.coverage.decoded / one.coverage.sampled)


def _sentence(seen: Look, requests: int) -> str:
    windows = len({p.window for p in seen.profiles})
    saw = f"{windows} new or changed windows, {requests} requests" if windows else "nothing new"
    notes = f" ({'; '.join(seen.notes)})" if seen.notes else ""
    does = "" if seen.decision.action is Action.NOTHING else f"{seen.decision.action}: "
    return f"{seen.endpoint}: {saw}; {does}{seen.decision.sentence}{notes}"


def _fields(seen: Look, newest: dict[int, Profile]) -> dict[str, object]:
    fields: dict[str, object] = {"because": str(seen.decision.because)}
    if newest:
        fields["versions"] = ",".join(str(v) for v in sorted(newest))
        fields["records"] = sum(p.coverage.records for p in seen.profiles)
        fields["errors"] = sum(p.health.errors for p in seen.profiles)
    if seen.unknown:
        fields["unattributed_requests"] = sum(seen.unknown.values())
    return fields
