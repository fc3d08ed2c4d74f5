"""The questions put to an inference table, as SQL. Pure: columns, windows and parts in, text out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon.adapters.delta.columns import Columns
from daemon.adapters.delta.table import NAME
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

    def within(self, window: Window) -> range:
        return range((window.start - self.start) // self.length, (window.end - self.start) // self.length)


def health(columns: Columns, windows: Sequence[Window], cells: Cells) -> str:
    """Count requests, and the rows that they were logged in, by cell, entity, status class and latency bucket.

    A request that was logged twice has one id, and is grouped away before it is counted. -1 is no bucket.
    """
    span = columns.between(min(w.start for w in windows), max(w.end for w in windows))
    origin, length = (cells.start - EPOCH) // MICROSECOND, cells.length // MICROSECOND
    answer = f"CASE WHEN status >= 500 THEN {FAILED} WHEN status >= 400 THEN {REFUSED} ELSE {ANSWERED} END"
    octaves = f"least(1 + floor(8 * log2(CAST(ms AS DOUBLE))), {BUCKETS - 1})"
    bucket = f"CASE WHEN status >= 400 OR ms IS NULL THEN -1 WHEN ms < 1 THEN 0 ELSE {octaves} END"
    return f"""
        SELECT cell, entity, {answer} AS answer, CAST({bucket} AS BIGINT) AS bucket, count(*) AS requests,
            CAST(sum(logged) AS BIGINT) AS logged
        FROM (SELECT (min({columns.micros}) - {origin}) / {length} AS cell, min({columns.entity}) AS entity,
                min({columns.status}) AS status, min({columns.latency}) AS ms, count(*) AS logged
            FROM {NAME} WHERE {span} AND {columns.id} IS NOT NULL GROUP BY {columns.id})
        GROUP BY 1, 2, 3, 4"""


def sample(columns: Columns, parts: Sequence[Part], *, salt: str) -> str:
    """Choose the rows whose hash lies below the bound of their part, each request id once.

    In the order of the hash, so that a sample that grows too large ends as a smaller sample of the same kind.
    """
    span = columns.between(min(p.window.start for p in parts), max(p.window.end for p in parts))
    part = " ".join(f"WHEN {_belongs(columns, one)} THEN {place}" for place, one in enumerate(parts))
    return f"""
        SELECT part, id, status_code, request, response, oversized FROM (
            SELECT *, sum(coalesce(octet_length(request), 0) + coalesce(octet_length(response), 0))
                OVER (ORDER BY hash, id ROWS UNBOUNDED PRECEDING) AS bytes
            FROM (SELECT *, row_number() OVER (PARTITION BY hash, id ORDER BY time) AS copy FROM (
                SELECT CASE {part} END AS part, {columns.id} AS id, {columns.status} AS status_code,
                    {columns.request} AS request, {columns.response} AS response, {columns.oversized} AS oversized,
                    {columns.time} AS time, hash
                FROM (SELECT *, md5(concat({quoted(salt)}, {columns.id})) AS hash FROM {NAME} WHERE {span})
            ) WHERE part IS NOT NULL)
            WHERE copy = 1 ORDER BY hash, id LIMIT {MOST_ROWS}
        ) WHERE bytes <= {MOST_BYTES} ORDER BY hash, id"""


def _belongs(columns: Columns, part: Part) -> str:
    conditions = [columns.between(part.window.start, part.window.end), f"{columns.entity} = {quoted(part.entity_id)}"]
    if part.rate < 1:
        conditions.append(f"hash < '{int(max(part.rate, 0.0) * 16**8):08x}'")
    return " AND ".join(conditions)


def newest(columns: Columns, since: datetime) -> str:
    return f"SELECT max({columns.micros}) AS newest FROM {NAME} WHERE {columns.between(since)}"


def versions_named(columns: Columns) -> str:
    return f"SELECT DISTINCT {columns.entity} AS entity FROM {NAME}"


def served_entities(endpoint: str) -> str:
    """Return the newest word on each entity of an endpoint, out of their history."""
    return f"""
        SELECT served_entity_id, entity_name, CAST(entity_version AS VARCHAR) AS entity_version FROM (
            SELECT *, row_number() OVER (PARTITION BY served_entity_id ORDER BY change_time DESC) AS place
            FROM {NAME} WHERE endpoint_name = {quoted(endpoint)}
        ) WHERE place = 1"""


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
