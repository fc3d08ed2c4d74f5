"""What an operator reads of a look, and what Prometheus does."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from daemon.domain.profile import Health
from daemon.telemetry.metrics import Metrics
from daemon.tell import told_of_look
from daemon.watch.cycle import Look
from detectors import latency
from tests.watch.traffic import SETTLE, after, requests
from tests.watch.world import World, worlds


@pytest.fixture
def world(sqlite_template: Path, tmp_path: Path) -> Iterator[World]:
    with worlds(sqlite_template, tmp_path) as begin:
        yield begin()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def shown(metrics: Metrics, name: str, **labels: str) -> float | None:
    """Read a number as Prometheus does."""
    families = text_string_to_metric_families(metrics.page()[0].decode())
    samples = [s for family in families for s in family.samples if s.name == f"mlsteward_{name}"]
    return next((s.value for s in samples if labels.items() <= s.labels.items()), None)


def test_the_sentence_says_what_was_seen_and_what_follows(world: World, metrics: Metrics) -> None:
    world.live(range(3))
    told = told_of_look(world.live([3]), metrics, now=world.now)
    assert told.sentence == "flights: 1 new or changed windows, 100 new requests; all well"
    assert told.numbers == {"because": "all_well", "versions": "1", "records": 100, "errors": 0}
    assert not told.quiet


def test_a_look_that_saw_nothing_new_is_for_the_debug_log(world: World, metrics: Metrics) -> None:
    world.live(range(3))
    told = told_of_look(world.look(), metrics, now=world.now)
    assert told.sentence == "flights: nothing new; all well"
    assert told.quiet


def test_an_action_and_a_note_are_said_aloud(world: World, metrics: Metrics) -> None:
    told = told_of_look(world.live([0]), metrics, now=world.now)
    assert told.sentence.endswith(
        "(baseline of version 1 made from the training data of run run-prod.ml.flight_delay-1: 1000 rows)"
    )
    world.live(range(1, 3))
    told = told_of_look(world.live(range(3, 6), shift=60), metrics, now=world.now)
    assert "; remediate: traffic has drifted from what version 1 was trained on: distance/ks" in told.sentence
    assert told.numbers["because"] == "certified_drift"


def test_requests_of_unknown_entities_are_told(world: World, metrics: Metrics) -> None:
    world.deploy({1: 50, 2: 50})
    world.log.write(replace(row, entity="stranger") for row in requests(0, name="x"))
    told = told_of_look(world.live([0]), metrics, now=world.now)
    assert told.numbers["unattributed_requests"] == 100


def test_health_coverage_and_checks_of_the_newest_window_are_shown(world: World, metrics: Metrics) -> None:
    world.live(range(3))
    world.traffic(3, refused=0.2)
    told_of_look(world.live([4], failed=0.1), metrics, now=after(4))
    flights = {"endpoint": "flights", "version": "1"}
    assert shown(metrics, "error_ratio", code="5xx", **flights) == 0.1
    assert shown(metrics, "error_ratio", code="4xx", **flights) == 0
    seconds = shown(metrics, "latency_seconds", percentile="95", **flights)
    assert seconds is not None and 0.02 <= seconds <= 0.022
    assert shown(metrics, "coverage_ratio", endpoint="flights") == 1
    assert shown(metrics, "statistic_threshold", column="distance", statistic="ks", **flights) == 0.3
    assert shown(metrics, "findings", endpoint="flights", phase="pending") == 1
    assert shown(metrics, "watermark_lag_seconds", endpoint="flights") == SETTLE.total_seconds()


def test_requests_that_are_counted_again_are_not_added_again(world: World, metrics: Metrics) -> None:
    rows = requests(0)
    for n in range(4):
        world.log.write(rows[: 25 * (n + 1)])
        told_of_look(world.look(at=after(0) + timedelta(minutes=n)), metrics, now=world.now)
    assert shown(metrics, "requests_total", endpoint="flights") == 100


def test_rows_that_were_deleted_from_the_table_do_not_stumble(world: World, metrics: Metrics) -> None:
    told_of_look(world.live([0]), metrics, now=world.now)
    del world.log.rows[:40]
    told = told_of_look(world.look(), metrics, now=world.now)
    assert "1 new or changed windows, 0 new requests" in told.sentence
    assert [p.health.requests for p in world.profiles()] == [60]


def test_a_version_that_serves_no_longer_is_shown_no_longer(world: World, metrics: Metrics) -> None:
    told_of_look(world.live([0]), metrics, now=world.now)
    world.deploy({2: 100})
    world.log.write(requests(0, name="late"))
    told_of_look(world.live([1], version=2), metrics, now=world.now)
    assert shown(metrics, "error_ratio", endpoint="flights", version="2") == 0
    assert shown(metrics, "error_ratio", endpoint="flights", version="1") is None
    assert shown(metrics, "statistic", endpoint="flights", version="1") is None


def with_latency(seen: Look, ms: list[float]) -> Look:
    health = Health(requests=len(ms), latency=latency.count(ms))
    return replace(seen, profiles=[replace(seen.profiles[0], health=health)])


def test_an_answer_that_took_an_hour_has_a_number_and_no_answer_has_none(world: World, metrics: Metrics) -> None:
    seen = world.live([0])
    told_of_look(with_latency(seen, [20.0] * 50 + [3_600_000.0] * 50), metrics, now=world.now)
    seconds = shown(metrics, "latency_seconds", percentile="99", version="1")
    assert seconds is not None and 1500 < seconds < 3600, "where the last bucket begins"
    told_of_look(with_latency(seen, []), metrics, now=world.now)
    assert shown(metrics, "latency_seconds", percentile="99", version="1") is None


def test_checks_are_counted_by_phase_and_those_that_come_and_go_apart(world: World, metrics: Metrics) -> None:
    world.live(range(3))
    told_of_look(world.live(range(3, 6), failed=0.5), metrics, now=world.now)
    assert shown(metrics, "findings", endpoint="flights", phase="firing") == 1
    told_of_look(world.live([6]), metrics, now=world.now)
    phases = ("pending", "firing", "clearing", "resolved")
    assert [shown(metrics, "findings", endpoint="flights", phase=p) for p in phases] == [0, 0, 1, 0]
    assert shown(metrics, "findings_flapping", endpoint="flights") == 0
    told_of_look(world.live(range(7, 9)), metrics, now=world.now)
    assert [shown(metrics, "findings", endpoint="flights", phase=p) for p in phases] == [0, 0, 0, 1]
    for n in range(9, 23):
        seen = world.live([n], failed=0.5 if n % 2 else 0)
    told_of_look(seen, metrics, now=world.now)
    assert shown(metrics, "findings_flapping", endpoint="flights") == 1
