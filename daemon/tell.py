"""A look, put into one sentence for the operator and into numbers for Prometheus."""

from collections import Counter
from datetime import datetime, timedelta

from daemon.domain.decision import Action
from daemon.domain.profile import Counts, Profile
from daemon.domain.sources import EndpointMetrics
from daemon.domain.trail import Phase
from daemon.iteration import Told
from daemon.telemetry.metrics import Metrics
from daemon.watch.cycle import Look
from detectors import latency

PERCENTILES = {"50": 0.50, "95": 0.95, "99": 0.99}


def told_of_look(seen: Look, metrics: Metrics, *, now: datetime) -> Told:
    """Show a look's numbers, and say what it saw."""
    for version in seen.gone:
        metrics.forget(seen.endpoint, version)
    newest = {p.version: p for p in sorted(seen.profiles, key=lambda p: p.window) if p.version in seen.trails}
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
        clearing=phases[Phase.CLEARING],
        resolved=phases[Phase.RESOLVED],
        flapping=sum(t.flapping for t in trails),
    )
    if seen.newest is not None:
        metrics.watermark_seen(seen.endpoint, now - seen.newest)
    _show_gauges(seen, metrics)
    metrics.requests_counted(seen.endpoint, seen.counted)
    return Told(_sentence(seen), _fields(seen), quiet=not seen.profiles and not seen.notes)


def _show_gauges(seen: Look, metrics: Metrics) -> None:
    said = seen.metrics or EndpointMetrics()
    metrics.gauges_seen(
        seen.endpoint,
        requests=said.requests,
        errors_4xx=said.errors_4xx,
        errors_5xx=said.errors_5xx,
        cpu_percent=said.cpu_percent,
        memory_percent=said.memory_percent,
        concurrency=said.provisioned_concurrency,
    )


def _show_profile(one: Profile, metrics: Metrics) -> None:
    answered = int(one.health.latency.sum())
    metrics.profile_seen(
        one.endpoint,
        one.version,
        requests=one.health.requests,
        errors_4xx=one.health.errors_4xx,
        errors_5xx=one.health.errors_5xx,
        latency={
            name: timedelta(milliseconds=_quantile(one.health.latency, q)) if answered else None
            for name, q in PERCENTILES.items()
        },
    )
    if one.coverage.sampled:
        metrics.coverage_seen(one.endpoint, one.coverage.decoded / one.coverage.sampled)


def _quantile(counts: Counts, q: float) -> float:
    """The last bucket is open: of what lies in it, its start is told."""
    return min(latency.quantile(counts, q), latency.upper_ms(latency.BUCKETS - 2))


def _sentence(seen: Look) -> str:
    windows = len({p.window for p in seen.profiles})
    saw = f"{windows} new or changed windows, {seen.counted} new requests" if windows else "nothing new"
    notes = f" ({'; '.join(seen.notes)})" if seen.notes else ""
    does = "" if seen.decision.action is Action.NOTHING else f"{seen.decision.action}: "
    return f"{seen.endpoint}: {saw}; {does}{seen.decision.sentence}{notes}"


def _fields(seen: Look) -> dict[str, object]:
    fields: dict[str, object] = {"because": str(seen.decision.because)}
    if seen.profiles:
        fields["versions"] = ",".join(str(v) for v in sorted({p.version for p in seen.profiles}))
        fields["records"] = sum(p.coverage.records for p in seen.profiles)
        fields["errors"] = sum(p.health.errors for p in seen.profiles)
    if seen.unknown:
        fields["unattributed_requests"] = sum(seen.unknown.values())
    return fields
