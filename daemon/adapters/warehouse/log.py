"""The inference log of one endpoint, read by a warehouse: one statement for a look, and none where nothing is new."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from daemon.adapters.tables import queries
from daemon.adapters.tables.at_once import Wanted, look
from daemon.adapters.tables.columns import Columns
from daemon.adapters.tables.engine import Engine, QuestionError
from daemon.adapters.tables.log import Entity, TableLog, columns_of, counted, named, no_rows, told, tuples
from daemon.adapters.warehouse.table import WarehouseTable
from daemon.adapters.warehouse.taken import Taken, selected
from daemon.domain.sample import HealthCount, Part, Sample
from daemon.domain.window import Window
from daemon.ports import PlatformError

WITHOUT_HISTORY = 96
"""Statements that leave Databricks' history of entities out after it could not be read: a day of quarter hours."""


class WarehouseLog:
    """Takes along, with the counts, the rows that a look asks for next, and which versions the entities are.

    Rows that come late, to windows that are known, are seen with the next window that settles.
    """

    def __init__(self, table: Engine, *, served: Engine | None, endpoint: str, rows: int, windows_at_once: int) -> None:
        self._table, self._endpoint = table, endpoint
        self._rest = TableLog(table, served=served, endpoint=endpoint)
        self._served = served if isinstance(served, WarehouseTable) else None
        self._told_elsewhere = served is not None and self._served is None
        self._wanted = Wanted(endpoint, rows, windows_at_once)
        self._counted: dict[Window, list[HealthCount]] = {}
        """By the windows that were asked for last, those without a request, too."""
        self._taken: Taken | None = None
        self._entities: dict[str, Entity] | None = None
        self._history_lost: PlatformError | None = None
        self._without_history = 0

    def health(self, windows: Sequence[Window]) -> list[HealthCount]:
        if not windows:
            return []
        if not self._counted.keys() >= set(windows):
            self._read(windows)
        return [count for window in windows for count in self._counted[window]]

    def sample(self, parts: Sequence[Part], *, salt: str) -> Sample:
        if not parts:
            return Sample((), no_rows(), 0)
        if salt != self._endpoint:
            return self._rest.sample(parts, salt=salt)
        if self._taken is not None and self._taken.covers(parts):
            sample = self._taken.sample(parts, salt=salt)
            # a look asks once: megabytes for each endpoint would lie about until the next window has settled
            self._taken = self._taken.without(parts)
            return sample
        sample = self._rest.sample(parts, salt=salt)
        self._wanted = self._wanted.having(c for part in parts for c in self._counted.get(part.window, ()))
        return sample

    def newest(self, since: datetime) -> datetime | None:
        return self._rest.newest(since)

    def entities(self) -> Mapping[str, Entity]:
        if self._history_lost is not None:
            raise self._history_lost
        if self._entities is None or self._told_elsewhere:
            return self._rest.entities()
        return self._entities

    def _read(self, windows: Sequence[Window]) -> None:
        cells = queries.Cells.of(windows)
        if any(window.length != cells.length for window in windows):
            # windows that overlap are nobody's look
            self._keep(windows, self._rest.health(windows))
            self._taken = None
            return
        columns = columns_of(self._table)
        answer, with_history = self._ask(windows, cells, columns)
        counts = counted(windows, cells, tuples(selected(answer, "cell, entity, answer, bucket, requests, logged", 0)))
        self._keep(windows, counts)
        self._taken = Taken.of(answer, counts, self._wanted)
        self._wanted = self._taken.next
        self._entities = told(tuples(selected(answer, "entity, id, hash", 2))) if with_history else self._entities or {}
        if columns.by_version and self._served is None and not self._told_elsewhere:
            self._entities = {**self._entities, **named({c.entity_id for c in counts})}

    def _keep(self, windows: Sequence[Window], counts: Sequence[HealthCount]) -> None:
        self._counted = {window: [c for c in counts if c.window == window] for window in windows}

    def _ask(self, windows: Sequence[Window], cells: queries.Cells, columns: Columns) -> tuple[Any, bool]:
        """Leave the history of entities out where it spoils the statement: health does not wait for a grant."""
        served = self._served if self._without_history <= 0 else None
        self._without_history -= 1

        def ask(history_in: str | None) -> Any:
            question = look(columns, windows, cells, self._wanted, self._endpoint, history_in)
            return self._table.query(question)

        if served is None:
            return ask(None), False
        try:
            answer = ask(served.name)
        except PlatformError as error:
            if not (error.missing or isinstance(error, QuestionError)):
                raise
            answer = ask(None)
            self._without_history = WITHOUT_HISTORY
            words = f"{served.uri} cannot be read, and the daemon's own record has to do: {error}"
            self._history_lost = PlatformError(words, permanent=error.permanent, missing=error.missing)
            return answer, False
        self._history_lost = None
        return answer, True
