"""How an engine writes SQL: the few things in which DataFusion, Databricks SQL and DuckDB differ."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Question:
    """One SELECT, and the text that belongs at its `:markers`."""

    sql: str
    parameters: Mapping[str, str] = field(default_factory=dict)


class Values(Protocol):
    """Text that comes from outside, on its way into one question."""

    def text(self, value: str) -> str:
        """Return what stands for the value in SQL."""

    def among(self, expression: str, values: Sequence[str]) -> str:
        """Return the condition that an expression is one of the values."""

    def asked(self, sql: str) -> Question: ...


class Dialect(Protocol):
    string: str
    """The type of text."""

    def values(self) -> Values: ...

    def identifier(self, name: str) -> str: ...

    def micros(self, time: str) -> str:
        """Return a timestamp as microseconds since the epoch."""

    def moment(self, moment: datetime) -> str:
        """Return the literal of a timestamp."""

    def day(self, day: date) -> str: ...

    def whole(self, dividend: str, divisor: int | str) -> str:
        """Divide integers, neither negative, and leave out the rest."""

    def entry(self, entries: str, key: str) -> str:
        """Return the value of a map, null where it has no such key."""

    def size(self, array: str) -> str: ...

    def bytes(self, text: str) -> str: ...

    def octaves(self, number: str) -> str:
        """Return the binary logarithm of a number times eight, as a whole number not larger."""


class DataFusion:
    """The engine inside delta-rs. It takes no parameters."""

    string = "VARCHAR"

    def values(self) -> Values:
        return Literals()

    def identifier(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"'

    def micros(self, time: str) -> str:
        return f"CAST({time} AS BIGINT)"

    def moment(self, moment: datetime) -> str:
        return f"'{moment:%Y-%m-%dT%H:%M:%S.%f}Z'"

    def day(self, day: date) -> str:
        return f"'{day}'"

    def whole(self, dividend: str, divisor: int | str) -> str:
        return f"{dividend} / {divisor}"

    def entry(self, entries: str, key: str) -> str:
        return f"{entries}['{key}']"

    def size(self, array: str) -> str:
        return f"array_length({array})"

    def bytes(self, text: str) -> str:
        return f"octet_length({text})"

    def octaves(self, number: str) -> str:
        return f"floor(8 * log2(CAST({number} AS DOUBLE)))"


class DuckDb(DataFusion):
    """For rows that have been fetched already."""

    def bytes(self, text: str) -> str:
        return f"strlen({text})"


class DatabricksSql:
    """A warehouse, and Spark SQL."""

    string = "STRING"

    def values(self) -> Values:
        return Named()

    def identifier(self, name: str) -> str:
        return "`" + name.replace("`", "``") + "`"

    def micros(self, time: str) -> str:
        return f"unix_micros({time})"

    def moment(self, moment: datetime) -> str:
        return f"TIMESTAMP'{moment:%Y-%m-%d %H:%M:%S.%f}Z'"

    def day(self, day: date) -> str:
        return f"DATE'{day}'"

    def whole(self, dividend: str, divisor: int | str) -> str:
        return f"{dividend} div {divisor}"

    def entry(self, entries: str, key: str) -> str:
        return f"try_element_at({entries}, '{key}')"

    def size(self, array: str) -> str:
        return f"size({array})"

    def bytes(self, text: str) -> str:
        return f"octet_length({text})"

    def octaves(self, number: str) -> str:
        # it divides two logarithms: a power of two may come out a little below the whole number that it is
        return f"floor(8 * log2(CAST({number} AS DOUBLE)) + 1e-12D)"


class Literals:
    """Values written into the SQL itself."""

    def text(self, value: str) -> str:
        return "'" + value.replace("'", "''") + "'"

    def among(self, expression: str, values: Sequence[str]) -> str:
        return f"{expression} IN ({', '.join(map(self.text, values))})"

    def asked(self, sql: str) -> Question:
        return Question(sql)


class Named:
    """Values sent beside the SQL, as named parameters. A list travels as one, in JSON: their number is bounded."""

    def __init__(self) -> None:
        self._given: dict[str, str] = {}

    def text(self, value: str) -> str:
        marker = next((m for m, known in self._given.items() if known == value), f"p{len(self._given)}")
        self._given[marker] = value
        return f":{marker}"

    def among(self, expression: str, values: Sequence[str]) -> str:
        listed = self.text(json.dumps(list(values), ensure_ascii=False))
        return f"{expression} IN (SELECT explode(from_json({listed}, 'ARRAY<STRING>')))"

    def asked(self, sql: str) -> Question:
        return Question(sql, dict(self._given))


DATAFUSION, DATABRICKS, DUCKDB = DataFusion(), DatabricksSql(), DuckDb()
