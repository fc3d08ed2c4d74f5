"""Rows that came along with the counts: kept until the look asks for them, and chosen by the same question."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from daemon.adapters.tables import queries
from daemon.adapters.tables.at_once import Wanted
from daemon.adapters.tables.columns import Columns
from daemon.adapters.tables.dialect import DUCKDB
from daemon.adapters.tables.duck import asked
from daemon.domain.sample import HealthCount, Part, Sample
from daemon.domain.window import Window

BEYOND = "g"
"""Behind every hash."""
COLUMNS = Columns(
    table="taken",
    dialect=DUCKDB,
    id="id",
    time="us",
    unit="microseconds",
    day=None,
    latency="NULL",
    status="status_code",
    request="request",
    response="response",
    entity="entity",
    oversized="oversized",
    theirs="",
    by_version=False,
)


@dataclass(frozen=True, slots=True)
class Taken:
    """The rows of some windows, by the bound of the hash that was asked for each entity."""

    rows: Any
    rates: Mapping[tuple[Window, str], float]
    """The share that was taken of each window and entity."""
    until: str
    """Rows whose hash lies here or beyond were left out, as there were too many."""
    next: Wanted
    """What the next look will want, with what came now."""

    @classmethod
    def of(cls, answer: Any, counts: Sequence[HealthCount], wanted: Wanted) -> "Taken":
        """Tell which rows came, by the letter of the question (`at_once.look`)."""
        rows = selected(answer, "us, entity, id, status_code, request, response, oversized, hash, requests", 1)
        new = [c for c in counts if not wanted.has(c)]
        fresh = set(sorted({c.window for c in new})[: wanted.cells])
        rates = {(c.window, c.entity_id): min(1.0, wanted.rows / c.requests) for c in counts if c.window in fresh}
        chosen = max(rows.column("requests").to_pylist(), default=0)
        until = max(rows.column("hash").to_pylist()) if rows.num_rows < chosen else BEYOND
        known = [c for c in counts if c.window in fresh or wanted.has(c)]
        return cls(rows, rates, until, replace(wanted, counted=frozenset()).having(known))

    def covers(self, parts: Sequence[Part]) -> bool:
        """Tell whether all rows that the parts ask for are among those that came."""
        return all(self._covers(part) for part in parts)

    def without(self, parts: Sequence[Part]) -> "Taken | None":
        """Return what is left to be asked for; None where that is nothing."""
        gone = {(part.window, part.entity_id) for part in parts}
        left = {key: rate for key, rate in self.rates.items() if key not in gone}
        return replace(self, rates=left) if left else None

    def _covers(self, part: Part) -> bool:
        rate = self.rates.get((part.window, part.entity_id))
        if rate is None or part.rate > rate:
            return False
        return self.until == BEYOND or (part.rate < 1 and queries.bound(part.rate) <= self.until)

    def sample(self, parts: Sequence[Part], *, salt: str) -> Sample:
        """Choose as the table's own engine would."""
        rows = asked(self.rows, "taken", queries.sample(COLUMNS, parts, salt=salt).sql)
        return Sample(tuple(parts), rows, int(rows.num_rows))


def selected(answer: Any, columns: str, place: int) -> Any:
    """Return what stands at a place of the answer (`at_once.look`), as an Arrow table."""
    return asked(answer, "answer", f"SELECT {columns} FROM answer WHERE place = {place}")
