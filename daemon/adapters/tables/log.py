"""The inference log of one endpoint, out of its inference table."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from arro3.core import Array, DataType, Table

from daemon.adapters.tables import queries
from daemon.adapters.tables.columns import Columns, detect
from daemon.adapters.tables.engine import Engine
from daemon.domain.sample import HealthCount, Part, Sample
from daemon.domain.window import EPOCH, Window
from detectors.latency import BUCKETS

Entity = tuple[str, int]
Counted = tuple[int, str, int, int, int, int]
"""Cell, entity, status class, latency bucket, requests, and the rows that they were logged in."""


class TableLog:
    """Reads one table for one endpoint, by one thread at a time; what it read last is kept open."""

    def __init__(self, table: Engine, *, served: Engine | None, endpoint: str) -> None:
        self._table = table
        self._served = served
        self._endpoint = endpoint
        self._entities: tuple[int, dict[str, Entity]] = (-1, {})

    def health(self, windows: Sequence[Window]) -> list[HealthCount]:
        if not windows:
            return []
        cells = queries.Cells.of(windows)
        answer = self._table.query(queries.health(columns_of(self._table), windows, cells))
        return counted(windows, cells, tuples(answer))

    def sample(self, parts: Sequence[Part], *, salt: str) -> Sample:
        if not parts:
            return Sample((), no_rows(), 0)
        rows = self._table.query(queries.sample(columns_of(self._table), parts, salt=salt))
        return Sample(tuple(parts), rows, int(rows.num_rows))

    def newest(self, since: datetime) -> datetime | None:
        micros = tuples(self._table.query(queries.newest(columns_of(self._table), since)))[0][0]
        return None if micros is None else EPOCH + timedelta(microseconds=micros)

    def entities(self) -> Mapping[str, Entity]:
        source = self._served or self._table
        version = source.refresh()
        if version != self._entities[0]:
            self._entities = (version, self._told() if self._served else self._named())
        return self._entities[1]

    def _told(self) -> dict[str, Entity]:
        """Ask Databricks' history."""
        if self._served is None:
            return {}
        name, dialect = self._served.name, self._served.dialect
        return told(tuples(self._served.query(queries.served_entities(self._endpoint, table=name, dialect=dialect))))

    def _named(self) -> dict[str, Entity]:
        """Ask the table itself, where its rows name the version that answered."""
        columns = detect(self._table.fields(), self._table.uri, table=self._table.name, dialect=self._table.dialect)
        if not columns.by_version:
            return {}
        return named(row[0] for row in tuples(self._table.query(queries.versions_named(columns))))


def columns_of(table: Engine) -> Columns:
    """Find the columns of an inference table, as it is now."""
    table.refresh()
    return detect(table.fields(), table.uri, table=table.name, dialect=table.dialect)


def counted(windows: Sequence[Window], cells: queries.Cells, rows: Iterable[Counted]) -> list[HealthCount]:
    """Add up the cells of each window."""
    counts: dict[tuple[int, str], list[Counted]] = {}
    for row in rows:
        counts.setdefault(row[:2], []).append(row)
    entities = sorted({entity for _, entity in counts})
    found = []
    for window in windows:
        for entity in entities:
            within = [row for cell in cells.within(window) for row in counts.get((cell, entity), ())]
            if within:
                found.append(_health(window, entity, within))
    return found


def _health(window: Window, entity: str, rows: Sequence[Counted]) -> HealthCount:
    latency = np.zeros(BUCKETS, np.int64)
    by_answer = {queries.ANSWERED: 0, queries.REFUSED: 0, queries.FAILED: 0}
    for _, _, answer, bucket, requests, _ in rows:
        by_answer[answer] += requests
        if bucket >= 0:
            latency[bucket] += requests
    total = sum(by_answer.values())
    copies = sum(logged for *_, logged in rows) - total
    return HealthCount(window, entity, total, by_answer[queries.REFUSED], by_answer[queries.FAILED], latency, copies)


def told(rows: Iterable[tuple[Any, ...]]) -> dict[str, Entity]:
    """Read Databricks' history. What serves no version of a registered model is left out."""
    return {entity: (model, int(version)) for entity, model, version in rows if entity and _number(version)}


def named(entities: Iterable[str]) -> dict[str, Entity]:
    """Read the version out of what a legacy table has for an entity."""
    split = {entity: entity.rpartition("/") for entity in entities}
    return {entity: (model, int(version)) for entity, (model, _, version) in split.items() if _number(version)}


def no_rows() -> Any:
    types = {
        "part": DataType.int64(),
        "id": DataType.string(),
        "status_code": DataType.int32(),
        "request": DataType.string(),
        "response": DataType.string(),
        "oversized": DataType.bool(),
    }
    return Table.from_pydict({name: Array([], type=kind) for name, kind in types.items()})


def tuples(answer: Any) -> list[tuple[Any, ...]]:
    return list(zip(*(answer.column(name).to_pylist() for name in answer.column_names), strict=True))


def _number(version: object) -> bool:
    return isinstance(version, str) and version.isdecimal()
