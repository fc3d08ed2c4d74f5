"""Documents of one shape, a column of them at a time.

DuckDB's strict reading takes a document only where its keys are exactly those of the shape and every value fits its
type. What it gives back needs no second look, and what it refuses is left for `exact`.
"""

import json
from dataclasses import dataclass

import numpy as np
from duckdb import DuckDBPyConnection

from daemon.domain.sample import CategoricalColumn, NumericColumn
from daemon.domain.schema import Column, Kind, Role, Signature
from daemon.watch.columns import TypedColumn, fetch
from daemon.watch.decode.faults import Tally
from daemon.watch.decode.piece import Piece
from daemon.watch.decode.shape import SPLIT, Layout, Shape

TYPES = {Kind.NUMERIC: "DOUBLE", Kind.CATEGORICAL: "VARCHAR"}
ANYTHING = "VARCHAR"


@dataclass(frozen=True, slots=True)
class Plan:
    """The shapes that are expected together."""

    request: Shape
    response: Shape | None


def decode_swiftly(duck: DuckDBPyConnection, plan: Plan, signature: Signature, tally: Tally) -> Piece:
    """Decode what the plan fits, out of the view `waiting`; enter it into the table `done`."""
    inputs = Reading(plan.request, signature.inputs, alias="q")
    outputs = Reading(plan.response, signature.outputs, alias="p") if plan.response else None
    duck.execute(f"CREATE OR REPLACE TEMP TABLE flat AS {_flatten(inputs, outputs)}")
    names = [*inputs.names, *(outputs.names if outputs else [])]
    kinds = {name: column.kind for name, column in zip(names, signature.columns, strict=False)}
    _reject(duck, [name for name, kind in kinds.items() if kind is Kind.CATEGORICAL])
    fetched = fetch(duck, "flat", kinds, plain=("doc", "part", "answered"))
    duck.execute("INSERT INTO done SELECT DISTINCT doc FROM flat")
    doc, part = fetched.plain["doc"], fetched.plain["part"].astype(np.int32)
    answered = fetched.plain["answered"].astype(np.bool_)
    for index in part[np.flatnonzero(np.diff(doc, prepend=-1))]:
        tally.decoded[index] += 1
    tally.records(part, missing=inputs.required_but_missing, extra=inputs.extra)
    if outputs:
        tally.records(part[answered], missing=outputs.required_but_missing, extra=outputs.extra)
    columns: dict[str, TypedColumn] = {}
    for position, column in enumerate(signature.columns):
        if column.name not in columns:
            read = fetched.typed[names[position]] if position < len(names) else _nothing(column, len(part))
            columns[column.name] = _among(read, answered) if column.role is Role.PREDICTION else read
    return Piece(part, columns)


def _flatten(inputs: "Reading", outputs: "Reading | None") -> str:
    answers = "false"
    if outputs:
        answers = f"{outputs.whole} AND {outputs.count} = {inputs.count}"
    unnested = [*inputs.unnested, *(outputs.unnested if outputs else [])]
    values = [*inputs.values, *(outputs.values if outputs else [])]
    sound = [*inputs.sound, *(f"(NOT answered OR {check})" for check in (outputs.sound if outputs else []))]
    response = f"TRY(from_json_strict(response, {_quoted(outputs.structure)}))" if outputs else "NULL"
    # materialized: DuckDB would otherwise read the document once for every condition on it
    return f"""
        WITH read AS MATERIALIZED (
            SELECT doc, part, answered, TRY(from_json_strict(request, {_quoted(inputs.structure)})) AS q,
                CASE WHEN answered THEN {response} END AS p
            FROM waiting WHERE regexp_matches(request, {_quoted(inputs.opening)})
        ), records AS (
            SELECT doc, part, answered, {", ".join(unnested)} FROM read
            WHERE {inputs.whole} AND (NOT answered OR ({answers}))
        )
        SELECT doc, part, answered, {", ".join(values)}, {" AND ".join(sound) or "true"} AS sound FROM records"""


def _reject(duck: DuckDBPyConnection, labels: list[str]) -> None:
    """Drop the documents in which a single record is not what it seems. A list read as a label begins with a bracket."""
    nested = [f"coalesce(ascii({name}) IN (91, 123), false)" for name in labels]
    unsound = " OR ".join(["NOT sound", *nested])
    duck.execute(f"CREATE OR REPLACE TEMP TABLE unsound AS SELECT DISTINCT doc FROM flat WHERE {unsound}")
    duck.execute("DELETE FROM flat WHERE doc IN (SELECT doc FROM unsound)")


def _nothing(column: Column, size: int) -> TypedColumn:
    if column.kind is Kind.NUMERIC:
        return NumericColumn(np.full(size, np.nan), np.ones(size, np.bool_))
    return CategoricalColumn(np.full(size, -1, np.int32), ())


def _among(column: TypedColumn, answered: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> TypedColumn:
    if isinstance(column, NumericColumn):
        return NumericColumn(column.values, column.null, answered)
    return CategoricalColumn(column.codes, column.dictionary, answered)


class Reading:
    """The SQL that reads documents of one shape for the columns of a signature."""

    def __init__(self, shape: Shape, columns: tuple[Column, ...], *, alias: str) -> None:
        self.shape, self.columns, self.alias = shape, columns, alias
        self.names = [f"{alias}{place}" for place in range(len(columns))]
        self.keys = shape.names if shape.names is not None else tuple(column.name for column in columns)
        only = alias == "p" and len(columns) == 1 and len(self.keys) == 1
        self.key_of = {c.name: self.keys[0] if only else c.name for c in columns}
        held = set(self.keys)
        self.required_but_missing = [c.name for c in columns if c.required and self.key_of[c.name] not in held]
        self.extra = len(held.difference(self.key_of.values()))

    @property
    def structure(self) -> str:
        """The JSON structure that DuckDB is to insist on."""
        types = {self.key_of[c.name]: TYPES[c.kind] for c in self.columns}
        payload: object
        match self.shape.layout:
            case Layout.RECORDS:
                payload = [{key: types.get(key, ANYTHING) for key in self.keys}]
            case Layout.COLUMNS:
                payload = {key: [types.get(key, ANYTHING)] for key in self.keys}
            case Layout.VALUES:
                payload = [TYPES[self.columns[0].kind]]
            case _:
                payload = [["VARCHAR"]]
        if self.shape.key == SPLIT:
            payload = {"columns": ["VARCHAR"], "data": payload, **dict.fromkeys(self.shape.within, ANYTHING)}
        return json.dumps({self.shape.key: payload, **dict.fromkeys(self.shape.beside, ANYTHING)})

    @property
    def opening(self) -> str:
        """A cheap look that spares most documents of another shape the full reading."""
        literal = "".join(c if c.isalnum() or c == "_" else "." for c in self.shape.first)
        return rf'^\s*\{{\s*"{literal}"'

    @property
    def payload(self) -> str:
        path = f"{self.alias}.{_identifier(self.shape.key)}"
        return f"{path}.data" if self.shape.key == SPLIT else path

    @property
    def count(self) -> str:
        one = self.payload if self.shape.layout is not Layout.COLUMNS else self._list(self.keys[0])
        return f"len({one})"

    @property
    def whole(self) -> str:
        """What must hold for the document."""
        checks = [f"{self.count} > 0"]
        if self.shape.layout is Layout.COLUMNS:
            checks += [f"len({self._list(key)}) = {self.count}" for key in self.keys[1:]]
        elif self.shape.layout is not Layout.VALUES:
            checks.append(f"list_count({self.payload}) = {self.count}")
        if self.shape.key == SPLIT:
            header = ", ".join(map(_quoted, self.keys))
            checks.append(f"{self.alias}.{SPLIT}.columns = [{header}]")
        return " AND ".join(checks)

    @property
    def unnested(self) -> list[str]:
        if self.shape.layout is not Layout.COLUMNS:
            return [f"unnest({self.payload}) AS {self.alias}r"]
        held = [c for c in self.columns if self.key_of[c.name] in self.keys]
        lists = [f"unnest({self._list(self.key_of[c.name])}) AS {self._name(c)}r" for c in held]
        return lists or [f"unnest({self._list(self.keys[0])}) AS {self.alias}r"]

    @property
    def values(self) -> list[str]:
        return [f"{self._value(column)} AS {self._name(column)}" for column in self.columns]

    @property
    def sound(self) -> list[str]:
        """What must hold for each record."""
        if self.shape.layout is not Layout.ROWS:
            return []
        numbers = [c for c in self.columns if c.kind is Kind.NUMERIC and self.key_of[c.name] in self.keys]
        spelled = [f"({self._cell(c)} IS NULL) = ({self._value(c)} IS NULL)" for c in numbers]
        return [f"len({self.alias}r) = {len(self.keys)}", *spelled]

    def _value(self, column: Column) -> str:
        key = self.key_of[column.name]
        if key not in self.keys:
            return f"NULL::{TYPES[column.kind]}"
        match self.shape.layout:
            case Layout.RECORDS:
                return f"{self.alias}r.{_identifier(key)}"
            case Layout.COLUMNS:
                return f"{self._name(column)}r"
            case Layout.VALUES:
                return f"{self.alias}r"
        cell = self._cell(column)
        return f"TRY_CAST({cell} AS DOUBLE)" if column.kind is Kind.NUMERIC else cell

    def _cell(self, column: Column) -> str:
        return f"{self.alias}r[{self.keys.index(self.key_of[column.name]) + 1}]"

    def _name(self, column: Column) -> str:
        return self.names[self.columns.index(column)]

    def _list(self, key: str) -> str:
        return f"{self.payload}.{_identifier(key)}"


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
