"""What only a real Delta table does: grow, lose files, have no rows, lack columns, be no table at all."""

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from deltalake import DeltaTable as Table
from deltalake import write_deltalake

from daemon.adapters.delta import DeltaLog, DeltaTables
from daemon.domain.sample import Part
from daemon.domain.window import Window, closed_windows
from daemon.ports import PlatformError
from daemon.watch.decode import decode
from tests.adapters.delta.tables import GATEWAY, LEGACY, write, write_served_entities
from tests.fakes import LoggedRequest
from tests.watch.decode.payloads import FLIGHT, column

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
WINDOW = Window(NOON, NOON + timedelta(minutes=15))


def requests(n: int, name: str = "r", **same: str) -> list[LoggedRequest]:
    return [LoggedRequest(f"{name}-{i}", NOON + timedelta(milliseconds=i), **same) for i in range(n)]  # type: ignore[arg-type]


def log_of(path: Path, **more: str | None) -> DeltaLog:
    served = more.get("served_entities_table")
    return DeltaLog(str(path), served_entities_table=served, endpoint="flights")


def count(log: DeltaLog) -> int:
    return sum(c.requests for c in log.health([WINDOW]))


def test_what_is_written_later_is_seen_at_the_next_call(tmp_path: Path) -> None:
    write(tmp_path / "t", requests(5))
    log = log_of(tmp_path / "t")
    assert count(log) == 5
    write(tmp_path / "t", requests(4, "late"))
    assert count(log) == 9
    assert log.sample([Part(WINDOW, "entity", 1.0)], salt="s").count == 9


def test_a_request_that_was_logged_differently_twice_is_still_one(tmp_path: Path) -> None:
    write(tmp_path / "t", requests(5))
    again = [replace(row, at=row.at + timedelta(milliseconds=1), ms=row.ms + 1, response=None) for row in requests(5)]
    write(tmp_path / "t", again)
    log = log_of(tmp_path / "t")
    assert count(log) == 5
    assert log.sample([Part(WINDOW, "entity", 1.0)], salt="s").count == 5


@pytest.mark.parametrize(("kind", "entity"), [(GATEWAY, "entity"), (LEGACY, "m/1")])
def test_the_requests_by_which_a_version_was_tried_are_no_traffic(tmp_path: Path, kind: str, entity: str) -> None:
    ours = "CASE WHEN id LIKE 'trial%' THEN 'mlsteward' WHEN id LIKE 'named%' THEN 'a caller' END AS client_request_id"
    named = kind.replace("NULL::VARCHAR AS client_request_id", ours)
    assert named != kind
    rows = [*requests(5), *requests(50, "trial"), *requests(3, "named")]
    write(tmp_path / "t", [replace(row, entity=entity) for row in rows], named)
    log = log_of(tmp_path / "t")
    assert count(log) == 8
    assert log.sample([Part(WINDOW, entity, 1.0)], salt="s").count == 8
    assert log.newest(NOON) == NOON + timedelta(milliseconds=4)


def test_a_table_that_comes_later_is_found_and_one_that_goes_is_missed(tmp_path: Path) -> None:
    log = log_of(tmp_path / "t")
    with pytest.raises(PlatformError, match="wait for the first request"):
        log.health([WINDOW])
    write(tmp_path / "t", requests(5))
    assert count(log) == 5
    shutil.rmtree(tmp_path / "t")
    for _ in range(2):
        with pytest.raises(PlatformError) as refused:
            log.health([WINDOW])
        assert not refused.value.permanent
    assert refused.value.missing
    write(tmp_path / "t", requests(3))
    assert count(log) == 3


def test_a_table_whose_files_were_replaced_is_read_on(tmp_path: Path) -> None:
    for n in range(6):
        write(tmp_path / "t", requests(10, f"file-{n}"))
    log = log_of(tmp_path / "t")
    assert count(log) == 60
    table = Table(tmp_path / "t")
    table.optimize.compact()
    table.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    assert count(log) == 60


def test_a_table_without_rows_is_a_quiet_one(tmp_path: Path) -> None:
    write(tmp_path / "t", [])
    log = log_of(tmp_path / "t")
    assert log.health([WINDOW]) == []
    assert log.sample([Part(WINDOW, "entity", 1.0)], salt="s").count == 0
    assert log.newest(NOON) is None and log.entities() == {}


def test_a_table_of_something_else_is_refused_for_good_and_the_columns_are_named(tmp_path: Path) -> None:
    with duckdb.connect() as duck:
        write_deltalake(str(tmp_path / "t"), duck.sql("SELECT 1 AS status_code, 'x' AS request"))
    with pytest.raises(PlatformError) as refused:
        log_of(tmp_path / "t").health([WINDOW])
    assert refused.value.permanent
    for name in ("databricks_request_id", "request_time", "response"):
        assert name in str(refused.value)
    assert "status_code" not in str(refused.value)


def test_what_is_no_table_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("x")
    for path in (tmp_path / "folder", tmp_path / "file"):
        with pytest.raises(PlatformError, match="is no Delta table") as refused:
            log_of(path).health([WINDOW])
        assert refused.value.missing


def test_storage_that_is_away_may_come_back(tmp_path: Path) -> None:
    options = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ALLOW_HTTP": "true",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "hidden",
        "AWS_REGION": "eu-west-1",
        "max_retries": "0",
    }
    log = DeltaLog("s3://bucket/t", served_entities_table=None, endpoint="flights", storage_options=options)
    with pytest.raises(PlatformError, match="cannot be read now") as refused:
        log.health([WINDOW])
    assert not refused.value.permanent and not refused.value.missing
    assert "hidden" not in str(refused.value)


def test_an_unknown_kind_of_storage_is_refused_for_good() -> None:
    with pytest.raises(PlatformError, match="no storage of this kind") as refused:
        DeltaLog("carrier-pigeon://t", served_entities_table=None, endpoint="flights").newest(NOON)
    assert refused.value.permanent


def test_two_thousand_windows_are_one_question(tmp_path: Path) -> None:
    write(tmp_path / "t", requests(50))
    windows = list(closed_windows(NOON - timedelta(days=20), NOON + timedelta(hours=1), timedelta(minutes=15)))
    assert [(c.window, c.requests) for c in log_of(tmp_path / "t").health(windows)] == [(WINDOW, 50)]


def test_the_newest_word_on_an_entity_counts_and_other_endpoints_do_not(tmp_path: Path) -> None:
    write(tmp_path / "t", requests(1))
    served = tmp_path / "served"
    history = [
        ("e1", "flights", "main.ml.delay", "1", "2026-11-01T00:00:00Z"),
        ("e2", "flights", "main.ml.delay", "2", "2026-11-02T00:00:00Z"),
        ("e3", "flights", "gpt", "", "2026-11-02T00:00:00Z"),
        ("e4", "others", "main.ml.delay", "4", "2026-11-02T00:00:00Z"),
    ]
    write_served_entities(served, history)
    log = log_of(tmp_path / "t", served_entities_table=str(served))
    assert log.entities() == {"e1": ("main.ml.delay", 1), "e2": ("main.ml.delay", 2)}
    write_served_entities(served, [("e1", "flights", "main.ml.delay", "7", "2026-11-03T00:00:00Z")])
    assert log.entities()["e1"] == ("main.ml.delay", 7)


def test_a_legacy_table_names_its_versions_itself(tmp_path: Path) -> None:
    write(tmp_path / "t", requests(3, entity="main.ml.delay/12") + requests(2, "x", entity="gpt/"), LEGACY)
    log = log_of(tmp_path / "t")
    assert log.entities() == {"main.ml.delay/12": ("main.ml.delay", 12)}
    assert {c.entity_id: c.requests for c in log.health([WINDOW])} == {"main.ml.delay/12": 3, "gpt/": 2}


def test_rows_of_any_table_can_be_streamed(tmp_path: Path) -> None:
    write(tmp_path / "t", requests(25))
    streamed = DeltaTables().rows(str(tmp_path / "t"))
    with duckdb.connect() as duck:
        duck.register("streamed", streamed)
        assert duck.execute("SELECT count(DISTINCT databricks_request_id) FROM streamed").fetchall() == [(25,)]


def test_what_is_sampled_can_be_decoded(tmp_path: Path) -> None:
    body = '{"dataframe_records": [{"distance": 5, "carrier": "AA"}, {"distance": null, "carrier": "UA"}]}'
    write(tmp_path / "t", [replace(row, request=body, response='{"predictions": [0.5, 1]}') for row in requests(100)])
    batch = decode(log_of(tmp_path / "t").sample([Part(WINDOW, "entity", 1.0)], salt="s"), FLIGHT)
    assert column(batch, "distance") == [5.0, None] * 100
    assert column(batch, "carrier") == ["AA", "UA"] * 100
    assert column(batch, "prediction") == [0.5, 1.0] * 100


def test_a_sample_too_large_for_memory_is_a_smaller_sample(tmp_path: Path) -> None:
    large = '{"dataframe_records": [' + " " * 1_000_000 + "]}"
    rows = [LoggedRequest(f"r-{i}", NOON + timedelta(milliseconds=i), request=large, response=None) for i in range(300)]
    write(tmp_path / "t", rows)
    sample = log_of(tmp_path / "t").sample([Part(WINDOW, "entity", 1.0)], salt="s")
    assert 200 < sample.count < 300
