"""What an endpoint exports, in the forms that were seen: with and without types, labels, timestamps and histograms."""

from datetime import UTC, datetime

import pytest

from daemon.adapters.databricks.gauges import read_gauges
from daemon.domain.sources import EndpointMetrics

WHOLE = """\
# HELP cpu_usage_percentage Average CPU
# TYPE cpu_usage_percentage gauge
cpu_usage_percentage{endpoint_name="a",served_entity_name="a-8"} 2.344062231666667 1788718020000
# TYPE mem_usage_percentage gauge
mem_usage_percentage{endpoint_name="a",served_entity_name="a-8"} 6.823611259460449 1788718020000
# TYPE request_count_total gauge
request_count_total{endpoint_name="a"} 120 1788718020000
# TYPE request_4xx_count_total gauge
request_4xx_count_total{endpoint_name="a"} 7 1788718020000
# TYPE request_5xx_count_total gauge
request_5xx_count_total{endpoint_name="a"} 0 1788718020000
# TYPE provisioned_concurrent_requests_total gauge
provisioned_concurrent_requests_total{endpoint_name="a"} 4 1788718020000
# TYPE request_latency_ms histogram
request_latency_ms_bucket{endpoint_name="a",le="10"} 3 1788718020000
request_latency_ms_bucket{endpoint_name="a",le="+Inf"} 9 1788718020000
request_latency_ms_sum{endpoint_name="a"} 311 1788718020000
request_latency_ms_count{endpoint_name="a"} 9 1788718020000
"""
MINUTE = datetime(2026, 9, 6, 18, 7, tzinfo=UTC)
"""`date -u -d @1788718020`"""


def test_all_that_is_known_is_read_with_its_minute() -> None:
    said = read_gauges(WHOLE)
    assert said is not None
    assert said.at == MINUTE
    numbers = (said.requests, said.errors_4xx, said.errors_5xx, said.provisioned_concurrency)
    assert numbers == (120, 7, 0, 4)
    assert (said.cpu_percent, said.memory_percent) == (2.344062231666667, 6.823611259460449)


def test_an_export_of_three_gauges_says_nothing_of_the_others() -> None:
    lines = [line for line in WHOLE.splitlines() if "request_" in line and "latency" not in line]
    said = read_gauges("\n".join(line for line in lines if "provisioned" not in line) + "\n")
    assert said is not None
    assert (said.requests, said.errors_4xx, said.errors_5xx) == (120, 7, 0)
    assert (said.cpu_percent, said.memory_percent, said.provisioned_concurrency) == (None, None, None)


def test_served_entities_are_added_up_and_the_busiest_one_is_told() -> None:
    text = """\
request_count_total{served_entity_name="a-1"} 30
request_count_total{served_entity_name="a-2"} 12
cpu_usage_percentage{served_entity_name="a-1"} 91.5
cpu_usage_percentage{served_entity_name="a-2"} 3
mem_usage_percentage{served_entity_name="a-1"} NaN
"""
    assert read_gauges(text) == EndpointMetrics(requests=42, cpu_percent=91.5)


@pytest.mark.parametrize("kind", ["counter", "gauge", "untyped"])
def test_the_names_are_found_with_and_without_total_whatever_they_are_said_to_be(kind: str) -> None:
    for name in ("request_count_total", "request_count"):
        assert read_gauges(f"# TYPE {name} {kind}\n{name} 5\n") == EndpointMetrics(requests=5)


@pytest.mark.parametrize("stamp", ["", " 1788718020", " 99999999999999999999999"])
def test_a_stamp_that_is_none_or_in_other_units_is_no_minute(stamp: str) -> None:
    assert read_gauges(f"request_count_total 5{stamp}\n") == EndpointMetrics(requests=5)


@pytest.mark.parametrize("text", ["", "\n", "# EOF\n", "up 1\n", "request_latency_ms_sum 3\n"])
def test_a_text_without_anything_that_is_known_says_nothing(text: str) -> None:
    assert read_gauges(text) is None


@pytest.mark.parametrize(
    "text", ["<html><body>Please log in</body></html>", '{"error": "no"}', "request_count_total x"]
)
def test_what_is_no_such_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_gauges(text)
