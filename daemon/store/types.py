"""Column types that SQLite and PostgreSQL keep alike: moments and JSON documents."""

from collections.abc import Mapping, Set
from datetime import UTC, datetime, timedelta
from math import isfinite
from typing import Any

import numpy as np
from sqlalchemy import JSON, BigInteger, Dialect
from sqlalchemy.types import TypeDecorator

from daemon.domain.window import EPOCH

MICROSECOND = timedelta(microseconds=1)


class UtcTime(TypeDecorator[datetime]):
    """A moment as microseconds since the epoch: SQLite would otherwise forget the zone."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a moment needs a zone: {value}")
        return (value.astimezone(UTC) - EPOCH) // MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        return None if value is None else EPOCH + value * MICROSECOND


class Document(TypeDecorator[Any]):
    """JSON of anything that findings, plans and answers are made of."""

    impl = JSON(none_as_null=True)
    cache_ok = True

    def process_bind_param(self, value: object, dialect: Dialect) -> Any:
        return plain(value)


def plain(value: object) -> Any:
    """Return the value in JSON's own kinds. Non-finite numbers become words: PostgreSQL refuses them as numbers."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if isfinite(value) else str(float(value))
        case np.generic():
            return plain(value.item())
        case datetime():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case Mapping():
            return {str(key): plain(part) for key, part in value.items()}
        case list() | tuple():
            return [plain(part) for part in value]
        case Set():
            return sorted(plain(part) for part in value)
    raise TypeError(f"{type(value).__name__} has no place in a JSON document")
