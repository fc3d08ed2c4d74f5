"""Which column is which: names of an inference table in, SQL expressions out. Kinds differ, so they are detected."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from daemon.adapters.tables.dialect import Dialect
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

    table: str
    """What SQL calls the table."""
    dialect: Dialect
    id: str
    time: str
    unit: Literal["timestamp", "milliseconds", "microseconds"]
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
        if self.unit == "timestamp":
            return self.dialect.micros(self.time)
        return self.time if self.unit == "microseconds" else f"({self.time} * 1000)"

    def between(self, start: datetime, end: datetime | None = None) -> str:
        """Return the condition that a caller's row lies in `start <= time < end`, by day first: so it is clustered."""
        conditions = [f"{self.time} >= {self._literal(start)}"]
        if self.day:
            conditions.insert(0, f"{self.day} >= {self.dialect.day(start.date())}")
        if end is not None:
            conditions.append(f"{self.time} < {self._literal(end)}")
            if self.day:
                conditions.insert(1, f"{self.day} <= {self.dialect.day(end.date())}")
        if self.theirs:
            conditions.append(self.theirs)
        return " AND ".join(conditions)

    def _literal(self, moment: datetime) -> str:
        if self.unit == "timestamp":
            return self.dialect.moment(moment)
        # the first whole unit that is not before the moment
        return str(-((EPOCH - moment) // timedelta(**{self.unit: 1})))


def detect(fields: Mapping[str, str], uri: str, *, table: str, dialect: Dialect) -> Columns:
    """Find the columns. Raise PlatformError, naming what is missing, where the table is no inference table."""
    found = {what: next((n for n in names if n in fields), None) for what, names in ALIASES.items()}
    lacking = [" or ".join(ALIASES[what]) for what in ESSENTIAL if found[what] is None]
    if lacking:
        raise PlatformError(
            f"{uri} is no inference table: it has no column {', no column '.join(lacking)}", permanent=True
        )
    column = {what: dialect.identifier(name) for what, name in found.items() if name}
    codes = f"{dialect.size(column['codes'])} > 0" if "codes" in column else "false"
    return Columns(
        table=table,
        dialect=dialect,
        id=column["id"],
        time=column["time"],
        unit="milliseconds" if fields[found["time"] or ""] == "long" else "timestamp",
        day=column.get("day"),
        latency=column.get("latency", "CAST(NULL AS BIGINT)"),
        status=column["status"],
        request=column["request"],
        response=column["response"],
        entity=f"coalesce({column.get('entity') or _version(column.get('metadata'), dialect)}, '')",
        oversized=f"(coalesce({codes}, false) OR {column['request']} IS NULL)",
        theirs=f"coalesce({column['client']}, '') <> '{OURS}'" if "client" in column else "",
        by_version="entity" not in column and "metadata" in column,
    )


def _version(metadata: str | None, dialect: Dialect) -> str:
    if metadata is None:
        return "''"
    return f"{dialect.entry(metadata, 'model_name')} || '/' || {dialect.entry(metadata, 'model_version')}"
