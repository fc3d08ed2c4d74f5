"""Metrics: what happened comes in, a page for Prometheus goes out. Nobody else imports prometheus_client,
but for its parser (`adapters/databricks/gauges.py`).

Labels are bounded by the configuration (endpoint, channel), by a signature (column) or by an enum; series of a version
are pruned with `forget` when it no longer serves.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Literal

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import choose_encoder

BUCKETS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


class Metrics:
    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        # Every counter would have a second series with the time of its birth, which nobody asks for.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry() if registry is None else registry
        ProcessCollector(registry=self._registry)
        self._declare_daemon()
        self._declare_endpoints()

    def page(self, accept: str = "") -> tuple[bytes, str]:
        """Return all series and their content type, in the format that the Accept header asks for."""
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def started(self, version: str) -> None:
        self._build.clear()
        self._build.labels(version).set(1)

    def led(self, leads: bool) -> None:
        self._leads.set(leads)

    def config_reloaded(self, *, ok: bool, now: datetime) -> None:
        """Note that a configuration was taken or refused. The one at the start counts as the first."""
        self._reload_success.set(ok)
        if ok:
            self._reload_timestamp.set(now.timestamp())

    def cycle_ended(
        self, loop: str, *, result: Literal["ok", "failed"], seconds: float, now: datetime, endpoint: str = ""
    ) -> None:
        self._cycles.labels(loop, result).inc()
        self._cycle_seconds.labels(loop).observe(seconds)
        if result == "ok":
            self._last_success.labels(loop, endpoint).set(now.timestamp())

    def watermark_seen(self, endpoint: str, lag: timedelta) -> None:
        self._watermark_lag.labels(endpoint).set(lag.total_seconds())

    def requests_counted(self, endpoint: str, new: int) -> None:
        """Add the requests that no earlier look had counted."""
        self._requests.labels(endpoint).inc(new)

    def coverage_seen(self, endpoint: str, ratio: float) -> None:
        self._coverage.labels(endpoint).set(ratio)

    def gauges_seen(
        self,
        endpoint: str,
        *,
        requests: float | None,
        errors_4xx: float | None,
        errors_5xx: float | None,
        cpu_percent: float | None,
        memory_percent: float | None,
        concurrency: float | None,
    ) -> None:
        """Show what the endpoint says of its own last minute. What it does not say is not shown."""
        of = {"endpoint": endpoint}
        _show(self._told_requests, requests, of)
        for code, errors in (("4xx", errors_4xx), ("5xx", errors_5xx)):
            _show(self._told_errors, errors, of | {"code": code})
        _show(self._told_cpu, None if cpu_percent is None else cpu_percent / 100, of)
        _show(self._told_memory, None if memory_percent is None else memory_percent / 100, of)
        _show(self._told_concurrency, concurrency, of)

    def profile_seen(
        self,
        endpoint: str,
        version: int,
        *,
        requests: int,
        errors_4xx: int,
        errors_5xx: int,
        latency: Mapping[str, timedelta | None],
    ) -> None:
        """Show the health of a served version's newest window; `latency` by percentile: `{"95": ...}`."""
        of = {"endpoint": endpoint, "version": str(version)}
        for code, errors in (("4xx", errors_4xx), ("5xx", errors_5xx)):
            _show(self._errors, errors / requests if requests else None, of | {"code": code})
        for percentile, value in latency.items():
            seconds = None if value is None else value.total_seconds()
            _show(self._latency, seconds, of | {"percentile": percentile})

    def trail_seen(
        self,
        endpoint: str,
        version: int,
        column: str,
        statistic: str,
        *,
        value: float | None,
        bound: float | None,
        threshold: float,
    ) -> None:
        """Show the newest numbers of a check."""
        check = {"endpoint": endpoint, "version": str(version), "column": column, "statistic": statistic}
        _show(self._statistic, value, check)
        _show(self._bound, bound, check)
        _show(self._threshold, threshold, check)

    def findings_seen(
        self, endpoint: str, *, inactive: int, pending: int, firing: int, clearing: int, resolved: int, flapping: int
    ) -> None:
        """Show how many checks are in each phase, and how many of all come and go."""
        phases = {"inactive": inactive, "pending": pending, "firing": firing, "clearing": clearing}
        for phase, count in (phases | {"resolved": resolved}).items():
            self._findings.labels(endpoint, phase).set(count)
        self._flapping.labels(endpoint).set(flapping)

    def remediation_seen(self, endpoint: str, *, is_open: bool) -> None:
        self._remediation_open.labels(endpoint).set(is_open)

    def remediation_moved(self, endpoint: str, remedy: str, state: str, *, is_open: bool) -> None:
        self._remediations.labels(endpoint, remedy, state).inc()
        self.remediation_seen(endpoint, is_open=is_open)

    def events_seen(self, pending: int) -> None:
        self._events.set(pending)

    def notification_ended(self, channel: str, result: Literal["delivered", "failed", "given_up"]) -> None:
        self._notifications.labels(channel, result).inc()

    def forget(self, endpoint: str, version: int | None = None) -> None:
        """Remove the series of a version that no longer serves, or of a whole endpoint that is no longer watched."""
        gone = {"endpoint": endpoint} | ({} if version is None else {"version": str(version)})
        for gauge in self._by_version:
            gauge.remove_by_labels(gone)
        for instrument in self._by_endpoint if version is None else ():
            instrument.remove_by_labels(gone)

    def _declare_daemon(self) -> None:
        gauge, counter, histogram = self._kinds()
        self._build = gauge("mlsteward_build_info", "Always 1; the label tells the running version.", ["version"])
        self._leads = gauge("mlsteward_leads", "1 where this daemon acts, 0 where it stands by for another.")
        self._reload_success = gauge(
            "mlsteward_config_reload_success", "1 where the newest configuration was taken, 0 where it was refused."
        )
        self._reload_timestamp = gauge(
            "mlsteward_config_reload_timestamp_seconds",
            "Unix time in seconds at which a configuration was last taken.",
        )
        self._cycles = counter("mlsteward_cycles_total", "Cycles that ended, by loop and result.", ["loop", "result"])
        self._cycle_seconds = histogram(
            "mlsteward_cycle_seconds", "Duration of a cycle in seconds.", ["loop"], buckets=BUCKETS
        )
        self._events = gauge("mlsteward_events_pending", "Events that some channel has yet to take.")
        self._notifications = counter(
            "mlsteward_notifications_total", "Messages for a channel, by what became of them.", ["channel", "result"]
        )

    def _declare_endpoints(self) -> None:
        gauge, counter, _ = self._kinds()
        of = ["endpoint"]
        self._last_success = gauge(
            "mlsteward_last_success_timestamp_seconds",
            "Unix time in seconds at which a cycle last ended well: an alert on its age is a dead man's switch.",
            ["loop", *of],
        )
        self._watermark_lag = gauge(
            "mlsteward_watermark_lag_seconds", "Seconds of traffic up to now that are not yet judged.", of
        )
        self._coverage = gauge(
            "mlsteward_coverage_ratio", "Share (0 to 1) of the sampled requests that could be decoded.", of
        )
        self._requests = counter("mlsteward_requests_total", "Logged requests that were counted.", of)
        self._remediations = counter(
            "mlsteward_remediations_total", "Moves of remediations into a state.", [*of, "remedy", "state"]
        )
        self._remediation_open = gauge(
            "mlsteward_remediation_open", "1 while the endpoint has an open remediation, else 0.", of
        )
        self._findings = gauge("mlsteward_findings", "Checks of the endpoint by phase.", [*of, "phase"])
        self._flapping = gauge("mlsteward_findings_flapping", "Checks that come and go too often to be acted upon.", of)
        self._by_endpoint = (
            self._last_success,
            self._watermark_lag,
            self._coverage,
            self._requests,
            self._remediations,
            self._remediation_open,
            self._findings,
            self._flapping,
            *self._declare_gauges(),
        )
        self._declare_versions()

    def _declare_gauges(self) -> tuple[Gauge, ...]:
        gauge, _, _ = self._kinds()
        of, own = ["endpoint"], "The endpoint's own gauge of one minute, no counter (do not take a rate of it)"
        self._told_requests = gauge("mlsteward_endpoint_requests", f"{own}: requests in that minute.", of)
        self._told_errors = gauge(
            "mlsteward_endpoint_errors",
            f"{own}: requests in that minute that failed, with those that no inference table holds.",
            [*of, "code"],
        )
        self._told_cpu = gauge(
            "mlsteward_endpoint_cpu_ratio", f"{own}: share (0 to 1) of the CPU in use by its busiest entity.", of
        )
        self._told_memory = gauge(
            "mlsteward_endpoint_memory_ratio", f"{own}: share (0 to 1) of the memory in use by its busiest entity.", of
        )
        self._told_concurrency = gauge(
            "mlsteward_endpoint_provisioned_concurrency", f"{own}: requests that it can work on at once.", of
        )
        return (self._told_requests, self._told_errors, self._told_cpu, self._told_memory, self._told_concurrency)

    def _declare_versions(self) -> None:
        gauge, _, _ = self._kinds()
        of, check = ["endpoint", "version"], ["endpoint", "version", "column", "statistic"]
        self._errors = gauge(
            "mlsteward_error_ratio", "Share (0 to 1) of the newest window's requests that failed.", [*of, "code"]
        )
        # Not `quantile`: by the conventions that label belongs to summaries alone.
        self._latency = gauge(
            "mlsteward_latency_seconds", "Seconds within which that percentile was answered.", [*of, "percentile"]
        )
        self._statistic = gauge("mlsteward_statistic", "A check's newest statistic, dimensionless.", check)
        self._bound = gauge(
            "mlsteward_statistic_bound", "Its lower confidence bound: a breach is a bound over the threshold.", check
        )
        self._threshold = gauge("mlsteward_statistic_threshold", "What the bound must not exceed.", check)
        self._by_version = (self._errors, self._latency, self._statistic, self._bound, self._threshold)

    def _kinds(self) -> tuple[partial[Gauge], partial[Counter], partial[Histogram]]:
        return (
            partial(Gauge, registry=self._registry),
            partial(Counter, registry=self._registry),
            partial(Histogram, registry=self._registry),
        )


def _show(gauge: Gauge, number: float | None, labels: dict[str, str]) -> None:
    """Set the series, or remove it: what could not be measured must not go on showing what once was."""
    if number is None:
        gauge.remove_by_labels(labels)
    else:
        gauge.labels(**labels).set(number)
