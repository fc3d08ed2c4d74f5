"""Every statement that the daemon can send to a warehouse runs on Spark SQL, and answers there as everywhere else."""

import inspect
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from deltalake import write_deltalake

from daemon.adapters.delta import DeltaLabels, DeltaLog
from daemon.adapters.tables import TableLabels, TableLog, at_once, labels, queries
from daemon.adapters.tables.dialect import Question
from daemon.adapters.warehouse import WarehouseLog, WarehouseTable
from daemon.config.labels import Kpi, Labels
from daemon.domain.sample import HealthCount, Part
from daemon.domain.table_name import TableName
from daemon.domain.window import Window, closed_windows
from daemon.ports import InferenceLog, PlatformError
from detectors import latency
from tests.adapters.delta.tables import GATEWAY, LEGACY, SERVICES, write, write_labels, write_served_entities
from tests.fakes import LabelRow, LoggedRequest
from tests.spark.conftest import BothEngines

pytestmark = pytest.mark.spark

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
WINDOWS = list(closed_windows(NOON, NOON + 4 * QUARTER, QUARTER))
ENDPOINT = "o'hare \\ 100 % :p0"
NAME = TableName("ml-prod", "o'hare", 'flight-"delay"_pay`load')
HISTORY = TableName("system", "serving", "served_entities")
TELEMETRY = """
    id AS invocation_id, make_timestamptz(us) AS event_time, CAST(make_timestamp(us) AS DATE) AS date,
    status AS status_code, ms AS execution_duration_ms, request, response, entity AS served_entity_id,
    NULL::VARCHAR AS client_request_id"""
KINDS = {"gateway": GATEWAY, "legacy": LEGACY, "services": SERVICES, "telemetry": TELEMETRY}
TYPES = {
    "gateway": {"request_time": "timestamp", "request_date": "date", "logging_error_codes": "array<string>"},
    "legacy": {"timestamp_ms": "bigint", "date": "date", "request_metadata": "map<string,string>"},
    "services": {"event_time": "timestamp"},
    "telemetry": {"event_time": "timestamp", "date": "date"},
}


def requests() -> list[LoggedRequest]:
    """Return requests of three entities over an hour: refused, failed, oversized, of odd text."""
    made = [
        LoggedRequest(
            f"{i}-ü'\\",
            NOON + timedelta(seconds=7 * i, milliseconds=i),
            entity=("main.ml.delay/1", "it's/2", "")[i % 3],
            status=(200, 200, 200, 404, 500)[i % 5],
            ms=i,
            request=None if i % 11 == 0 else f'{{"n": "ü{i}\\\\"}}',
            response=None if i % 13 == 0 else "x" * (i % 50),
        )
        for i in range(500)
    ]
    return [*made, LoggedRequest("edge", NOON + QUARTER), LoggedRequest("before", NOON - timedelta(milliseconds=1))]


def rows(log: InferenceLog, parts: Sequence[Part], salt: str = ENDPOINT) -> list[tuple[Any, ...]]:
    sampled = log.sample(parts, salt=salt)
    with duckdb.connect() as duck:
        duck.register("sampled", sampled.rows)
        return duck.execute("SELECT part, id, status_code, request, response, oversized FROM sampled").fetchall()


def counted(counts: Sequence[HealthCount]) -> list[tuple[Any, ...]]:
    about = [(c.window, c.entity_id, c.requests, c.errors_4xx, c.errors_5xx, c.copies) for c in counts]
    return [(*one, c.latency.tolist()) for one, c in zip(about, counts, strict=True)]


@pytest.mark.parametrize("kind", KINDS)
def test_an_inference_table_of_each_kind_is_read_as_the_delta_reader_reads_it(
    both: BothEngines, tmp_path: Path, kind: str
) -> None:
    path, given = tmp_path / "t", requests()
    write(path, given, KINDS[kind])
    write(path, given[::9], KINDS[kind])
    table = both.register(NAME, path)
    assert TYPES[kind].items() <= both.kinds(NAME).items()
    ours = DeltaLog(str(path), served_entities_table=None, endpoint=ENDPOINT)
    plain = TableLog(table, served=None, endpoint=ENDPOINT)
    whole = WarehouseLog(table, served=None, endpoint=ENDPOINT, rows=30, windows_at_once=3)
    counts = ours.health(WINDOWS)
    assert counted(plain.health(WINDOWS)) == counted(whole.health(WINDOWS)) == counted(counts)
    assert sum(c.requests for c in counts) == 501
    thirty = [Part(c.window, c.entity_id, min(1.0, 30 / c.requests)) for c in counts[: 3 * len(counts) // 4]]
    before = len(both.asked)
    assert rows(whole, thirty) == rows(ours, thirty)
    assert len(both.asked) == before
    for rate in (1.0, 0.3, 0.0):
        parts = [Part(c.window, c.entity_id, rate) for c in counts[:3]]
        assert rows(plain, parts) == rows(ours, parts)
    for since in (NOON - timedelta(days=2), NOON + timedelta(days=2)):
        assert plain.newest(since) == ours.newest(since)
    assert plain.entities() == ours.entities()
    whole.health(list(closed_windows(NOON, NOON + 5 * QUARTER, QUARTER)))


def test_the_requests_by_which_a_version_was_tried_are_no_traffic(both: BothEngines, tmp_path: Path) -> None:
    ours = "CASE WHEN id LIKE 'trial%' THEN 'mlsteward' WHEN id LIKE 'named%' THEN 'a caller' END AS client_request_id"
    named = GATEWAY.replace("NULL::VARCHAR AS client_request_id", ours)
    write(tmp_path / "t", [LoggedRequest(f"{n}-{i}", NOON) for n in ("trial", "named", "x") for i in range(4)], named)
    log = WarehouseLog(both.register(NAME, tmp_path / "t"), served=None, endpoint=ENDPOINT, rows=30, windows_at_once=3)
    assert [c.requests for c in log.health(WINDOWS)] == [8]
    assert len(rows(log, [Part(WINDOWS[0], "entity", 1.0)])) == 8


def test_latency_falls_into_the_detectors_buckets_at_every_edge(both: BothEngines, tmp_path: Path) -> None:
    """The logarithm of a power of two must not come out below the whole number that it is."""
    edges = {round(2 ** (eighth / 8)) for eighth in range(8 * 31)}
    times = sorted({0, *(edge + by for edge in edges for by in (-1, 0, 1))})
    write(tmp_path / "t", [LoggedRequest(f"r{ms}", NOON, ms=ms) for ms in times])
    table = both.register(NAME, tmp_path / "t")
    (count,) = TableLog(table, served=None, endpoint=ENDPOINT).health(WINDOWS)
    assert np.array_equal(count.latency, latency.count(times))


def test_the_history_of_entities_is_read_by_itself_and_along_with_the_counts(both: BothEngines, tmp_path: Path) -> None:
    write(tmp_path / "t", requests())
    mine = ENDPOINT.replace("'", "''")
    history = [
        ("it's/2".replace("'", "''"), mine, "main.ml.delay", "1", "2026-11-01T00:00:00Z"),
        ("it's/2".replace("'", "''"), mine, "main.ml.delay", "2", "2026-11-02T00:00:00Z"),
        ("e3", mine, "gpt", "", "2026-11-02T00:00:00Z"),
        ("e4", "others", "main.ml.delay", "4", "2026-11-02T00:00:00Z"),
    ]
    write_served_entities(tmp_path / "h", history)
    table, served = both.register(NAME, tmp_path / "t"), both.register(HISTORY, tmp_path / "h")
    whole = WarehouseLog(table, served=served, endpoint=ENDPOINT, rows=30, windows_at_once=3)
    whole.health(WINDOWS)
    told = {"it's/2": ("main.ml.delay", 2)}
    assert len(both.asked) == 1
    assert whole.entities() == TableLog(table, served=served, endpoint=ENDPOINT).entities() == told


def test_a_table_is_streamed_whole(both: BothEngines, tmp_path: Path) -> None:
    write(tmp_path / "t", requests()[:20])
    table = both.register(NAME, tmp_path / "t")
    asked = Question(f"SELECT * FROM {table.name}")
    assert inspect.getsource(WarehouseTable.stream).count("SELECT * FROM {self.name}") == 1
    assert table.query(asked).num_rows == 20


LABELS = [
    LabelRow("a", "1", NOON, (2.5,)),
    LabelRow("a", "0", NOON + QUARTER, (-4.0,)),
    LabelRow("it's", "ja", NOON, (1e9,)),
    LabelRow("early", "1", NOON - timedelta(seconds=1), (1.0,)),
    LabelRow("both", "1", NOON, (1.0,)),
    LabelRow("both", "0", NOON, (1.0,)),
    LabelRow("none", None, NOON, (1.0,)),
    LabelRow("free", "0", NOON, (None,)),
]
KPIS = (
    "amount",
    "amount * 2 + 1",
    "CASE WHEN label = '1' THEN amount ELSE 0 END",
    "amount > 0",
    "greatest(amount, 0)",
    "label",
    "'12:30, (number'",
)


def by_both(both: BothEngines, path: Path, rules: Labels) -> tuple[DeltaLabels, TableLabels]:
    ours = rules.model_copy(update={"table": str(path)})
    return DeltaLabels(ours), TableLabels(ours, both.register(NAME, path))


@pytest.mark.parametrize("time", [None, "labelled_at"])
def test_labels_and_kpis_are_those_of_the_delta_reader(both: BothEngines, tmp_path: Path, time: str | None) -> None:
    write_labels(tmp_path / "l", LABELS)
    kpis = tuple(Kpi(name=f"k{n}", expression=e, tolerance=1.0, range=(-9, 9)) for n, e in enumerate(KPIS))
    kpis += (Kpi(name="column", column="amount", tolerance=1.0, range=(-9, 9)),)
    ids = [*(row.id for row in LABELS), "nobody", "back\\slash", '"', "[1]", "ü"]
    ours, theirs = by_both(both, tmp_path / "l", Labels(time=time, kpis=kpis))
    found = theirs.of(ids, NOON)
    assert found == ours.of(ids, NOON)
    assert {"it's", "free"} <= found.keys()
    assert ("a" in found) == (time is not None)


def test_numbers_days_and_odd_names_are_read_alike(both: BothEngines, tmp_path: Path) -> None:
    numbers = 'n AS "request `id`", n % 2 = 0 AS "o\'label", n * 1.5::DOUBLE AS "say ""yes"""'
    values = f"SELECT {numbers}, DATE '2026-11-20' + n::INTEGER AS day FROM range(4) t(n)"
    with duckdb.connect() as duck:
        write_deltalake(str(tmp_path / "l"), duck.sql(values))
    names: dict[str, Any] = {"id": "request `id`", "time": "day"}
    kpi = Kpi(name="k", column='say "yes"', tolerance=1.0, range=(0, 9))
    ours, theirs = by_both(both, tmp_path / "l", Labels(label="o'label", kpis=(kpi,), **names))
    found = theirs.of(["0", "1", "2", "9"], NOON)
    assert found == ours.of(["0", "1", "2", "9"], NOON)
    assert {one: label.label for one, label in found.items()} == {"1": "false", "2": "true"}
    regression = Labels(label='say "yes"', kind="regression", range=(0, 9), **names)
    ours, theirs = by_both(both, tmp_path / "l", regression)
    assert theirs.of(["1", "3"], NOON) == ours.of(["1", "3"], NOON)
    assert theirs.of(["3"], NOON)["3"].label == 4.5


@pytest.mark.parametrize(
    "expression", ["sum(amount)", "count(*)", "collect_list(amount)", "profit + 1", "row_number()"]
)
def test_a_kpi_that_is_no_number_for_each_row_is_refused_for_good(
    both: BothEngines, tmp_path: Path, expression: str
) -> None:
    write_labels(tmp_path / "l", LABELS)
    kpi = Kpi(name="money", expression=expression, tolerance=1.0, range=(-9, 9))
    _, theirs = by_both(both, tmp_path / "l", Labels(kpis=(kpi,)))
    with pytest.raises(PlatformError, match="money is no scalar expression") as refused:
        theirs.of(["a"], NOON)
    assert refused.value.permanent


def test_no_question_of_the_daemon_is_missing_here() -> None:
    """Whoever adds a question adds its test on Spark."""
    asking = Counter(
        name
        for module in (queries, at_once, labels)
        for name, made in vars(module).items()
        if inspect.isfunction(made) and made.__module__ == module.__name__
        if inspect.signature(made).return_annotation in (Question, "Question")
    )
    assert sorted(asking) == [
        "health",
        "kpi_question",
        "look",
        "newest",
        "question",
        "sample",
        "served_entities",
        "versions_named",
    ]


def test_windows_that_overlap_are_counted_alike(both: BothEngines, tmp_path: Path) -> None:
    write(tmp_path / "t", requests())
    odd = [WINDOWS[0], Window(NOON + timedelta(seconds=30), NOON + timedelta(minutes=31))]
    log = WarehouseLog(both.register(NAME, tmp_path / "t"), served=None, endpoint="e", rows=30, windows_at_once=3)
    ours = DeltaLog(str(tmp_path / "t"), served_entities_table=None, endpoint="e")
    assert counted(log.health(odd)) == counted(ours.health(odd))
