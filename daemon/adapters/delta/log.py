"""The inference log of one endpoint, out of its Delta table."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from arro3.core import Array, DataType, Table

from daemon.adapters.delta import queries
from daemon.adapters.delta.columns import Columns, detect
from daemon.adapters.delta.table import DeltaTable
from daemon.domain.sample import HealthCount, Part, Sample
from daemon.domain.window import EPOCH, Window
from detectors.latency import BUCKETS

Entity = tuple[str, int]
Row = tuple[int, int, int, int]
"""Status class, latency bucket, requests, and the rows that they were logged in."""


class DeltaLog:
    """Reads one table for one endpoint, by one thread at a time; what it read last is kept open."""

    def __init__(
        self,
        table: str,
        *,
        served_entities_table: str | None,
        endpoint: str,
        storage_options: Mapping[str, str] | None = None,
    ) -> None:
        self._table = DeltaTable(table, storage_options)
        self._served = DeltaTable(served_entities_table, storage_options) if served_entities_table else None
        self._endpoint = endpoint
        self._entities: tuple[int, dict[str, Entity]] = (-1, {})

    def health(self, windows: Sequence[Window]) -> list[HealthCount]:
        if not windows:
            return []
        columns = self._columns()
        cells = queries.Cells.of(windows)
        answer = self._table.query(queries.health(columns, windows, cells))
        counts: dict[tuple[int, str], list[Row]] = {}
        for cell, entity, *counted in _tuples(answer):
            counts.setdefault((cell, entity), []).append((counted[0], counted[1], counted[2], counted[3]))
        entities = sorted({entity for _, entity in counts})
        found = []
        for window in windows:
            for entity in entities:
                rows = [row for cell in cells.within(window) for row in counts.get((cell, entity), ())]
                if rows:
                    found.append(_health(window, entity, rows))
        return found

    def sample(self, parts: Sequence[Part], *, salt: str) -> Sample:
        if not parts:
            return Sample((), _no_rows(), 0)
        rows = self._table.query(queries.sample(self._columns(), parts, salt=salt))
        return Sample(tuple(parts), rows, int(rows.num_rows))

    def newest(self, since: datetime) -> datetime | None:
        micros = _tuples(self._table.query(queries.newest(self._columns(), since)))[0][0]
        return None if micros is None else EPOCH + timedelta(microseconds=micros)

    def entities(self) -> Mapping[str, Entity]:
        source = self._served or self._table
        version = source.refresh()
        if version != self._entities[0]:
            self._entities = (version, self._told() if self._served else self._named())
        return self._entities[1]

    def _columns(self) -> Columns:
        self._table.refresh()
        return detect(self._table.fields(), self._table.uri)

    def _told(self) -> dict[str, Entity]:
        """Ask Databricks' history. What serves no version of a registered model is left out."""
        rows = _tuples(self._served.query(queries.served_entities(self._endpoint))) if self._served else []
        return {entity: (model, int(version)) for entity, model, version in rows if entity and _number(version)}

    def _named(self) -> dict[str, Entity]:
        """Ask the table itself, where its rows name the version that answered."""
        columns = detect(self._table.fields(), self._table.uri)
        if not columns.by_version:
            return {}
        names = [row[0] for row in _tuples(self._table.query(queries.versions_named(columns)))]
        split = {name: name.rpartition("/") for name in names}
        return {name: (model, int(version)) for name, (model, _, version) in split.items() if _number(version)}


class DeltaTables:
    """Reads any other Delta table whole, for those who stream it."""

    def __init__(self, storage_options: Mapping[str, str] | None = None) -> None:
        self._options = storage_options

    def rows(self, table: str) -> object:
        return DeltaTable(table, self._options).stream()


def _health(window: Window, entity: str, rows: Sequence[Row]) -> HealthCount:
    latency = np.zeros(BUCKETS, np.int64)
    by_answer = {queries.ANSWERED: 0, queries.REFUSED: 0, queries.FAILED: 0}
    for answer, bucket, requests, _ in rows:
        by_answer[answer] += requests
        if bucket >= 0:
            latency[bucket] += requests
    total = sum(by_answer.values())
    copies = sum(logged for *_, logged in rows) - total
    return HealthCount(window, entity, total, by_answer[queries.REFUSED], by_answer[queries.FAILED], latency, copies)


def _no_rows() -> Any:
    types = {
        "part": DataType.int64(),
        "id": DataType.string(),
        "status_code": DataType.int32(),
        "request": DataType.string(),
        "response": DataType.string(),
        "oversized": DataType.bool(),
    }
    return Table.from_pydict({name: Array([], type=kind) for name, kind in types.items()})


def _tuples(answer: Any) -> list[tuple[Any, ...]]:
    return list(zip(*(answer.column(name).to_pylist() for name in answer.column_names), strict=True))


def _number(version: object) -> bool:
    return isinstance(version, str) and version.isdecimal()
