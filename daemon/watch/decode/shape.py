"""A parsed JSON body in; out comes where its records are, how they are laid out, and by which names."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from daemon.watch.decode.faults import Fault, UnreadableError

SPLIT = "dataframe_split"
REQUEST_KEYS = ("dataframe_records", SPLIT, "instances", "inputs")
RESPONSE_KEYS = ("predictions",)


class Layout(StrEnum):
    RECORDS = "records"
    """`[{name: value}]`"""
    COLUMNS = "columns"
    """`{name: [value]}`"""
    ROWS = "rows"
    """`[[value]]`, by a header or by position"""
    VALUES = "values"
    """`[value]`, of a single column"""
    RECORD = "record"
    """`{name: value}`"""
    VALUE = "value"
    """one bare value"""


@dataclass(frozen=True, slots=True)
class Shape:
    """All that tells documents apart but for their values."""

    key: str
    layout: Layout
    names: tuple[str, ...] | None
    """Of the columns, in their order; None where position alone tells."""
    opening: str
    """The text of the document as far as its first key."""
    beside: tuple[str, ...]
    """What else stands at the top: parameters, the client's own request id."""
    within: tuple[str, ...] = ()
    """What else stands beside the data of a split frame: its index."""


@dataclass(frozen=True, slots=True)
class Body:
    """A payload that is consistent in itself."""

    key: str
    layout: Layout
    payload: Any
    header: tuple[str, ...] | None = None


def locate(document: object, keys: tuple[str, ...]) -> Body:
    """Find the payload. Raise UnreadableError where there is none, more than one, or it contradicts itself."""
    found = [key for key in keys if key in document] if isinstance(document, dict) else []
    if len(found) != 1 or not isinstance(document, dict):
        raise UnreadableError(Fault.UNKNOWN_FORMAT)
    key, payload = found[0], document[found[0]]
    body = _split(payload) if key == SPLIT else Body(key, _layout(payload), payload)
    if not _consistent(body) or (key == "dataframe_records" and body.layout is not Layout.RECORDS):
        raise UnreadableError(Fault.UNKNOWN_FORMAT)
    return body


def shape_of(text: str, document: dict[str, Any], body: Body) -> Shape | None:
    """Return the shape of a document, None where too little is in it to tell."""
    match body.layout:
        case Layout.RECORDS if body.payload:
            names: tuple[str, ...] | None = tuple(body.payload[0])
        case Layout.COLUMNS if body.payload:
            names = tuple(body.payload)
        case Layout.ROWS | Layout.VALUES:
            names = body.header
        case _:
            return None
    within = tuple(k for k in document[SPLIT] if k not in ("columns", "data")) if body.key == SPLIT else ()
    beside = tuple(key for key in document if key != body.key)
    opening = '"'.join(text.split('"', 2)[:2]) + '"'
    return Shape(body.key, body.layout, names, opening, beside, within)


def _split(payload: object) -> Body:
    if not isinstance(payload, dict):
        raise UnreadableError(Fault.UNKNOWN_FORMAT)
    names, data = payload.get("columns"), payload.get("data")
    named = isinstance(names, list) and all(isinstance(n, str | int) for n in names)
    if not named or not isinstance(data, list) or not all(isinstance(row, list) for row in data):
        raise UnreadableError(Fault.UNKNOWN_FORMAT)
    return Body(SPLIT, Layout.ROWS, data, tuple(str(name) for name in names or ()))


def _layout(payload: object) -> Layout:
    if isinstance(payload, list):
        for kind, layout in ((dict, Layout.RECORDS), (list, Layout.ROWS)):
            if all(isinstance(item, kind) for item in payload):
                return layout
        if not any(isinstance(item, dict | list) for item in payload):
            return Layout.VALUES
        raise UnreadableError(Fault.UNKNOWN_FORMAT)
    if not isinstance(payload, dict) and payload is not None:
        return Layout.VALUE
    if payload is None:
        raise UnreadableError(Fault.UNKNOWN_FORMAT)
    if all(isinstance(value, list) for value in payload.values()):
        return Layout.COLUMNS
    if not any(isinstance(value, dict | list) for value in payload.values()):
        return Layout.RECORD
    raise UnreadableError(Fault.UNKNOWN_FORMAT)


def _consistent(body: Body) -> bool:
    match body.layout:
        case Layout.COLUMNS:
            return len({len(values) for values in body.payload.values()}) == 1
        case Layout.ROWS:
            widths = {len(row) for row in body.payload} | ({len(body.header)} if body.header is not None else set())
            return len(widths) <= 1 and (body.header is None or len(set(body.header)) == len(body.header))
    return True
