"""Metrics, read back by Prometheus' own parsers, and held against the rules of promtool's linter."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client.core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from daemon.telemetry.metrics import Metrics

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EPOCH_SECONDS = 1767323045
"""`date -u -d 2026-01-02T03:04:05Z +%s`"""

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
NOT_BASE_UNITS = {"milliseconds", "ms", "minutes", "hours", "days", "s", "sec", "kilobytes", "percent", "pct"}
TYPES = {"counter", "gauge", "histogram", "summary"}


def lived() -> Metrics:
    """Everything has happened once."""
    metrics = Metrics()
    metrics.started("0.1.0")
    metrics.config_reloaded(ok=True, now=NOW)
    metrics.cycle_ended("watch", endpoint="flights", result="ok", seconds=0.3, now=NOW)
    metrics.watermark_seen("flights", timedelta(minutes=7))
    metrics.requests_counted("flights", 1200)
    metrics.coverage_seen("flights", 0.975)
    for version in (2, 3):
        metrics.profile_seen(
            "flights",
            version,
            requests=200,
            errors_4xx=5,
            errors_5xx=1,
            latency={"50": timedelta(milliseconds=20), "95": timedelta(milliseconds=90)},
        )
        metrics.trail_seen("flights", version, "distance", "ks", value=0.31, bound=0.27, threshold=0.1)
    metrics.gauges_seen(
        "flights", requests=120, errors_4xx=7, errors_5xx=0, cpu_percent=91.5, memory_percent=25, concurrency=4
    )
    metrics.findings_seen("flights", inactive=10, pending=2, firing=1, clearing=1, resolved=0, flapping=1)
    metrics.remediation_moved("flights", "rollback", "executing", is_open=True)
    metrics.events_seen(4)
    metrics.notification_ended("slack", "failed")
    return metrics


def read(metrics: Metrics) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Read the page as Prometheus does: (sample, labels) -> value."""
    text = metrics.page()[0].decode()
    return {(s.name, frozenset(s.labels.items())): s.value for family in plain(text) for s in family.samples}


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return read(metrics).get((f"mlsteward_{name}", frozenset(labels.items())))


def ours(metrics: Metrics) -> list[Metric]:
    families = plain(metrics.page()[0].decode())
    return [family for family in families if family.name.startswith("mlsteward_")]


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("build_info", {"version": "0.1.0"}, 1),
        ("config_reload_success", {}, 1),
        ("config_reload_timestamp_seconds", {}, EPOCH_SECONDS),
        ("cycles_total", {"loop": "watch", "result": "ok"}, 1),
        ("cycle_seconds_sum", {"loop": "watch"}, 0.3),
        ("cycle_seconds_bucket", {"loop": "watch", "le": "0.25"}, 0),
        ("cycle_seconds_bucket", {"loop": "watch", "le": "0.5"}, 1),
        ("last_success_timestamp_seconds", {"loop": "watch", "endpoint": "flights"}, EPOCH_SECONDS),
        ("watermark_lag_seconds", {"endpoint": "flights"}, 420),
        ("requests_total", {"endpoint": "flights"}, 1200),
        ("coverage_ratio", {"endpoint": "flights"}, 0.975),
        ("error_ratio", {"endpoint": "flights", "version": "3", "code": "4xx"}, 0.025),
        ("error_ratio", {"endpoint": "flights", "version": "3", "code": "5xx"}, 0.005),
        ("latency_seconds", {"endpoint": "flights", "version": "2", "percentile": "95"}, 0.09),
        ("endpoint_requests", {"endpoint": "flights"}, 120),
        ("endpoint_errors", {"endpoint": "flights", "code": "4xx"}, 7),
        ("endpoint_errors", {"endpoint": "flights", "code": "5xx"}, 0),
        ("endpoint_cpu_ratio", {"endpoint": "flights"}, 0.915),
        ("endpoint_memory_ratio", {"endpoint": "flights"}, 0.25),
        ("endpoint_provisioned_concurrency", {"endpoint": "flights"}, 4),
        ("findings", {"endpoint": "flights", "phase": "pending"}, 2),
        ("findings", {"endpoint": "flights", "phase": "resolved"}, 0),
        (
            "remediations_total",
            {"endpoint": "flights", "remedy": "rollback", "state": "executing"},
            1,
        ),
        ("remediation_open", {"endpoint": "flights"}, 1),
        ("events_pending", {}, 4),
        ("notifications_total", {"channel": "slack", "result": "failed"}, 1),
    ],
)
def test_what_happened_can_be_read_from_the_page(name: str, labels: dict[str, str], expected: float) -> None:
    assert value(lived(), name, **labels) == expected


@pytest.mark.parametrize(
    ("name", "expected"), [("statistic", 0.31), ("statistic_bound", 0.27), ("statistic_threshold", 0.1)]
)
def test_a_check_shows_statistic_bound_and_threshold(name: str, expected: float) -> None:
    labels = {"endpoint": "flights", "version": "3", "column": "distance", "statistic": "ks"}
    assert value(lived(), name, **labels) == expected


def test_what_an_endpoint_says_no_more_of_itself_is_not_shown() -> None:
    metrics = lived()
    nothing = {"requests": None, "errors_4xx": None, "errors_5xx": None, "memory_percent": None, "concurrency": None}
    metrics.gauges_seen("flights", cpu_percent=10, **nothing)
    assert value(metrics, "endpoint_cpu_ratio", endpoint="flights") == 0.1
    assert value(metrics, "endpoint_errors", endpoint="flights", code="4xx") is None
    assert not [
        name for name, _ in read(metrics) if name in ("mlsteward_endpoint_requests", "mlsteward_endpoint_errors")
    ]


def test_every_instrument_keeps_the_conventions() -> None:
    families = ours(lived())
    assert len(families) >= 19
    for family in families:
        assert family.documentation.endswith("."), family.name
        words = family.name.split("_")
        assert not NOT_BASE_UNITS & set(words), family.name
        assert not TYPES & set(words), family.name
        assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", family.name)
        labels = {label for sample in family.samples for label in sample.labels}
        assert "quantile" not in labels, family.name
        assert family.type == "histogram" or "le" not in labels
        assert family.type == "counter" or not family.name.endswith("_total"), family.name
        names = {sample.name for sample in family.samples}
        assert family.type != "counter" or names == {f"{family.name}_total"}, family.name
        told = "seconds" if "seconds" in family.documentation.lower() else ""
        told = "ratio" if "(0 to 1)" in family.documentation else told
        assert told in words or not told, f"the name hides the unit that HELP tells: {family.name}"
        assert told or not {"seconds", "ratio"} & set(words), f"HELP does not tell the unit: {family.name}"


def test_no_created_series_stand_beside_the_counters() -> None:
    assert "_created" not in lived().page()[0].decode()
    assert "_created" not in lived().page(OPENMETRICS)[0].decode()


def test_the_process_shows_its_memory_and_time() -> None:
    samples = {name for name, _ in read(Metrics())}
    assert {"process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds"} <= samples


def test_the_accept_header_chooses_openmetrics() -> None:
    body, content_type = lived().page(OPENMETRICS)
    assert content_type.startswith("application/openmetrics-text")
    assert "mlsteward_cycles" in {family.name for family in openmetrics(body.decode())}  # type: ignore[no-untyped-call]
    assert Metrics().page()[1].startswith("text/plain")


def test_two_daemons_in_one_process_do_not_mix() -> None:
    assert value(lived(), "events_pending") == 4
    assert value(Metrics(), "events_pending") == 0


def test_a_failed_cycle_is_no_sign_of_life() -> None:
    metrics = lived()
    metrics.cycle_ended("watch", endpoint="flights", result="failed", seconds=1, now=NOW + timedelta(hours=1))
    assert value(metrics, "cycles_total", loop="watch", result="failed") == 1
    assert value(metrics, "last_success_timestamp_seconds", loop="watch", endpoint="flights") == EPOCH_SECONDS


def test_a_refused_configuration_shows_and_the_time_of_the_good_one_stays() -> None:
    metrics = lived()
    metrics.config_reloaded(ok=False, now=NOW + timedelta(hours=1))
    assert value(metrics, "config_reload_success") == 0
    assert value(metrics, "config_reload_timestamp_seconds") == EPOCH_SECONDS


def test_what_could_not_be_measured_does_not_go_on_showing_what_once_was() -> None:
    metrics = lived()
    metrics.profile_seen("flights", 3, requests=0, errors_4xx=0, errors_5xx=0, latency={"50": None, "95": None})
    metrics.trail_seen("flights", 3, "distance", "ks", value=None, bound=None, threshold=0.1)
    left = {name.removeprefix("mlsteward_") for name, labels in read(metrics) if ("version", "3") in labels}
    assert left == {"statistic_threshold"}
    assert value(metrics, "error_ratio", endpoint="flights", version="2", code="4xx") == 0.025


def test_forgetting_a_version_removes_its_series_and_no_other() -> None:
    metrics = lived()
    before = read(metrics)
    metrics.forget("flights", 3)
    gone = before.keys() - read(metrics).keys()
    assert gone == {key for key in before if ("version", "3") in key[1]}
    assert len(gone) == 7


def test_forgetting_an_endpoint_removes_every_series_of_it() -> None:
    metrics = lived()
    metrics.watermark_seen("taxis", timedelta(0))
    metrics.forget("flights")
    left = read(metrics)
    assert not [key for key in left if ("endpoint", "flights") in key[1]]
    assert value(metrics, "watermark_lag_seconds", endpoint="taxis") == 0
    assert value(metrics, "cycles_total", loop="watch", result="ok") == 1


def test_forgetting_what_was_never_seen_is_no_error() -> None:
    Metrics().forget("nobody", 9)
    Metrics().forget("nobody")
