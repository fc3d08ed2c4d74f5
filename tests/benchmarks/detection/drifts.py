"""What is planted: one column of an otherwise still world changes from the first window on, many times over."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from tests.benchmarks.detection.rows import Column
from tests.benchmarks.detection.worlds import CATEGORIES, USUAL

HORIZON = 168
"""Windows after which a drift that was not told of counts as missed: a week of hours."""
UNSEEN = CATEGORIES
"""A label that no baseline held."""

Floats = NDArray[np.float64]
Change = Callable[[np.random.Generator, Column, Floats], Column]
"""Values of one column and how far along the horizon each row is, from 0 to 1: what they become."""


@dataclass(frozen=True, slots=True)
class Drift:
    name: str
    column: str
    distance: float
    """The true D, L-infinity or change of a share, at the end of the horizon."""
    change: Change
    stated: bool = True
    """Whether it lies beyond a tolerance of mlsteward: what does not is meant to be left alone."""


def _shifted(_rng: np.random.Generator, values: Column, _along: Floats, *, sd: float) -> Column:
    return values + sd


def _ramp(_rng: np.random.Generator, values: Column, along: Floats, *, sd: float) -> Column:
    return values + sd * along


def _scaled(_rng: np.random.Generator, values: Column, _along: Floats, *, times: float) -> Column:
    return values * times


def _nulled(rng: np.random.Generator, values: Column, _along: Floats, *, share: float) -> Column:
    """So much of what is not null becomes so."""
    return np.where(rng.random(len(values)) < share, np.nan, values)


def _mixed(rng: np.random.Generator, values: Column, _along: Floats, *, share: float) -> Column:
    """So much of all rows turns from the most frequent label into the fourth."""
    turns = (values == 0) & (rng.random(len(values)) < share / USUAL[0])
    return np.where(turns, 3, values).astype(np.int16)


def _renamed(_rng: np.random.Generator, values: Column, _along: Floats, *, label: int) -> Column:
    return np.where(values == label, UNSEEN, values).astype(np.int16)


def distance_of(sd: float) -> float:
    """Return Kolmogorov's D between normal values and the same moved by `sd` standard deviations."""
    return float(2 * stats.norm.cdf(sd / 2) - 1)


def _distance_of_scale(times: float) -> float:
    at = np.sqrt(2 * np.log(times) / (1 - 1 / times**2))
    return float(stats.norm.cdf(at) - stats.norm.cdf(at / times))


DRIFTS = (
    Drift("mean +0.15 sd", "number_3", distance_of(0.15), partial(_shifted, sd=0.15), stated=False),
    Drift("mean +0.25 sd", "number_3", distance_of(0.25), partial(_shifted, sd=0.25), stated=False),
    Drift("mean +0.35 sd", "number_3", distance_of(0.35), partial(_shifted, sd=0.35)),
    Drift("mean +0.5 sd", "number_3", distance_of(0.5), partial(_shifted, sd=0.5)),
    Drift("mean +0.75 sd", "number_3", distance_of(0.75), partial(_shifted, sd=0.75)),
    Drift("mean +1 sd", "number_3", distance_of(1.0), partial(_shifted, sd=1.0)),
    Drift("scale x 1.5", "number_3", _distance_of_scale(1.5), partial(_scaled, times=1.5)),
    Drift("scale x 2", "number_3", _distance_of_scale(2.0), partial(_scaled, times=2.0)),
    Drift("mix: 15 % of rows relabelled", "label_0", 0.15, partial(_mixed, share=0.15)),
    Drift("nulls 2.4 % -> 7.3 %", "number_0", 0.049, partial(_nulled, share=0.05)),
    Drift("nulls 2.4 % -> 30 %", "number_0", 0.276, partial(_nulled, share=0.283)),
    Drift("category renamed (15 % of rows)", "label_1", float(USUAL[2]), partial(_renamed, label=2)),
    Drift("gradual: mean to +1 sd in a week", "number_3", distance_of(1.0), partial(_ramp, sd=1.0)),
)


def planted(drift: Drift, rng: np.random.Generator, values: Column, rows: int) -> Column:
    """Return the values of many starts, end to end, each `HORIZON` windows of so many rows, as they drift."""
    window = np.arange(len(values)) // rows % HORIZON
    return drift.change(rng, values, (window + 1) / HORIZON)
