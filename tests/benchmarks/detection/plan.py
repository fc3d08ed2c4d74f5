"""Which cells are judged, over how many windows: the full form, and a quick one that is less certain of the same."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np

from tests.benchmarks.detection import flights, worlds
from tests.benchmarks.detection.drifts import DRIFTS, HORIZON, Drift, planted
from tests.benchmarks.detection.rows import Rows, joined
from tests.benchmarks.detection.worlds import LABELS, NUMBERS, World

SEED = 2_026
FLIGHTS = {"nyc permuted": lambda: flights.permuted(SEED), "nyc natural": flights.natural}
IID = "iid"


@dataclass(frozen=True, slots=True)
class Size:
    """How much is simulated. Peers judge each window alone, so fewer windows tell as much of them."""

    rows: tuple[int, ...]
    """Rows of a window, each a cell of its own."""
    weeks: int
    """Weeks that mlsteward watches in a simulated world ..."""
    peer_weeks: int
    """... and the first of these, that peers judge too."""
    many_rows: int
    """Rows of a large window: two worlds, for `many_weeks`, peers for one. 0 for none."""
    many_weeks: int
    flight_weeks: int
    """After the eight of the baseline; 44 is the rest of the year. Everybody judges all of them."""
    seasonal_weeks: int
    """In which mlsteward compares with the same hour of the week: to learn those anew each week takes its time."""
    starts: int
    """How often each drift is planted."""


FULL = Size((100, 1_000), 52, 4, 10_000, 8, 44, 8, 20)
QUICK = Size((1_000,), 4, 1, 0, 0, 8, 0, 5)


@dataclass(frozen=True, slots=True)
class Still:
    """Nothing drifts that matters: every alarm is false."""

    world: str
    rows: int
    """Of a window; 0 where windows hold as many as there were."""
    weeks: int
    peer_weeks: int
    """0 where only mlsteward is asked."""
    seasonal: bool = False
    """Whether mlsteward is told to compare with the same hour of the week."""

    @property
    def name(self) -> str:
        rows = f", {self.rows:,} rows" if self.rows else ""
        return self.world + rows

    @property
    def labels(self) -> tuple[str, ...]:
        return flights.LABELS if self.world in FLIGHTS else LABELS


@dataclass(frozen=True, slots=True)
class Planted:
    """One column drifts from the first window on, over and over."""

    drift: Drift
    rows: int
    starts: int

    @property
    def name(self) -> str:
        return f"{self.drift.name}, {self.rows:,} rows"


def cells(size: Size, words: Sequence[str]) -> tuple[list[Still], list[Planted]]:
    """Return the cells with any of the words in their names, or all. With drifts goes the world they are planted in."""
    still = [Still(world, n, size.weeks, size.peer_weeks) for n in size.rows for world in worlds.MEANS]
    if size.many_rows:
        still += [Still(world, size.many_rows, size.many_weeks, 1) for world in (IID, "harmless")]
    still += [Still(name, 0, size.flight_weeks, size.flight_weeks) for name in FLIGHTS]
    if size.seasonal_weeks:
        still.append(Still("daily", size.rows[-1], size.seasonal_weeks, 0, seasonal=True))
        still.append(Still("nyc natural", 0, size.flight_weeks, 0, seasonal=True))
    drifting = [Planted(drift, n, size.starts) for n in size.rows for drift in DRIFTS]
    if not words:
        return still, drifting
    wanted = [p for p in drifting if _named(p.name, words)]
    needed = {p.rows for p in wanted}
    return [s for s in still if _named(s.name, words) or (s.world == IID and s.rows in needed)], wanted


def world_of(cell: Still | Planted) -> World:
    """Return the world of a cell: drifts are planted in an iid one."""
    if isinstance(cell, Planted):
        return worlds.simulated(IID, cell.rows, 0, SEED)
    if cell.world in FLIGHTS:
        return FLIGHTS[cell.world]()
    return worlds.simulated(cell.world, cell.rows, cell.weeks, SEED)


def per_week(world: World) -> int:
    return timedelta(days=7) // world.window


def baseline_of(world: World) -> Rows:
    return joined([world.week(place) for place in range(world.baseline_weeks)])


def sampling() -> np.random.Generator:
    """What chooses the rows of a baseline that all compare with."""
    return np.random.default_rng(SEED)


def starts(cell: Planted) -> Iterator[Rows]:
    """Yield the windows after each onset, all columns, as often as the drift is planted."""
    still = np.zeros((HORIZON, len(NUMBERS))), np.zeros((HORIZON, len(LABELS)))
    place = [drift.name for drift in DRIFTS].index(cell.drift.name)
    for start in range(cell.starts):
        rng = np.random.default_rng((SEED, cell.rows, place, start))
        rows = worlds.draw(rng, *still, cell.rows, clients=False)
        drifted = planted(cell.drift, rng, rows.columns[cell.drift.column], cell.rows)
        yield Rows({**rows.columns, cell.drift.column: drifted}, rows.ends)


def _named(name: str, words: Sequence[str]) -> bool:
    return any(word in name for word in words)
