"""Real Delta tables in the schemas of the known kinds of inference table, written by delta-rs."""

from collections.abc import Sequence
from pathlib import Path

import duckdb
from arro3.core import Array, DataType, Table
from deltalake import write_deltalake

from tests.fakes import LabelRow, LoggedRequest

GATEWAY = """
    id AS databricks_request_id, CAST(make_timestamp(us) AS DATE) AS request_date, NULL::VARCHAR AS client_request_id,
    make_timestamptz(us) AS request_time, status AS status_code, 1.0::DOUBLE AS sampling_fraction,
    ms AS execution_duration_ms,
    request, response,
    CASE WHEN request IS NULL THEN ['MAX_REQUEST_SIZE_EXCEEDED'] ELSE []::VARCHAR[] END AS logging_error_codes,
    entity AS served_entity_id, 'someone' AS requester"""
LEGACY = """
    id AS databricks_request_id, NULL::VARCHAR AS client_request_id, CAST(make_timestamp(us) AS DATE) AS date,
    us // 1000 AS timestamp_ms, status AS status_code, 1.0::DOUBLE AS sampling_fraction, ms AS execution_time_ms,
    request, response,
    MAP {'model_name': split_part(entity, '/', 1), 'model_version': split_part(entity, '/', 2)} AS request_metadata"""
SERVICES = """
    id AS invocation_id, make_timestamptz(us) AS event_time, status AS status_code, ms AS latency_ms,
    request, response"""


def write(path: Path, rows: Sequence[LoggedRequest], columns: str = GATEWAY) -> None:
    """Append rows to the table, one more file for each day; make the table where there is none."""
    given = Table.from_pydict(
        {
            "id": Array([row.id for row in rows], DataType.string()),
            "us": Array([round(row.at.timestamp() * 1_000_000) for row in rows], DataType.int64()),
            "entity": Array([row.entity for row in rows], DataType.string()),
            "status": Array([row.status for row in rows], DataType.int32()),
            "ms": Array([row.ms for row in rows], DataType.int64()),
            "request": Array([row.request for row in rows], DataType.string()),
            "response": Array([row.response for row in rows], DataType.string()),
        }
    )
    with duckdb.connect() as duck:
        duck.register("given", given)
        day = next((name for name in ("request_date", "date") if f"AS {name}" in columns), None)
        partition = [day] if day else None
        write_deltalake(str(path), duck.sql(f"SELECT {columns} FROM given"), mode="append", partition_by=partition)


def write_served_entities(path: Path, rows: Sequence[tuple[str, str, str, str, str]]) -> None:
    """Append (served_entity_id, endpoint_name, entity_name, entity_version, change_time) to the history."""
    with duckdb.connect() as duck:
        values = ", ".join("(" + ", ".join(f"'{value}'" for value in row) + ")" for row in rows)
        names = "served_entity_id, endpoint_name, entity_name, entity_version, change_time"
        query = f"SELECT * REPLACE (change_time::TIMESTAMPTZ AS change_time) FROM (VALUES {values}) v({names})"
        write_deltalake(str(path), duck.sql(query), mode="append")


def write_labels(path: Path, rows: Sequence[LabelRow], *, numbers: bool = False) -> None:
    """Append labels, with a number `amount` for each where there is a KPI, and its double."""
    labels = [None if row.label is None else str(row.label) for row in rows]
    given = Table.from_pydict(
        {
            "databricks_request_id": Array([row.id for row in rows], DataType.string()),
            "label": Array(labels, DataType.string()),
            "us": Array(
                [None if row.at is None else round(row.at.timestamp() * 1e6) for row in rows], DataType.int64()
            ),
            "amount": Array([row.kpis[0] if row.kpis else None for row in rows], DataType.float64()),
        }
    )
    with duckdb.connect() as duck:
        duck.register("given", given)
        label = "label::DOUBLE AS label" if numbers else "label"
        columns = f"databricks_request_id, {label}, make_timestamptz(us) AS labelled_at, amount"
        write_deltalake(str(path), duck.sql(f"SELECT {columns} FROM given"), mode="append")
