"""A sample in, what was predicted for each request out. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from arro3.core import Array, Table
from arro3.core.types import ArrowStreamExportable
from numpy.typing import NDArray

from daemon.config.labels import Labels
from daemon.domain.sample import Batch, NumericColumn, Sample
from daemon.domain.schema import Signature
from daemon.watch.columns import TypedColumn
from daemon.watch.decode import decode


@dataclass(frozen=True, slots=True)
class Predictions:
    """One entry for each request with a single record and a usable prediction."""

    ids: Sequence[str]
    classes: Sequence[str]
    """Of a classification; empty for a regression."""
    values: NDArray[np.float64]
    """Of a regression; empty for a classification."""
    scores: NDArray[np.float64]
    """The probability of the positive label; NaN where there is none from 0 to 1."""


def predictions(sample: Sample, signature: Signature, rules: Labels) -> Predictions:
    """Read the predictions.

    A request that carries several records is left out: a label by request id cannot tell them apart. Raise ValueError
    where the signature has no output of the configured name.
    """
    names = {column.name for column in signature.outputs}
    first = next((column.name for column in signature.outputs), None)
    wanted = rules.score if rules.by_score else rules.prediction or first
    lacking = {name for name in (wanted, rules.score) if name is not None} - names
    if lacking or wanted is None:
        lacks = ", ".join(sorted(lacking)) or "any kind"
        raise ValueError(f"the version's signature has no output of {lacks} to compare with labels")
    batch, ids = _by_request(sample, signature)
    alone = np.bincount(batch.part, minlength=len(ids))[batch.part] == 1
    column = batch.columns[wanted]
    scores = _scores(batch.columns, rules, len(batch.part))
    if rules.kind == "regression":
        values = _numbers(column)
        where = np.flatnonzero(alone & np.isfinite(values))
        return Predictions([ids[p] for p in batch.part[where]], [], values[where], scores[where])
    classes = _by_score(scores, rules) if rules.by_score else _classes(column)
    where = np.array([n for n in np.flatnonzero(alone) if classes[n] is not None], np.intp)
    kept = [str(classes[n]) for n in where]
    return Predictions([ids[p] for p in batch.part[where]], kept, np.empty(0), scores[where])


def same(text: str) -> str:
    """Return a class as it is compared: a model says 1.0 where the table says 1, or true."""
    word = text.strip()
    if word.lower() in ("true", "false"):
        return "1" if word.lower() == "true" else "0"
    try:
        number = float(word)
    except ValueError:
        return word
    return str(int(number)) if number.is_integer() else repr(number)


def _by_request(sample: Sample, signature: Signature) -> tuple[Batch, list[str]]:
    """Decode with a part for each request, so that every record tells whose it is."""
    rows = Table.from_arrow(cast(ArrowStreamExportable, sample.rows))
    ids = [str(one) for one in rows.column("id").to_pylist()]
    numbered = Array(np.arange(len(ids), dtype=np.int64))
    by_request = rows.set_column(rows.column_names.index("part"), "part", numbered)
    return decode(Sample([*sample.parts[:1]] * len(ids), by_request, len(ids)), signature), ids


def _numbers(column: TypedColumn) -> NDArray[np.float64]:
    """Return the numbers, NaN where there is none."""
    if not isinstance(column, NumericColumn):
        return np.full(len(column.codes), np.nan)
    there = ~column.null if column.present is None else column.present & ~column.null
    return np.where(there, column.values, np.nan)


def _scores(columns: Mapping[str, TypedColumn], rules: Labels, rows: int) -> NDArray[np.float64]:
    if rules.score is None:
        return np.full(rows, np.nan)
    scores = _numbers(columns[rules.score])
    return np.where((scores >= 0) & (scores <= 1), scores, np.nan)


def _by_score(scores: NDArray[np.float64], rules: Labels) -> list[str | None]:
    """Name the positive class, or none in particular: a score tells no other class apart."""
    positive = same(rules.positive)
    negative = "0" if positive != "0" else "1"
    return [None if np.isnan(s) else positive if s >= rules.threshold else negative for s in scores]


def _classes(column: TypedColumn) -> list[str | None]:
    if isinstance(column, NumericColumn):
        return [same(repr(float(v))) if np.isfinite(v) else None for v in _numbers(column)]
    names = [same(word) for word in column.dictionary]
    present = np.ones(len(column.codes), np.bool_) if column.present is None else column.present
    return [names[code] if code >= 0 and there else None for code, there in zip(column.codes, present, strict=True)]
