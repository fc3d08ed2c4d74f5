"""The questions put to an inference table, as SQL. Pure: columns, windows and parts in, a question out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon.adapters.tables.columns import Columns
from daemon.adapters.tables.dialect import Dialect, Question, Values
from daemon.domain.sample import Part
from daemon.domain.window import EPOCH, Window
from detectors.latency import BUCKETS

MICROSECOND = timedelta(microseconds=1)
MOST_ROWS = 50_000
MOST_BYTES = 256 * 2**20
"""What one sample may hold: a body may have a megabyte, and the daemon has not the memory for all of them."""
REFUSED, FAILED, ANSWERED = 4, 5, 2


@dataclass(frozen=True, slots=True)
class Cells:
    """The coarsest grid on which all windows begin and end: one pass over the table counts by cell."""

    start: datetime
    length: timedelta

    @classmethod
    def of(cls, windows: Sequence[Window]) -> "Cells":
        start = min(window.start for window in windows)
        edges = [(edge - start) // MICROSECOND for w in windows for edge in (w.start, w.end)]
        return cls(start, timedelta(microseconds=math.gcd(*edges)))

    def of_micros(self, columns: Columns, micros: str) -> str:
        """Return the SQL for the cell of a moment, given in microseconds since the epoch."""
        origin, length = (self.start - EPOCH) // MICROSECOND, self.length // MICROSECOND
        return columns.dialect.whole(f"({micros} - {origin})", length)

    def within(self, window: Window) -> range:
        return range((window.start - self.start) // self.length, (window.end - self.start) // self.length)


def health(columns: Columns, windows: Sequence[Window], cells: Cells) -> Question:
    """Count requests, and the rows that they were logged in, by cell, entity, status class and latency bucket.

    A request that was logged twice has one id, and is grouped away before it is counted. -1 is no bucket.
    """
    return columns.dialect.values().asked(counts(columns, windows, cells))


def counts(columns: Columns, windows: Sequence[Window], cells: Cells) -> str:
    span = columns.between(min(w.start for w in windows), max(w.end for w in windows))
    answer = f"CASE WHEN status >= 500 THEN {FAILED} WHEN status >= 400 THEN {REFUSED} ELSE {ANSWERED} END"
    octaves = f"least(1 + {columns.dialect.octaves('ms')}, {BUCKETS - 1})"
    bucket = f"CASE WHEN status >= 400 OR ms IS NULL THEN -1 WHEN ms < 1 THEN 0 ELSE {octaves} END"
    return f"""
        SELECT cell, entity, {answer} AS answer, CAST({bucket} AS BIGINT) AS bucket, count(*) AS requests,
            CAST(sum(logged) AS BIGINT) AS logged
        FROM (SELECT {cells.of_micros(columns, f"min({columns.micros})")} AS cell, min({columns.entity}) AS entity,
                min({columns.status}) AS status, min({columns.latency}) AS ms, count(*) AS logged
            FROM {columns.table} WHERE {span} AND {columns.id} IS NOT NULL GROUP BY {columns.id})
        GROUP BY 1, 2, 3, 4"""


def sample(columns: Columns, parts: Sequence[Part], *, salt: str) -> Question:
    """Choose the rows whose hash lies below the bound of their part, each request id once.

    In the order of the hash, so that a sample that grows too large ends as a smaller sample of the same kind.
    """
    values = columns.dialect.values()
    span = columns.between(min(p.window.start for p in parts), max(p.window.end for p in parts))
    part = " ".join(f"WHEN {_belongs(columns, one, values)} THEN {place}" for place, one in enumerate(parts))
    return values.asked(f"""
        SELECT part, id, status_code, request, response, oversized FROM (
            SELECT *, {bytes_until(columns.dialect)} AS bytes
            FROM (SELECT *, row_number() OVER (PARTITION BY hash, id ORDER BY time) AS copy FROM (
                SELECT CASE {part} END AS part, {columns.id} AS id, {columns.status} AS status_code,
                    {columns.request} AS request, {columns.response} AS response, {columns.oversized} AS oversized,
                    {columns.time} AS time, hash
                FROM (SELECT *, {hashed(columns, salt, values)} AS hash FROM {columns.table} WHERE {span})
            ) WHERE part IS NOT NULL)
            WHERE copy = 1 ORDER BY hash, id LIMIT {MOST_ROWS}
        ) WHERE bytes <= {MOST_BYTES} ORDER BY hash, id""")


def hashed(columns: Columns, salt: str, values: Values) -> str:
    """Return the hash by which a request is chosen or not: the same in every engine."""
    return f"md5(concat({values.text(salt)}, {columns.id}))"


def bytes_until(dialect: Dialect) -> str:
    """Sum up the bodies in the order of the hash, up to this row."""
    bodies = f"coalesce({dialect.bytes('request')}, 0) + coalesce({dialect.bytes('response')}, 0)"
    return f"sum({bodies}) OVER (ORDER BY hash, id ROWS UNBOUNDED PRECEDING)"


def bound(rate: float) -> str:
    """Return the text below which a hash belongs to a sample of this rate, where that is below 1."""
    return f"{int(max(rate, 0.0) * 16**8):08x}"


def _belongs(columns: Columns, part: Part, values: Values) -> str:
    within = columns.between(part.window.start, part.window.end)
    conditions = [within, f"{columns.entity} = {values.text(part.entity_id)}"]
    if part.rate < 1:
        conditions.append(f"hash < '{bound(part.rate)}'")
    return " AND ".join(conditions)


def newest(columns: Columns, since: datetime) -> Question:
    return Question(f"SELECT max({columns.micros}) AS newest FROM {columns.table} WHERE {columns.between(since)}")


def versions_named(columns: Columns) -> Question:
    return Question(f"SELECT DISTINCT {columns.entity} AS entity FROM {columns.table}")


def served_entities(endpoint: str, *, table: str, dialect: Dialect) -> Question:
    """Return the newest word on each entity of an endpoint, out of their history."""
    values = dialect.values()
    return values.asked(history(endpoint, table=table, dialect=dialect, values=values))


def history(endpoint: str, *, table: str, dialect: Dialect, values: Values) -> str:
    return f"""
        SELECT served_entity_id, entity_name, CAST(entity_version AS {dialect.string}) AS entity_version FROM (
            SELECT *, row_number() OVER (PARTITION BY served_entity_id ORDER BY change_time DESC) AS place
            FROM {table} WHERE endpoint_name = {values.text(endpoint)}
        ) WHERE place = 1"""
