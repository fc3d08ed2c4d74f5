"""Python values as JSON gives them in, typed columns out; a value of the wrong type becomes a null and is counted.

Read as MLflow's scoring server reads: a text that spells a number is that number, true is 1. A label may be any scalar.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from daemon.domain.sample import CategoricalColumn, NumericColumn
from daemon.domain.schema import Column, Kind, Role, Signature
from daemon.watch.columns import TypedColumn
from daemon.watch.decode.faults import Tally


def typed(
    columns: Sequence[Sequence[object]],
    signature: Signature,
    part: NDArray[np.int32],
    answered: NDArray[np.bool_],
    tally: Tally,
) -> dict[str, TypedColumn]:
    """Type the columns of the signature, in its order."""
    made: dict[str, TypedColumn] = {}
    for column, values in zip(signature.columns, columns, strict=True):
        if column.name in made:
            continue
        present = answered if column.role is Role.PREDICTION else None
        made[column.name], wrong = _column(values, column, present)
        for row in wrong:
            tally.wrong(int(part[row]), column.name)
    return made


def _column(
    values: Sequence[object], column: Column, present: NDArray[np.bool_] | None
) -> tuple[TypedColumn, list[int]]:
    if column.kind is Kind.NUMERIC:
        array, null, wrong = numbers(values)
        return NumericColumn(array, null, present), wrong
    labels, wrong = texts(values)
    places: dict[str, int] = {}
    codes = [-1 if label is None else places.setdefault(label, len(places)) for label in labels]
    return CategoricalColumn(np.array(codes, np.int32), tuple(places), present), wrong


def numbers(values: Sequence[object]) -> tuple[NDArray[np.float64], NDArray[np.bool_], list[int]]:
    """Return the numbers, where there is none, and the rows whose value is of another type."""
    null = np.array([value is None for value in values], np.bool_)
    try:
        array = np.array(values, np.float64)
    except (TypeError, ValueError, OverflowError):
        array = np.empty(0)
    if array.shape == null.shape:
        return array, null, []
    read = [_number(value) for value in values]
    wrong = [row for row, number in enumerate(read) if number is None and values[row] is not None]
    null[wrong] = True
    return np.array([math.nan if number is None else number for number in read], np.float64), null, wrong


def _number(value: object) -> float | None:
    try:
        return float(value) if isinstance(value, str | int | float) else None
    except ValueError:
        return None
    except OverflowError:
        return math.inf if isinstance(value, int) and value > 0 else -math.inf


def texts(values: Sequence[object]) -> tuple[list[str | None], list[int]]:
    """Return the labels and the rows whose value is none: an object or a list."""
    labels = [_label(value) for value in values]
    return labels, [row for row, label in enumerate(labels) if label is None and values[row] is not None]


def _label(value: object) -> str | None:
    match value:
        case str():
            # half a surrogate pair is JSON, but no text that a store could keep
            return value.encode("utf-8", "replace").decode()
        case bool():
            return "true" if value else "false"
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case int() | float():
            return str(value)
    return None
