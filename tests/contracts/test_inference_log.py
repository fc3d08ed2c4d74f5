"""The contract of the port InferenceLog."""

import hashlib
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from daemon.adapters.delta import DeltaLog, UnityTable
from daemon.adapters.tables import TableLog
from daemon.adapters.warehouse import WarehouseLog
from daemon.domain.sample import HealthCount, Part, Sample
from daemon.domain.table_name import TableName
from daemon.domain.window import Window, closed_windows
from daemon.ports import InferenceLog, PlatformError
from detectors import latency
from tests.adapters.delta.tables import LEGACY, SERVICES, write
from tests.fakes import FakeInferenceLog, LoggedRequest
from tests.small_workspace import SmallWorkspace

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
WINDOW = Window(NOON, NOON + QUARTER)
Make = Callable[[Sequence[LoggedRequest]], InferenceLog]


def _gateway(path: Path, _: SmallWorkspace) -> Make:
    def make(rows: Sequence[LoggedRequest]) -> InferenceLog:
        write(path, rows)
        # the same request once more, in a file of its own: delivery is at least once
        write(path, rows[::3])
        return DeltaLog(str(path), served_entities_table=None, endpoint="flights")

    return make


def _legacy(path: Path, _: SmallWorkspace) -> Make:
    def make(rows: Sequence[LoggedRequest]) -> InferenceLog:
        write(path, [replace(row, entity=f"{row.entity}/1") for row in rows], LEGACY)
        return _Renamed(DeltaLog(str(path), served_entities_table=None, endpoint="flights"))

    return make


class _Renamed:
    """A legacy table names entities by version; the contract is about the rest."""

    def __init__(self, log: InferenceLog) -> None:
        self._log = log
        self.newest, self.entities = log.newest, log.entities

    def health(self, windows: Sequence[Window]) -> list[HealthCount]:
        return [replace(c, entity_id=c.entity_id.removesuffix("/1")) for c in self._log.health(windows)]

    def sample(self, parts: Sequence[Part], *, salt: str) -> Sample:
        renamed = [replace(part, entity_id=f"{part.entity_id}/1") for part in parts]
        return replace(self._log.sample(renamed, salt=salt), parts=tuple(parts))


def _warehouse(path: Path, small: SmallWorkspace) -> Make:
    def make(rows: Sequence[LoggedRequest]) -> InferenceLog:
        write(path, rows)
        write(path, rows[::3])
        return _by_name(path, small)

    return make


def _legacy_warehouse(path: Path, small: SmallWorkspace) -> Make:
    def make(rows: Sequence[LoggedRequest]) -> InferenceLog:
        write(path, [replace(row, entity=f"{row.entity}/1") for row in rows], LEGACY)
        return _Renamed(_by_name(path, small))

    return make


def _unity(path: Path, small: SmallWorkspace) -> Make:
    def make(rows: Sequence[LoggedRequest]) -> InferenceLog:
        write(path, rows)
        write(path, rows[::3])
        name = _named(path, small)
        return TableLog(UnityTable(name, small.catalog()), served=None, endpoint="flights")

    return make


def _by_name(path: Path, small: SmallWorkspace) -> WarehouseLog:
    table = small.table(f"uc://{_quoted(_named(path, small))}")
    return WarehouseLog(table, served=None, endpoint="s", rows=50, windows_at_once=24)


def _named(path: Path, small: SmallWorkspace) -> TableName:
    """Give the table a name as odd as Unity Catalog takes."""
    name = TableName("ml-prod", "o'hare", f'{uuid.uuid4()}_"pay`load')
    small.control.register_table(str(name), path.as_uri())
    return name


def _quoted(name: TableName) -> str:
    return ".".join("`" + part.replace("`", "``") + "`" for part in name.parts)


def _fake(_: Path, __: SmallWorkspace) -> Make:
    def make(rows: Sequence[LoggedRequest]) -> InferenceLog:
        log = FakeInferenceLog()
        log.write([*rows, *rows[::3]])
        return log

    return make


WORLDS = {
    "gateway": _gateway,
    "legacy": _legacy,
    "unity": _unity,
    "warehouse": _warehouse,
    "legacy-warehouse": _legacy_warehouse,
    "fake": _fake,
}


@pytest.fixture(params=WORLDS)
def make(request: pytest.FixtureRequest, tmp_path: Path, small: SmallWorkspace) -> Make:
    return WORLDS[request.param](tmp_path / "flights_payload", small)


def requests(
    n: int, start: datetime = NOON, step: timedelta = timedelta(seconds=1), **same: Any
) -> list[LoggedRequest]:
    return [LoggedRequest(f"{start:%H%M}-{same.get('entity', '')}-{i}", start + i * step, **same) for i in range(n)]


def rows_of(sample: Sample) -> list[dict[str, Any]]:
    with duckdb.connect() as duck:
        duck.register("rows", sample.rows)
        found = duck.execute("SELECT * FROM rows")
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def test_each_request_is_counted_once_by_window_and_entity(make: Make) -> None:
    log = make([*requests(120, entity="a"), *requests(30, NOON + QUARTER, entity="b"), *requests(7, NOON, entity="b")])
    counts = log.health(list(closed_windows(NOON, NOON + 3 * QUARTER, QUARTER)))
    assert [(c.window.start, c.entity_id, c.requests) for c in counts] == [
        (NOON, "a", 120),
        (NOON, "b", 7),
        (NOON + QUARTER, "b", 30),
    ]


def test_a_window_holds_its_start_and_not_its_end(make: Make) -> None:
    edge = [LoggedRequest("first", NOON), LoggedRequest("last", NOON + QUARTER - timedelta(milliseconds=1))]
    log = make(
        [*edge, LoggedRequest("next", NOON + QUARTER), LoggedRequest("before", NOON - timedelta(milliseconds=1))]
    )
    assert [c.requests for c in log.health([WINDOW])] == [2]
    assert {row["id"] for row in rows_of(log.sample([Part(WINDOW, "entity", 1.0)], salt=""))} == {"first", "last"}


def test_windows_may_lie_apart_overlap_and_reach_over_midnight(make: Make) -> None:
    midnight = datetime(2026, 11, 22, tzinfo=UTC)
    log = make([*requests(60), *requests(60, midnight - timedelta(seconds=20))])
    night = Window(midnight - timedelta(minutes=1), midnight + timedelta(minutes=1))
    half = Window(NOON + timedelta(seconds=30), NOON + timedelta(seconds=90))
    counts = log.health([WINDOW, half, night, Window(midnight + QUARTER, midnight + 2 * QUARTER)])
    assert [(c.window, c.requests) for c in counts] == [(WINDOW, 60), (half, 30), (night, 60)]


def test_rows_that_were_logged_more_than_once_are_counted_beside_the_requests(make: Make) -> None:
    """Every third row is delivered once more, and each request counts once."""
    log = make([*requests(120, entity="a"), *requests(30, NOON + QUARTER, entity="b")])
    counts = log.health(list(closed_windows(NOON, NOON + 2 * QUARTER, QUARTER)))
    copies = {c.entity_id: c.copies for c in counts}
    again = _again(log)
    assert copies == {"a": 40 * again, "b": 10 * again}
    assert [c.requests for c in counts] == [120, 30]


def _again(log: InferenceLog) -> int:
    return 0 if isinstance(log, _Renamed) else 1


def test_refusals_failures_and_successes_are_told_apart(make: Make) -> None:
    statuses = [200] * 5 + [400, 404, 429] + [500, 503]
    rows = [replace(row, status=s) for row, s in zip(requests(10), statuses, strict=True)]
    (count,) = make(rows).health([WINDOW])
    assert (count.requests, count.errors_4xx, count.errors_5xx) == (10, 3, 2)


def test_latency_is_that_of_successes_in_the_detectors_buckets(make: Make) -> None:
    times = [0, 1, 2, 3, 7, 8, 9, 99, 100, 1024, 5000, 600_000, 10_000_000]
    rows = [replace(row, ms=ms) for row, ms in zip(requests(len(times)), times, strict=True)]
    refused = [LoggedRequest("refused", NOON, status=400, ms=1)]
    (count,) = make([*rows, *refused]).health([WINDOW])
    assert np.array_equal(count.latency, latency.count(times))


def test_a_sample_at_full_rate_is_every_request_once_with_its_payload(make: Make) -> None:
    rows = [replace(row, request=f'{{"n": "{i}\'"}}', response=None) for i, row in enumerate(requests(40))]
    log = make(rows)
    sample = log.sample([Part(WINDOW, "entity", 1.0)], salt="s")
    assert sample.count == 40
    found = {row["id"]: row for row in rows_of(sample)}
    for row in rows:
        assert found[row.id]["request"] == row.request and found[row.id]["response"] is None
        assert (found[row.id]["status_code"], found[row.id]["part"]) == (200, 0)


def test_a_sample_is_what_the_hash_of_salt_and_id_says(make: Make) -> None:
    rows = requests(2000, step=timedelta(milliseconds=100))
    log = make(rows)
    for salt, rate in (("flights", 0.25), ("o'hare", 0.05)):
        bound = f"{int(rate * 2**32):08x}"
        wanted = {row.id for row in rows if hashlib.md5(f"{salt}{row.id}".encode()).hexdigest() < bound}
        sample = log.sample([Part(WINDOW, "entity", rate)], salt=salt)
        assert {row["id"] for row in rows_of(sample)} == wanted
        assert sample.count == len(wanted)
        assert abs(len(wanted) - 2000 * rate) < 6 * (2000 * rate) ** 0.5


def test_a_larger_rate_keeps_the_rows_of_a_smaller_one(make: Make) -> None:
    log = make(requests(500))
    small, large = (
        {row["id"] for row in rows_of(log.sample([Part(WINDOW, "entity", rate)], salt="s"))} for rate in (0.1, 0.5)
    )
    assert small < large


def test_parts_have_rates_of_their_own(make: Make) -> None:
    later = Window(NOON + QUARTER, NOON + 2 * QUARTER)
    log = make([*requests(50, entity="a"), *requests(50, entity="it's"), *requests(50, later.start, entity="a")])
    parts = [Part(WINDOW, "a", 1.0), Part(WINDOW, "it's", 0.0), Part(later, "a", 1.0), Part(later, "none", 1.0)]
    sample = log.sample(parts, salt="s")
    found = [row["part"] for row in rows_of(sample)]
    assert [found.count(place) for place in range(4)] == [50, 0, 50, 0]
    assert list(sample.parts) == parts


def test_a_body_over_the_cap_is_marked(make: Make) -> None:
    log = make([LoggedRequest("large", NOON, request=None), LoggedRequest("small", NOON)])
    found = {row["id"]: row["request"] for row in rows_of(log.sample([Part(WINDOW, "entity", 1.0)], salt="s"))}
    assert found["large"] is None and found["small"] is not None


def test_nothing_asked_is_nothing_read(make: Make) -> None:
    log = make(requests(3))
    assert log.health([]) == []
    assert log.sample([], salt="s").count == 0


def test_the_newest_request_is_found_or_none(make: Make) -> None:
    log = make(requests(90))
    assert log.newest(NOON - timedelta(days=3)) == NOON + timedelta(seconds=89)
    assert log.newest(NOON + timedelta(seconds=89)) == NOON + timedelta(seconds=89)
    assert log.newest(NOON + timedelta(seconds=90)) is None


def test_a_quiet_window_gives_no_count(make: Make) -> None:
    assert make(requests(3)).health([Window(NOON + QUARTER, NOON + 2 * QUARTER)]) == []


def test_a_missing_table_is_said_to_be_missing(tmp_path: Path, small: SmallWorkspace) -> None:
    fake = FakeInferenceLog()
    fake.missing = True
    nowhere = small.table("main.ml.none")
    logs = (
        fake,
        DeltaLog(str(tmp_path / "none"), served_entities_table=None, endpoint="flights"),
        TableLog(UnityTable(TableName("main", "ml", "none"), small.catalog()), served=None, endpoint="flights"),
        WarehouseLog(nowhere, served=None, endpoint="flights", rows=50, windows_at_once=24),
    )
    for log in logs:
        for ask in (lambda: log.health([WINDOW]), lambda: log.newest(NOON)):  # noqa: B023
            with pytest.raises(PlatformError) as refused:
                ask()
            assert refused.value.missing and not refused.value.permanent


def test_a_table_of_model_services_is_read_without_day_and_entity(tmp_path: Path) -> None:
    write(tmp_path / "services", requests(9), SERVICES)
    log = DeltaLog(str(tmp_path / "services"), served_entities_table=None, endpoint="flights")
    assert [(c.entity_id, c.requests) for c in log.health([WINDOW])] == [("", 9)]
    assert log.sample([Part(WINDOW, "", 1.0)], salt="s").count == 9
