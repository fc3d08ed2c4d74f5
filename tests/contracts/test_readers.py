"""Both readers return the same rows for the same window; and a warehouse is asked once a look, or not at all."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from daemon.adapters.delta import DeltaLog
from daemon.adapters.readers import Readers
from daemon.adapters.warehouse import WarehouseLog
from daemon.config.detection import Watch
from daemon.config.endpoint import EndpointSettings
from daemon.config.labels import Labels
from daemon.domain.cohort import Label
from daemon.domain.sample import HealthCount, Part
from daemon.domain.window import Window, closed_windows
from daemon.ports import InferenceLog, PlatformError
from daemon.watch import sample as planned
from tests.adapters.delta.tables import GATEWAY, LEGACY, SERVICES, write, write_labels, write_served_entities
from tests.fakes import LabelRow, LoggedRequest
from tests.small_workspace import SmallWorkspace

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
RULES = Watch(rows=120, catch_up=4)
ENDPOINT = "o'hare \\ 100 %"
ENTITIES = ("a", "it's", 'say "b"')


def requests(n: int, seed: int, start: datetime = NOON) -> list[LoggedRequest]:
    """Return requests of an hour, in no order, of three entities, of which some failed."""
    chance = random.Random(seed)
    return [
        LoggedRequest(
            f"{seed}-{i}",
            start + timedelta(milliseconds=chance.randrange(3_600_000)),
            entity=chance.choice(ENTITIES),
            status=chance.choice((200, 200, 200, 400, 503)),
            ms=round(2 ** chance.uniform(-2, 20)),
            request=chance.choice((None, f'{{"n": "ü{i}"}}', "x" * chance.randrange(2000))),
        )
        for i in range(n)
    ]


def named(path: Path, small: SmallWorkspace, name: str = "") -> str:
    full = f"main.it's-ml.{name or path.parent.name}"
    small.control.register_table(full, path.as_uri())
    return f"uc://main.`it's-ml`.{name or path.parent.name}"


def warehouse(path: Path, small: SmallWorkspace, served: str | None = None) -> WarehouseLog:
    table = small.table(named(path, small))
    history = small.table(served) if served else None
    rows, windows = RULES.rows, RULES.catch_up
    return WarehouseLog(table, served=history, endpoint=ENDPOINT, rows=rows, windows_at_once=windows)


def delta(path: Path, served: Path | None = None) -> DeltaLog:
    return DeltaLog(str(path), served_entities_table=str(served) if served else None, endpoint=ENDPOINT)


def counted(counts: Sequence[HealthCount]) -> list[tuple[Any, ...]]:
    about = [(c.window, c.entity_id, c.requests, c.errors_4xx, c.errors_5xx, c.copies) for c in counts]
    return [(*one, tuple(np.flatnonzero(c.latency)), c.latency.sum()) for one, c in zip(about, counts, strict=True)]


def rows(log: InferenceLog, parts: Sequence[Part]) -> list[tuple[Any, ...]]:
    found = log.sample(parts, salt=ENDPOINT)
    with duckdb.connect() as duck:
        duck.register("rows", found.rows)
        return duck.execute("SELECT part, id, status_code, request, response, oversized FROM rows").fetchall()


def look(log: InferenceLog, windows: Sequence[Window], stored: dict[planned.Slot, int]) -> list[Any]:
    """Ask as a look asks: counts, entities, and of each version the rows of the windows that changed."""
    versions = {entity: 1 + n for n, entity in enumerate(ENTITIES)}
    counts = log.health(windows)
    log.entities()
    plan = planned.plan(counts, stored, versions, None, RULES)
    work = planned.parts(counts, plan.slots, versions, RULES)
    stored |= {(c.window.start, versions[c.entity_id]): c.requests for c in counts if (c.window.start, 1) in plan.slots}
    return [counted(counts), *(rows(log, parts) for _, parts in sorted(work.items()))]


def sent(small: SmallWorkspace) -> int:
    return len(small.control.statements())


def hours(n: int, start: datetime = NOON) -> list[Window]:
    return list(closed_windows(start, start + n * 4 * QUARTER, QUARTER))


@pytest.mark.parametrize("kind", [GATEWAY, LEGACY, SERVICES], ids=["gateway", "legacy", "services"])
def test_both_readers_return_the_same_counts_and_rows(tmp_path: Path, small: SmallWorkspace, kind: str) -> None:
    path = tmp_path / "payload"
    given = requests(3000, 1)
    write(path, given, kind)
    write(path, given[::7], kind)
    logs = delta(path), warehouse(path, small)
    before = sent(small)
    one, other = (log.health(hours(1)) for log in logs)
    assert counted(one) == counted(other)
    assert sum(c.requests for c in one) == 3000
    parts = [Part(c.window, c.entity_id, min(1.0, RULES.rows / c.requests)) for c in one]
    ours, theirs = (rows(log, parts) for log in logs)
    assert ours == theirs
    assert len(ours) > RULES.rows
    assert sent(small) == before + 1


def test_looks_as_the_daemon_takes_them_are_the_same_and_cost_a_statement_each(
    tmp_path: Path, small: SmallWorkspace
) -> None:
    path = tmp_path / "payload"
    write(path, requests(4000, 1))
    ours, theirs = delta(path), warehouse(path, small)
    stored: tuple[dict[planned.Slot, int], dict[planned.Slot, int]] = {}, {}
    for n in range(4):
        before = sent(small)
        windows = hours(1 + n)
        assert look(ours, windows, stored[0]) == look(theirs, windows, stored[1])
        assert sent(small) == before + 1, f"look {n}"
        # an hour more, rows that come late, and rows that come twice
        write(path, requests(2000, 10 + n, NOON + (n + 1) * timedelta(hours=1)))
        write(path, requests(5, 20 + n))
        write(path, requests(2000, 10 + n, NOON + (n + 1) * timedelta(hours=1))[::50])
    assert stored[0] == stored[1]


def test_rows_that_were_taken_along_do_not_travel_again(tmp_path: Path, small: SmallWorkspace) -> None:
    path = tmp_path / "payload"
    write(path, requests(400, 1))
    log = warehouse(path, small)
    log.health(hours(1))
    assert log._taken is not None and log._taken.rows.num_rows == 400
    write(path, requests(30, 2, NOON + timedelta(hours=1)))
    log.health(hours(2))
    assert log._taken.rows.num_rows == 30


def test_nothing_is_asked_while_no_window_has_settled(tmp_path: Path, small: SmallWorkspace) -> None:
    path = tmp_path / "payload"
    write(path, requests(500, 1))
    log = warehouse(path, small)
    first = log.health(hours(1))
    before = sent(small)
    for windows in (hours(1), hours(1)[1:]):
        again = log.health(windows)
        assert counted(again) == counted([c for c in first if c.window in windows])
    parts = [Part(c.window, c.entity_id, min(1.0, RULES.rows / c.requests)) for c in first]
    assert rows(log, parts) == rows(delta(path), parts)
    log.entities()
    assert sent(small) == before


def test_what_was_not_taken_along_is_asked_for(tmp_path: Path, small: SmallWorkspace) -> None:
    """Another salt, a larger rate, a window that was known before: none is guessed from what is there."""
    path = tmp_path / "payload"
    write(path, requests(5000, 1))
    ours, theirs = delta(path), warehouse(path, small)
    counts = theirs.health(hours(1))
    for parts in ([Part(c.window, c.entity_id, 0.9) for c in counts], [Part(hours(1)[0], "nobody", 1.0)]):
        before = sent(small)
        assert rows(ours, parts) == rows(theirs, parts)
        assert sent(small) == before + 1
    theirs.health(hours(2))
    parts = [Part(counts[0].window, counts[0].entity_id, 0.05)]
    assert rows(ours, parts) == rows(theirs, parts)


def test_a_sample_too_large_for_one_answer_is_cut_alike(
    tmp_path: Path, small: SmallWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from daemon.adapters.tables import queries

    monkeypatch.setattr(queries, "MOST_BYTES", 60_000)
    monkeypatch.setattr(queries, "MOST_ROWS", 90)
    path = tmp_path / "payload"
    write(path, requests(3000, 1))
    ours, theirs = delta(path), warehouse(path, small)
    counts = theirs.health(hours(1))
    assert theirs._taken is not None and theirs._taken.rows.num_rows <= 90
    for rate in (0.001, 0.01, 0.2):
        parts = [Part(c.window, c.entity_id, rate) for c in counts]
        assert rows(ours, parts) == rows(theirs, parts)


def test_the_versions_come_with_the_counts(tmp_path: Path, small: SmallWorkspace) -> None:
    path, history = tmp_path / "payload", tmp_path / "served"
    write(path, requests(100, 1))
    write_served_entities(history, [("a", ENDPOINT.replace("'", "''"), "main.ml.delay", "3", "2026-11-01T00:00:00Z")])
    served = named(history, small, f"{tmp_path.name}-served")
    log = warehouse(path, small, served)
    before = sent(small)
    log.health(hours(1))
    assert log.entities() == delta(path, history).entities() == {"a": ("main.ml.delay", 3)}
    assert sent(small) == before + 1


def test_a_history_that_cannot_be_read_holds_nothing_up(tmp_path: Path, small: SmallWorkspace) -> None:
    path = tmp_path / "payload"
    write(path, requests(100, 1))
    log = warehouse(path, small, "system.closed.served_entities")
    before = sent(small)
    assert sum(c.requests for c in log.health(hours(1))) == 100
    with pytest.raises(
        PlatformError, match=r"system.closed.served_entities cannot be read, and the daemon's own record"
    ):
        log.entities()
    log.health(hours(2))
    assert sent(small) == before + 3


def test_a_legacy_table_names_its_versions_itself(tmp_path: Path, small: SmallWorkspace) -> None:
    path = tmp_path / "payload"
    write(path, [replace(row, entity="main.ml.delay/12") for row in requests(50, 1)], LEGACY)
    log = warehouse(path, small)
    log.health(hours(1))
    assert log.entities() == delta(path).entities() == {"main.ml.delay/12": ("main.ml.delay", 12)}


@pytest.mark.parametrize("reader", ["delta", "warehouse"])
def test_one_line_of_the_configuration_changes_the_reader(tmp_path: Path, small: SmallWorkspace, reader: Any) -> None:
    path = tmp_path / "payload"
    write(path, requests(200, 1))
    table = named(path, small)
    endpoint = EndpointSettings(name="flights", table=table, model="m", reader=reader, watch=RULES)
    log, labels, tables = Readers(small.settings, small.client).of(endpoint)
    before = sent(small)
    assert sum(c.requests for c in log.health(hours(1))) == 200
    assert labels is None
    with duckdb.connect() as duck:
        duck.register("streamed", tables.rows(table))
        assert duck.execute("SELECT count(*) FROM streamed").fetchall() == [(200,)]
    assert sent(small) - before == (2 if reader == "warehouse" else 0)


def test_while_it_catches_up_no_window_is_taken_along_twice(tmp_path: Path, small: SmallWorkspace) -> None:
    """Three looks between two windows that settle: the first one's rows came along, the others ask."""
    path = tmp_path / "payload"
    for hour in range(4):
        write(path, requests(300, hour, NOON + hour * timedelta(hours=1)))
    ours, theirs = delta(path), warehouse(path, small)
    stored: tuple[dict[planned.Slot, int], dict[planned.Slot, int]] = {}, {}
    for cost in (1, 3, 3):
        before = sent(small)
        assert look(ours, hours(4), stored[0]) == look(theirs, hours(4), stored[1])
        assert sent(small) == before + cost
    before = sent(small)
    write(path, requests(300, 4, NOON + timedelta(hours=4)))
    assert look(ours, hours(5), stored[0]) == look(theirs, hours(5), stored[1])
    assert sent(small) == before + 1


def test_what_was_asked_for_is_not_kept(tmp_path: Path, small: SmallWorkspace) -> None:
    path = tmp_path / "payload"
    write(path, requests(300, 1))
    log = warehouse(path, small)
    look(log, hours(1), {})
    assert log._taken is None


def test_the_history_may_be_a_delta_table_beside_a_warehouse(tmp_path: Path, small: SmallWorkspace) -> None:
    path, history = tmp_path / "payload", tmp_path / "served"
    write(path, requests(100, 1))
    write_served_entities(history, [("a", "flights", "main.ml.delay", "3", "2026-11-01T00:00:00Z")])
    endpoint = EndpointSettings(name="flights", table=named(path, small), model="m", reader="warehouse")
    workspace = small.settings.model_copy(update={"served_entities_table": str(history)})
    log, _, _ = Readers(workspace, small.client).of(endpoint)
    before = sent(small)
    log.health(hours(1))
    assert log.entities() == {"a": ("main.ml.delay", 3)}
    assert sent(small) == before + 1


@pytest.mark.parametrize("reader", ["delta", "warehouse"])
def test_labels_are_read_as_their_endpoint_is_and_a_folder_by_the_daemon(
    tmp_path: Path, small: SmallWorkspace, reader: Any
) -> None:
    payload, path = tmp_path / "payload", tmp_path / "labels"
    write(payload, requests(3, 1))
    write_labels(path, [LabelRow("a", "1"), LabelRow("it's", "0")])
    before = sent(small)
    for table, statements in ((named(path, small, f"{tmp_path.name}-labels"), 1), (str(path), 0)):
        rules = Labels(table=table)
        endpoint = EndpointSettings(name="flights", table=named(payload, small), model="m", reader=reader, labels=rules)
        _, labels, _ = Readers(small.settings, small.client).of(endpoint)
        assert labels is not None
        assert labels.of(["a", "it's", "b"], NOON) == {"a": Label("1"), "it's": Label("0")}
        before += statements if reader == "warehouse" else 0
        assert sent(small) == before
