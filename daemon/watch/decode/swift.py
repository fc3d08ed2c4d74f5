"""Documents of one shape, a column of them at a time.

DuckDB's strict reading takes a document only where every key of the shape is there, once, and every value fits its
type. What it gives back needs no second look but for further keys, and what it refuses is left for `exact`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from daemon.domain.sample import CategoricalColumn, NumericColumn
from daemon.domain.schema import Column, Kind, Role, Signature
from daemon.watch.columns import Fetched, TypedColumn, fetch
from daemon.watch.decode.faults import Tally
from daemon.watch.decode.piece import Piece
from daemon.watch.decode.reading import Reading, quoted
from daemon.watch.decode.shape import Shape


@dataclass(frozen=True, slots=True)
class Plan:
    """The shapes that are expected together."""

    request: Shape
    response: Shape | None


CLOSELY = 10_000
"""Of more requests than this only one in so many is searched for keys that the plan does not know.

DuckDB's strict reading insists on every key but minds no further ones, so each takes a reading of its own. Keys that
all documents have are part of the plan; what may be missed are `extra_column`s of some, and no value.
"""


def decode_swiftly(
    duck: DuckDBPyConnection, plan: Plan, signature: Signature, tally: Tally, waiting: int
) -> tuple[Piece, int]:
    """Decode what the plan fits of the view `waiting` into the table `flat`; return it and the number of requests."""
    inputs = Reading(plan.request, signature.inputs, alias="q")
    outputs = Reading(plan.response, signature.outputs, alias="p") if plan.response else None
    duck.execute(f"CREATE OR REPLACE TEMP TABLE flat AS {_flatten(inputs, outputs, every=-(-waiting // CLOSELY))}")
    names = [*inputs.names, *(outputs.names if outputs else [])]
    fetched = _sound(duck, {name: column.kind for name, column in zip(names, signature.columns, strict=False)})
    part = fetched.plain["part"].astype(np.int32)
    answered = fetched.plain["answered"].astype(np.bool_)
    firsts = np.flatnonzero(np.diff(fetched.plain["doc"], prepend=-1))
    tally.requests(part[firsts])
    tally.records(part, missing=inputs.missing, extra=inputs.extra)
    if outputs:
        tally.records(part[answered], missing=outputs.missing, extra=outputs.extra)
    columns: dict[str, TypedColumn] = {}
    for position, column in enumerate(signature.columns):
        if column.name not in columns:
            read = fetched.typed[names[position]] if position < len(names) else _nothing(column, len(part))
            columns[column.name] = _among(read, answered) if column.role is Role.PREDICTION else read
    return Piece(part, columns), len(firsts)


def _flatten(inputs: Reading, outputs: Reading | None, *, every: int) -> str:
    """Return the query for the records.

    A cheap look at how the text begins spares most documents of another shape the reading. There is no condition on
    what was read: DuckDB would read again for each.
    """
    readings = [inputs, *([outputs] if outputs else [])]
    response = f"TRY(from_json_strict(response, {quoted(outputs.structure)}))" if outputs else "NULL"
    familiar, agree = inputs.familiar("request"), "false"
    if outputs:
        familiar += f" AND (NOT answered OR {outputs.familiar('response')})"
        agree = f"{outputs.whole} AND {outputs.count} = {inputs.count}"
    unnested = [one for reading in readings for one in reading.unnested]
    values = [one for reading in readings for one in reading.values]
    sound = [*inputs.sound, *(f"(NOT answered OR {check})" for check in (outputs.sound if outputs else []))]
    return f"""
        SELECT doc, part, answered, {", ".join(values)}, coalesce({" AND ".join(sound) or "true"}, false) AS sound
        FROM (SELECT doc, part, answered, {", ".join(unnested)}
            FROM (SELECT *, familiar AND {inputs.whole} AND (NOT answered OR ({agree})) AS whole
                FROM (SELECT doc, part, answered, TRY(from_json_strict(request, {quoted(inputs.structure)})) AS q,
                        CASE WHEN answered THEN {response} END AS p,
                        CASE WHEN doc % {every} = 0 THEN {familiar} ELSE true END AS familiar
                    FROM waiting WHERE starts_with(request, {quoted(inputs.shape.opening)}))))"""


def _sound(duck: DuckDBPyConnection, kinds: Mapping[str, Kind]) -> Fetched:
    """Fetch the records; drop first the documents of which a single one is not what it seems.

    A list or an object that was read as a label begins with a bracket.
    """
    fetched = fetch(duck, "flat", kinds, plain=("doc", "part", "answered", "sound"))
    labels = [n for n, c in fetched.typed.items() if isinstance(c, CategoricalColumn) and _bracketed(c.dictionary)]
    if not labels and fetched.plain["sound"].all():
        return fetched
    unsound = " OR ".join(["NOT sound", *(f"coalesce(ascii({name}) IN (91, 123), false)" for name in labels)])
    duck.execute(f"CREATE OR REPLACE TEMP TABLE unsound AS SELECT DISTINCT doc FROM flat WHERE {unsound}")
    duck.execute("DELETE FROM flat WHERE doc IN (SELECT doc FROM unsound)")
    return fetch(duck, "flat", kinds, plain=("doc", "part", "answered"))


def _bracketed(dictionary: Sequence[str]) -> bool:
    return any(value.startswith(("[", "{")) for value in dictionary)


def _nothing(column: Column, size: int) -> TypedColumn:
    if column.kind is Kind.NUMERIC:
        return NumericColumn(np.full(size, np.nan), np.ones(size, np.bool_))
    return CategoricalColumn(np.full(size, -1, np.int32), ())


def _among(column: TypedColumn, answered: NDArray[np.bool_]) -> TypedColumn:
    if isinstance(column, NumericColumn):
        return NumericColumn(column.values, column.null, answered)
    return CategoricalColumn(column.codes, column.dictionary, answered)
