"""Worlds in which nothing drifts that matters: the cells in which every alarm is a false one.

Each is a year of windows after a baseline of some weeks, drawn a week at a time: a year need not be held at once.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, stats

from tests.benchmarks.detection.rows import Column, Rows, even

Floats = NDArray[np.float64]

NUMBERS = tuple(f"number_{place}" for place in range(8))
LABELS = ("label_0", "label_1")
CATEGORIES = 12
NULLS_IN, NULLS = "number_0", 0.024
"""The column that has nulls, and their share."""
HOURS, WEEK = 24, 168
BASELINE_WEEKS = 4
MONDAY = datetime(2024, 1, 1, tzinfo=UTC)

HARMLESS = 0.02
CYCLE, CYCLE_ON_WEEKENDS = 0.5, 0.25
ROWS_OF_A_CLIENT, ALIKE = 50, 0.2
"""Rows that a client sends in a window, and the share of their variance that is the client's."""
WANDER, MEMORY = 0.1, 72
"""Standard deviation of a mean that wanders, and the windows after which it has forgotten all but 1/e."""

_USUAL = 0.3 * 0.7 ** np.arange(CATEGORIES)
USUAL: Floats = _USUAL / _USUAL.sum()
_PLACES = np.arange(CATEGORIES)
_RANKS = (_PLACES - (USUAL * _PLACES).sum()) / np.sqrt((USUAL * (_PLACES - (USUAL * _PLACES).sum()) ** 2).sum())


class World(Protocol):
    """Windows of one endpoint, in blocks of a week. The first blocks are the baseline, and every monitor is told so."""

    @property
    def name(self) -> str: ...
    @property
    def start(self) -> datetime: ...
    @property
    def window(self) -> timedelta: ...
    @property
    def baseline_weeks(self) -> int: ...
    @property
    def weeks(self) -> int:
        """All of them, the baseline's included."""
        ...

    def week(self, place: int) -> Rows:
        """Return the same rows whenever it is asked."""
        ...


@dataclass(frozen=True, slots=True)
class Simulated:
    """Normal numbers and twelve labels, hourly, whose means move as the world has it."""

    name: str
    rows: int
    """Rows of a window."""
    means: Floats
    """Of each number in each window, in standard deviations, shape (windows, numbers)."""
    tilts: Floats
    """How far each label leans towards the rare, shape (windows, labels)."""
    seed: tuple[int, ...]
    clients: bool = False
    start: datetime = MONDAY
    window: timedelta = timedelta(hours=1)
    baseline_weeks: int = BASELINE_WEEKS

    @property
    def weeks(self) -> int:
        return len(self.means) // WEEK

    def week(self, place: int) -> Rows:
        part = slice(place * WEEK, (place + 1) * WEEK)
        return draw(
            np.random.default_rng((*self.seed, place)), self.means[part], self.tilts[part], self.rows, self.clients
        )


def simulated(name: str, rows: int, weeks: int, seed: int) -> Simulated:
    """Return a world by its name; `weeks` come after those of the baseline."""
    windows = (BASELINE_WEEKS + weeks) * WEEK
    key = (seed, sorted(MEANS).index(name), rows)
    leaning = MEANS[name](np.random.default_rng(key), windows)
    means, tilts = leaning[:, : len(NUMBERS)], leaning[:, len(NUMBERS) :]
    if name == "harmless":
        means, tilts = means * 2 * stats.norm.ppf((1 + HARMLESS) / 2), tilts * tilt_of(HARMLESS)
    return Simulated(name, rows, means, tilts, key, clients=name == "clients")


def _still(_rng: np.random.Generator, windows: int) -> Floats:
    return np.zeros((windows, len(NUMBERS) + len(LABELS)))


def _moved_once(_rng: np.random.Generator, windows: int) -> Floats:
    moved = np.arange(windows) >= BASELINE_WEEKS * WEEK
    return np.repeat(moved[:, None], len(NUMBERS) + len(LABELS), axis=1).astype(np.float64)


def _daily(_rng: np.random.Generator, windows: int) -> Floats:
    hour, day = np.arange(windows) % HOURS, np.arange(windows) // HOURS % 7
    height = np.where(day >= 5, CYCLE_ON_WEEKENDS, CYCLE) * np.sin(2 * np.pi * hour / HOURS)
    return np.repeat(height[:, None], len(NUMBERS) + len(LABELS), axis=1)


def _wandering(rng: np.random.Generator, windows: int) -> Floats:
    keeps = np.exp(-1 / MEMORY)
    steps = rng.normal(size=(windows, len(NUMBERS) + len(LABELS))) * np.sqrt(1 - keeps**2)
    steps[0] /= np.sqrt(1 - keeps**2)
    path = np.empty_like(steps)
    at = np.zeros(steps.shape[1])
    for window, step in enumerate(steps):
        at = keeps * at + step
        path[window] = at
    wandering: Floats = WANDER * path
    return wandering


MEANS = {"iid": _still, "harmless": _moved_once, "daily": _daily, "clients": _still, "wander": _wandering}


def draw(rng: np.random.Generator, means: Floats, tilts: Floats, rows: int, clients: bool) -> Rows:
    """Draw a week."""
    windows = len(means)
    columns: dict[str, Column] = {}
    of_client = min(ROWS_OF_A_CLIENT, rows)
    for place, name in enumerate(NUMBERS):
        values = rng.normal(size=(windows, rows))
        if clients:
            own = np.repeat(rng.normal(size=(windows, rows // of_client)), of_client, axis=1)
            values = np.sqrt(ALIKE) * own + np.sqrt(1 - ALIKE) * values
        values += means[:, place, None]
        if name == NULLS_IN:
            values[rng.random(values.shape) < NULLS] = np.nan
        columns[name] = values.ravel()
    for place, name in enumerate(LABELS):
        codes = labels(rng, tilts[:, place], rows)
        if clients:
            own = np.repeat(labels(rng, tilts[:, place], rows // of_client), of_client, axis=1)
            # two rows of a client resemble each other if both are as the client likes them
            codes = np.where(rng.random(codes.shape) < np.sqrt(ALIKE), own, codes)
        columns[name] = codes.ravel()
    return even(columns, rows)


def labels(rng: np.random.Generator, tilts: Floats, rows: int) -> NDArray[np.int16]:
    """Draw labels, shape (windows, rows)."""
    chance = rng.random((len(tilts), rows))
    found = [np.searchsorted(np.cumsum(tilted(t))[:-1], drawn) for t, drawn in zip(tilts, chance, strict=True)]
    return np.stack(found).astype(np.int16)


def tilted(tilt: float) -> Floats:
    """Return the shares of the labels when rare ones have become more frequent, or less."""
    weights = USUAL * np.exp(tilt * _RANKS)
    shares: Floats = weights / weights.sum()
    return shares


def tilt_of(distance: float) -> float:
    """Return the tilt that changes the share of one label by so much, and of none by more."""
    return float(optimize.brentq(lambda tilt: np.abs(tilted(tilt) - USUAL).max() - distance, 0.0, 3.0))
