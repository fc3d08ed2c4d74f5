"""One document at a time, by the letter: whatever JSON can say is either read or counted, and nothing raises."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from daemon.domain.schema import Column, Signature
from daemon.watch.decode.faults import OF_RESPONSE, Fault, Tally, UnreadableError
from daemon.watch.decode.piece import Piece
from daemon.watch.decode.shape import REQUEST_KEYS, RESPONSE_KEYS, Body, Layout, locate
from daemon.watch.decode.values import typed


class Document(NamedTuple):
    part: int
    answered: bool
    """With status 200: anything else has no predictions to speak of."""
    request: str
    response: str | None


@dataclass(frozen=True, slots=True)
class Records:
    """The values of each column of the signature, in its order, and what the records lack and have too much."""

    size: int
    values: Sequence[Sequence[object]]
    missing: Sequence[int]
    extra: Mapping[str, int]


def decode_exactly(documents: Iterable[Document], signature: Signature, tally: Tally) -> Piece:
    part: list[int] = []
    answered: list[bool] = []
    columns: list[list[object]] = [[] for _ in signature.columns]
    for document in documents:
        try:
            inputs = read(document.request, signature.inputs, REQUEST_KEYS)
        except UnreadableError as error:
            tally.fault(document.part, error.fault)
            continue
        outputs = _outputs(document, signature, inputs.size, tally)
        tally.decoded[document.part] += 1
        part.extend([document.part] * inputs.size)
        answered.extend([outputs is not None] * inputs.size)
        nothing = [[None] * inputs.size] * len(signature.outputs)
        for column, values in zip(columns, (*inputs.values, *(outputs.values if outputs else nothing)), strict=True):
            column.extend(values)
        _count(inputs, signature.inputs, document.part, tally)
        if outputs:
            _count(outputs, signature.outputs, document.part, tally)
    parts = np.array(part, np.int32)
    return Piece(parts, typed(columns, signature, parts, np.array(answered, np.bool_), tally))


def _outputs(document: Document, signature: Signature, records: int, tally: Tally) -> Records | None:
    if not document.answered:
        return None
    try:
        if document.response is None:
            raise UnreadableError(Fault.OVERSIZED)
        outputs = read(document.response, signature.outputs, RESPONSE_KEYS)
    except UnreadableError as error:
        tally.fault(document.part, OF_RESPONSE[error.fault])
        return None
    if outputs.size != records:
        tally.fault(document.part, Fault.LENGTH_MISMATCH)
        return None
    return outputs


def _count(records: Records, columns: Sequence[Column], part: int, tally: Tally) -> None:
    tally.extra(part, records.extra)
    for column, n in zip(columns, records.missing, strict=True):
        tally.missing(part, column.name, n)


def parse(text: str) -> Any:
    """Parse as Python does, bare NaN and Infinity included. Raise UnreadableError for all else."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        looks_like_json = text.lstrip().startswith(("{", "["))
        raise UnreadableError(Fault.BROKEN_JSON if looks_like_json else Fault.UNKNOWN_FORMAT) from error


def read(text: str, columns: Sequence[Column], keys: tuple[str, ...]) -> Records:
    """Read one body. Raise UnreadableError where it cannot be read as a whole."""
    body = locate(parse(text), keys)
    match body.layout:
        case Layout.RECORDS:
            return _by_name(_renamed(body.payload, columns, keys), columns)
        case Layout.RECORD:
            return _by_name(_renamed([body.payload], columns, keys), columns)
        case Layout.COLUMNS:
            return _by_column(_renamed([body.payload], columns, keys)[0], columns)
        case Layout.ROWS if body.header is not None:
            return _by_column(_turned(body, body.header), columns, size=len(body.payload))
        case Layout.ROWS:
            return _by_column(_turned(body, [c.name for c in columns]), columns, size=len(body.payload))
        case _:
            values = body.payload if body.layout is Layout.VALUES else [body.payload]
            return _alone(values, columns)


def _renamed(records: list[dict[str, Any]], columns: Sequence[Column], keys: tuple[str, ...]) -> list[dict[str, Any]]:
    """One output and one value need no name: servers call it as they like."""
    names = {tuple(record) for record in records}
    if keys is not RESPONSE_KEYS or len(columns) != 1 or len(names) != 1 or len(next(iter(names))) != 1:
        return records
    return [{columns[0].name: value} for record in records for value in record.values()]


def _by_name(records: list[dict[str, Any]], columns: Sequence[Column]) -> Records:
    values = [[record.get(column.name) for record in records] for column in columns]
    missing = [sum(column.name not in record for record in records) for column in columns]
    known = {column.name for column in columns}
    return Records(len(records), values, missing, Counter(n for record in records for n in record if n not in known))


def _turned(body: Body, names: Sequence[str]) -> dict[str, Sequence[object]]:
    if body.payload and len(body.payload[0]) != len(names):
        raise UnreadableError(Fault.UNKNOWN_FORMAT)
    turned = list(zip(*body.payload, strict=True)) or [()] * len(names)
    return dict(zip(names, turned, strict=True))


def _by_column(by_name: dict[str, Any], columns: Sequence[Column], size: int | None = None) -> Records:
    size = len(next(iter(by_name.values()))) if size is None else size
    missing = [0 if column.name in by_name else size for column in columns]
    extra = dict.fromkeys(by_name.keys() - {column.name for column in columns}, size)
    return Records(size, [by_name.get(c.name, [None] * size) for c in columns], missing, extra)


def _alone(values: list[Any], columns: Sequence[Column]) -> Records:
    if len(columns) != 1:
        raise UnreadableError(Fault.UNKNOWN_FORMAT)
    return Records(len(values), [values], [0], {})
