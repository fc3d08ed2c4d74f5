"""All that a look asks of an inference table, in one question: for an engine that costs by the statement. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from daemon.adapters.tables import queries
from daemon.adapters.tables.columns import Columns
from daemon.adapters.tables.dialect import Question
from daemon.domain.sample import HealthCount
from daemon.domain.window import Window


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows a look will ask for, by what is known before it."""

    salt: str
    rows: int
    """Requests of a window and served version."""
    cells: int
    """Windows that one look works through."""
    counted: frozenset[tuple[datetime, str, int]] = frozenset()
    """Start, entity and requests of the cells whose rows were taken along before."""

    def has(self, count: HealthCount) -> bool:
        return _key(count) in self.counted

    def having(self, counts: Iterable[HealthCount]) -> "Wanted":
        """Return what is wanted after the rows of these have come."""
        return replace(self, counted=self.counted | {_key(count) for count in counts})

    def known(self, cells: queries.Cells) -> list[str]:
        ours = (
            ((start - cells.start) // cells.length, requests, entity)
            for start, entity, requests in self.counted
            if start >= cells.start and (start - cells.start) % cells.length == timedelta()
        )
        return [f"{cell}/{requests}/{entity}" for cell, requests, entity in sorted(ours)]


def look(
    columns: Columns,
    windows: Sequence[Window],
    cells: queries.Cells,
    wanted: Wanted,
    history_of: str,
    history_in: str | None,
) -> Question:
    """Count as `health` does, take along the rows that a look will ask for next, and tell the entities: one statement.

    Rows come of the oldest cells in which a count is not one of those known, each by the bound of the hash that gives
    `rows` of its entity's requests: no fewer than any part of it asks for. By their `place` they are told apart: 0 are
    counts; 1 are rows, with the number that there would be of them as `requests`; 2 are entities.
    """
    dialect, values = columns.dialect, columns.dialect.values()
    span = columns.between(min(w.start for w in windows), max(w.end for w in windows))
    known = values.among("concat(cell, '/', requests, '/', entity)", wanted.known(cells))
    limit = f"lower(lpad(hex({dialect.whole(f'({wanted.rows} * {16**8})', 'requests')} + 1), 8, '0'))"
    entities = ""
    if history_in is not None:
        told = queries.history(history_of, table=history_in, dialect=dialect, values=values)
        entities = f"""
        UNION ALL SELECT 2, NULL, served_entity_id, NULL, NULL, NULL, NULL,
            entity_name, NULL, NULL, NULL, NULL, NULL, entity_version FROM ({told})"""
    return values.asked(f"""
        WITH counts AS ({queries.counts(columns, windows, cells)}),
        totals AS (SELECT cell, entity, CAST(sum(requests) AS BIGINT) AS requests FROM counts GROUP BY cell, entity),
        fresh AS (SELECT cell FROM totals WHERE NOT {known} GROUP BY cell ORDER BY cell LIMIT {wanted.cells}),
        bounds AS (SELECT cell, entity, requests, {limit} AS below FROM totals WHERE cell IN (SELECT cell FROM fresh)),
        logged AS (SELECT {cells.of_micros(columns, columns.micros)} AS cell, {columns.entity} AS entity,
                {columns.micros} AS us, {columns.id} AS id, {columns.status} AS status_code,
                {columns.request} AS request, {columns.response} AS response, {columns.oversized} AS oversized,
                {queries.hashed(columns, wanted.salt, values)} AS hash
            FROM {columns.table} WHERE {span} AND {columns.id} IS NOT NULL),
        chosen AS (SELECT logged.* FROM logged JOIN bounds
            ON logged.cell = bounds.cell AND logged.entity = bounds.entity
            WHERE bounds.requests <= {wanted.rows} OR logged.hash < bounds.below),
        taken AS (SELECT *, {queries.bytes_until(dialect)} AS bytes, row_number() OVER (ORDER BY hash, id) AS nth,
                count(*) OVER () AS chosen
            FROM chosen)
        SELECT 0 AS place, cell, entity, answer, bucket, requests, logged,
            CAST(NULL AS {dialect.string}) AS id, CAST(NULL AS BIGINT) AS us, CAST(NULL AS INT) AS status_code,
            CAST(NULL AS {dialect.string}) AS request, CAST(NULL AS {dialect.string}) AS response,
            CAST(NULL AS BOOLEAN) AS oversized, CAST(NULL AS {dialect.string}) AS hash FROM counts
        UNION ALL SELECT 1, cell, entity, NULL, NULL, chosen, NULL,
            id, us, status_code, request, response, oversized, hash
            FROM taken WHERE bytes <= {queries.MOST_BYTES} AND nth <= {queries.MOST_ROWS}{entities}""")


def _key(count: HealthCount) -> tuple[datetime, str, int]:
    return count.window.start, count.entity_id, count.requests
