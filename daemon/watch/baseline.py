"""Rows in, a baseline out: bins cut from them alone, and their counts in these. Pure but for the file it is given."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import duckdb
import numpy as np
from duckdb import DuckDBPyConnection
from numpy.typing import NDArray

from daemon.config.detection import Segments
from daemon.domain.baseline import Baseline, BaselineColumn, BaselineKind, Segment
from daemon.domain.sample import Batch, CategoricalColumn, NumericColumn
from daemon.domain.schema import Column, Kind, Signature
from daemon.watch.columns import TypedColumn, concatenated, fetch, session, size, taken
from daemon.watch.profile import count
from daemon.watch.segments import choose, rows_of
from detectors.bins import cut_categories, cut_numeric

NO_SEGMENTS = Segments()
SEED = 20_261
"""One file gives one baseline, however often it is read."""


def from_file(
    path: Path,
    signature: Signature,
    *,
    endpoint: str,
    version: int,
    source: str,
    rows: int,
    now: datetime,
    segments: Segments = NO_SEGMENTS,
) -> Baseline:
    """Make a baseline of kind `training` from a Parquet or CSV file, or a folder of Parquet files.

    Raise ValueError where it cannot be read, has no rows, or none of the signature's columns.
    """
    if not path.exists():
        raise ValueError(f"{source}: there is no {path}")
    if (path / "_delta_log").exists():
        # its folder may hold files that are no longer part of it
        raise ValueError(f"{source}: {path} is a Delta table, and is not read as a folder of files")
    with session() as duck:
        try:
            duck.execute(f"CREATE TEMP VIEW given AS SELECT * FROM {_reader(path)}")
        except duckdb.Error as error:
            raise ValueError(f"{source}: {path} cannot be read: {_first_line(error)}") from error
        held = _trained(duck, signature, source=source, rows=rows)
    return _made(held, signature, BaselineKind.TRAINING, segments, endpoint, version, source, now)


def from_rows(
    given: object,
    signature: Signature,
    *,
    endpoint: str,
    version: int,
    source: str,
    rows: int,
    now: datetime,
    segments: Segments = NO_SEGMENTS,
) -> Baseline:
    """Make a baseline of kind `training` from anything that streams Arrow, a Delta table for one. It is read once."""
    with session() as duck:
        duck.register("streamed", given)
        try:
            duck.execute(f"CREATE TEMP TABLE given AS SELECT * FROM streamed {_sampled(rows)}")
        except duckdb.Error as error:
            raise ValueError(f"{source} cannot be read: {_first_line(error)}") from error
        held = _trained(duck, signature, source=source, rows=rows)
    return _made(held, signature, BaselineKind.TRAINING, segments, endpoint, version, source, now)


def from_batches(
    batches: Sequence[Batch],
    signature: Signature,
    *,
    endpoint: str,
    version: int,
    source: str,
    rows: int,
    now: datetime,
    segments: Segments = NO_SEGMENTS,
) -> Baseline:
    """Make a baseline of kind `first` from the first rows that a version served, predictions included."""
    first = min(rows, sum(batch.records for batch in batches))
    held = {
        column.name: taken(concatenated([b.columns[column.name] for b in batches], column.kind), slice(first))
        for column in signature.columns
    }
    return _made(held, signature, BaselineKind.FIRST, segments, endpoint, version, source, now)


def _reader(path: Path) -> str:
    literal = "'" + str(path).replace("'", "''") + "'"
    if path.is_dir():
        return f"read_parquet({literal[:-1]}/**/*.parquet')"
    if {".csv", ".tsv"} & set(path.suffixes):
        # types guessed from a file would turn the label 007 into 7
        return f"read_csv({literal}, all_varchar = true)"
    return f"read_parquet({literal})"


def _sampled(rows: int) -> str:
    return f"USING SAMPLE reservoir({rows} ROWS) REPEATABLE ({SEED})"


def _trained(duck: DuckDBPyConnection, signature: Signature, *, source: str, rows: int) -> dict[str, TypedColumn]:
    there = {row[0] for row in duck.execute("DESCRIBE given").fetchall()}
    columns = {f"c{place}": c for place, c in enumerate(signature.columns) if c.name in there}
    if not columns:
        raise ValueError(f"{source} has none of the columns of the version's signature")
    chosen = ", ".join(f"{_cast(column)} AS {alias}" for alias, column in columns.items())
    try:
        duck.execute(f"CREATE TEMP TABLE taken AS SELECT {chosen} FROM given {_sampled(rows)}")
        fetched = fetch(duck, "taken", {alias: column.kind for alias, column in columns.items()})
        held = {
            c.name: _booleans(fetched.typed[a]) for a, c in columns.items() if not _misread(duck, c, fetched.typed[a])
        }
    except duckdb.Error as error:
        raise ValueError(f"{source} cannot be read by the version's signature: {_first_line(error)}") from error
    if not held:
        raise ValueError(f"{source} has no number in any of the columns that the version's signature calls numbers")
    return held


def _cast(column: Column) -> str:
    name = _named(column)
    return f"TRY_CAST({name} AS DOUBLE)" if column.kind is Kind.NUMERIC else f"CAST({name} AS VARCHAR)"


def _named(column: Column) -> str:
    return '"' + column.name.replace('"', '""') + '"'


def _misread(duck: DuckDBPyConnection, column: Column, read: TypedColumn) -> bool:
    """Tell a column of nothing but nulls from one of dates or words, which would seem to be that."""
    if not isinstance(read, NumericColumn) or not read.null.all():
        return False
    row = duck.execute(f"SELECT count({_named(column)}) FROM given").fetchone()
    return row is not None and row[0] > 0


def _booleans(column: TypedColumn) -> TypedColumn:
    """A CSV file writes True where JSON writes true."""
    if isinstance(column, CategoricalColumn) and column.dictionary and set(column.dictionary) <= {"True", "False"}:
        return CategoricalColumn(column.codes, tuple(label.lower() for label in column.dictionary))
    return column


def _made(
    held: Mapping[str, TypedColumn],
    signature: Signature,
    kind: BaselineKind,
    rules: Segments,
    endpoint: str,
    version: int,
    source: str,
    now: datetime,
) -> Baseline:
    rows = max(map(size, held.values()), default=0)
    if not rows:
        raise ValueError(f"{source} has no rows")
    # reversed, so that an input prevails over an output of its name
    known = {column.name: column for column in reversed(signature.columns)}
    there = {n: column for n, column in held.items() if column.present is None or column.present.any()}
    columns = [_cut(known[n], column) for n, column in there.items()]
    for segment in choose(there, rules):
        columns += [_part(one, segment, there) for one in columns if not one.within and one.name != segment.column]
    by_name = {one.name: one for one in columns}
    return Baseline(
        endpoint, version, kind, source, rows, now, by_name, signature, segmented_by=tuple(sorted(rules.columns))
    )


def _part(whole: BaselineColumn, segment: Segment, held: Mapping[str, TypedColumn]) -> BaselineColumn:
    """Count a column within one segment, in the bins of the whole: so segments add up to it."""
    counts = count(whole.bins, held[whole.name], rows_of(segment, held))
    return BaselineColumn(whole.column, whole.bins, counts, within=segment)


def _cut(column: Column, values: TypedColumn) -> BaselineColumn:
    if values.present is not None:
        values = taken(values, values.present)
    if isinstance(values, NumericColumn):
        numbers = values.values[~values.null]
        numeric = cut_numeric(numbers)
        return BaselineColumn(column, numeric, count(numeric, values), _extremes(numbers[np.isfinite(numbers)]))
    held = np.bincount(values.codes[values.codes >= 0], minlength=len(values.dictionary))
    labels = cut_categories(dict(zip(values.dictionary, held.tolist(), strict=True)))
    return BaselineColumn(column, labels, count(labels, values))


def _extremes(numbers: NDArray[np.float64]) -> tuple[float, float] | None:
    return (float(numbers.min()), float(numbers.max())) if numbers.size else None


def _first_line(error: duckdb.Error) -> str:
    return str(error).splitlines()[0]
