"""An inference table in memory: rows go in, and are counted and sampled by the letter of the contract."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from arro3.core import Array, DataType, Table

from daemon.domain.sample import HealthCount, Part, Sample
from daemon.domain.window import Window
from daemon.ports import PlatformError
from detectors import latency
from tests.fakes.ledger import Fake, Ledger


@dataclass(frozen=True)
class LoggedRequest:
    """One row of an inference table. A duplicate is the same row once more."""

    id: str
    at: datetime
    entity: str = "entity"
    status: int = 200
    ms: int = 10
    request: str | None = '{"dataframe_records": [{"x": 1}]}'
    response: str | None = '{"predictions": [0.5]}'


class FakeInferenceLog(Fake):
    def __init__(self, entities: Mapping[str, tuple[str, int]] | None = None, ledger: Ledger | None = None) -> None:
        super().__init__("log", ledger)
        self.rows: list[LoggedRequest] = []
        self.missing = False
        """There is no table yet."""
        self._entities = dict(entities or {})

    def write(self, rows: Iterable[LoggedRequest]) -> None:
        self.rows += rows

    def serve(self, entity: str, model: str, version: int) -> None:
        """Enter an entity into Databricks' own table."""
        self._entities[entity] = (model, version)

    def health(self, windows: Sequence[Window]) -> list[HealthCount]:
        self._read("health")
        counts: list[HealthCount] = []
        rows, logged = self._within(windows), Counter(row.id for row in self.rows)
        for window in windows:
            inside = [row for row in rows if window.start <= row.at < window.end]
            entities = sorted({row.entity for row in inside})
            for entity in entities:
                mine = [row for row in inside if row.entity == entity]
                counts.append(_health(window, entity, mine, sum(logged[row.id] for row in mine)))
        return counts

    def sample(self, parts: Sequence[Part], *, salt: str) -> Sample:
        self._read("sample")
        chosen: list[tuple[int, LoggedRequest]] = []
        for row in sorted(self._within([part.window for part in parts]), key=lambda row: _hash(salt, row)):
            place = next((n for n, part in enumerate(parts) if _belongs(row, part, salt)), None)
            if place is not None:
                chosen.append((place, row))
        return Sample(tuple(parts), _table(chosen), len(chosen))

    def newest(self, since: datetime) -> datetime | None:
        self._read("newest")
        return max((row.at for row in self.rows if row.at >= since), default=None)

    def entities(self) -> Mapping[str, tuple[str, int]]:
        self._ask("entities")
        return dict(self._entities)

    def _read(self, call: str) -> None:
        self._ask(call)
        if self.missing:
            raise PlatformError("there is no inference table yet", permanent=False, missing=True)

    def _within(self, windows: Sequence[Window]) -> list[LoggedRequest]:
        """Leave out early what lies in none of the windows: a test of a thousand looks has no time to waste."""
        if not windows:
            return []
        start, end = min(w.start for w in windows), max(w.end for w in windows)
        return [row for row in self._each_once() if start <= row.at < end]

    def _each_once(self) -> list[LoggedRequest]:
        return list({row.id: row for row in reversed(self.rows)}.values())


def _health(window: Window, entity: str, rows: Sequence[LoggedRequest], logged: int) -> HealthCount:
    return HealthCount(
        window,
        entity,
        requests=len(rows),
        errors_4xx=sum(400 <= row.status < 500 for row in rows),
        errors_5xx=sum(row.status >= 500 for row in rows),
        latency=latency.count([row.ms for row in rows if row.status < 400]),
        copies=logged - len(rows),
    )


def _hash(salt: str, row: LoggedRequest) -> str:
    return hashlib.md5((salt + row.id).encode()).hexdigest()


def _belongs(row: LoggedRequest, part: Part, salt: str) -> bool:
    inside = part.window.start <= row.at < part.window.end and row.entity == part.entity_id
    return inside and int(_hash(salt, row)[:8], 16) < int(part.rate * 16**8)


def _table(chosen: Sequence[tuple[int, LoggedRequest]]) -> Table:
    rows = [row for _, row in chosen]
    return Table.from_pydict(
        {
            "part": Array(np.array([place for place, _ in chosen], np.int64)),
            "id": Array([row.id for row in rows], DataType.string()),
            "status_code": Array([row.status for row in rows], DataType.int32()),
            "request": Array([row.request for row in rows], DataType.string()),
            "response": Array([row.response for row in rows], DataType.string()),
            "oversized": Array([None in (row.request, row.response) for row in rows], DataType.bool()),
        }
    )
