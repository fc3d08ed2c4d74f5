"""Which column is which: names of an inference table in, SQL expressions out. Kinds differ, so they are detected."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon.domain.serving import OURS
from daemon.domain.window import EPOCH
from daemon.ports import PlatformError

ALIASES = {
    "id": ("databricks_request_id", "invocation_id"),
    "time": ("request_time", "timestamp_ms", "event_time"),
    "day": ("request_date", "date"),
    "latency": ("execution_duration_ms", "execution_time_ms", "latency_ms"),
    "status": ("status_code",),
    "request": ("request",),
    "response": ("response",),
    "entity": ("served_entity_id",),
    "metadata": ("request_metadata",),
    "codes": ("logging_error_codes",),
    "client": ("client_request_id",),
}
ESSENTIAL = ("id", "time", "status", "request", "response")


@dataclass(frozen=True, slots=True)
class Columns:
    """SQL for what the daemon asks for, over the columns that are there."""

    id: str
    time: str
    in_milliseconds: bool
    """Legacy tables keep the time as a number."""
    day: str | None
    latency: str
    status: str
    request: str
    response: str
    entity: str
    oversized: str
    theirs: str
    """The condition that a row is a caller's, and no request by which the daemon tried a version; empty: not told."""
    by_version: bool
    """The entity is `model/version` itself: legacy tables name it in each row."""

    @property
    def micros(self) -> str:
        """The time as microseconds since the epoch."""
        return f"({self.time} * 1000)" if self.in_milliseconds else f"CAST({self.time} AS BIGINT)"

    def between(self, start: datetime, end: datetime | None = None) -> str:
        """Return the condition that a caller's row lies in `start <= time < end`, by day first: so it is clustered."""
        conditions = [f"{self.time} >= {self._literal(start)}"]
        if self.day:
            conditions.insert(0, f"{self.day} >= '{start.date()}'")
        if end is not None:
            conditions.append(f"{self.time} < {self._literal(end)}")
            if self.day:
                conditions.insert(1, f"{self.day} <= '{end.date()}'")
        if self.theirs:
            conditions.append(self.theirs)
        return " AND ".join(conditions)

    def _literal(self, moment: datetime) -> str:
        if self.in_milliseconds:
            # the first whole millisecond that is not before the moment
            return str(-((EPOCH - moment) // timedelta(milliseconds=1)))
        return f"'{moment:%Y-%m-%dT%H:%M:%S.%f}Z'"


def detect(fields: Mapping[str, str], table: str) -> Columns:
    """Find the columns. Raise PlatformError, naming what is missing, where the table is no inference table."""
    found = {what: next((n for n in names if n in fields), None) for what, names in ALIASES.items()}
    lacking = [" or ".join(ALIASES[what]) for what in ESSENTIAL if found[what] is None]
    if lacking:
        raise PlatformError(
            f"{table} is no inference table: it has no column {', no column '.join(lacking)}", permanent=True
        )
    column = {what: f'"{name}"' for what, name in found.items() if name}
    metadata = column.get("metadata")
    version = f"{metadata}['model_name'] || '/' || {metadata}['model_version']" if metadata else "''"
    codes = f"array_length({column['codes']}) > 0" if "codes" in column else "false"
    return Columns(
        id=column["id"],
        time=column["time"],
        in_milliseconds=fields[found["time"] or ""] == "long",
        day=column.get("day"),
        latency=column.get("latency", "CAST(NULL AS BIGINT)"),
        status=column["status"],
        request=column["request"],
        response=column["response"],
        entity=f"coalesce({column.get('entity', version)}, '')",
        oversized=f"(coalesce({codes}, false) OR {column['request']} IS NULL)",
        theirs=f"coalesce({column['client']}, '') <> '{OURS}'" if "client" in column else "",
        by_version="entity" not in column and metadata is not None,
    )
