"""The budget of a whole endpoint, as it is set: no more false alarms a year than were asked for, whatever the rows do.

One alarm a year cannot be counted in a simulation that anyone would wait for; a thousand can. Of a year's looks a part
is taken: what is promised is an expectation, and each look has the same.
"""

from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from daemon.config.detection import Drift, Watch
from daemon.config.endpoint import EndpointSettings
from daemon.config.remedies import Promote, Rollback
from daemon.domain.baseline import Baseline, BaselineColumn, BaselineKind
from daemon.domain.finding import Finding, Statistic, Verdict
from daemon.domain.profile import Coverage, Health, Profile
from daemon.domain.schema import Column, Kind, Signature
from daemon.domain.window import Window
from daemon.watch.drift import drift
from daemon.watch.scales import YEAR_S, confidence
from detectors.bins import NumericBins
from detectors.ladder import SCALES
from tests.detectors.histograms import shifted_normal
from tests.watch.stories import START

WINDOW = timedelta(hours=4)
COLUMNS, ROWS, BASELINE_ROWS, BINS = 3, 100, 20_000, 64
REACH = 168
A_THOUSAND = 1_000
AT_TOLERANCE = float(2 * stats.norm.ppf(0.55))
"""Standard deviations that make a D of 0.10."""
EDGES = tuple(stats.norm.ppf(np.arange(1, BINS) / BINS).tolist())

Counts = NDArray[np.int64]


def settings(per_year: float) -> EndpointSettings:
    return EndpointSettings(
        name="flights",
        table="/t",
        model="m",
        watch=Watch(window=WINDOW),
        drift=Drift(tolerance=0.1, psi=10.0, false_alarms_per_year=per_year, design_effect=1),
        rollback=Rollback(timeout=timedelta(days=30)),
        promote=Promote(timeout=timedelta(days=30)),
    )


def column_counts(values: Counts, nulls: Counts) -> Counts:
    return np.concatenate([values, nulls[..., None], np.zeros((*nulls.shape, 1), np.int64)], axis=-1)


def counted(rng: np.random.Generator, shares: NDArray[np.float64], nulls: float, rows: int, windows: int) -> Counts:
    """Draw the counts of every column, shape (windows, columns, bins), rows without a value included."""
    missing = rng.binomial(rows, nulls, (windows, COLUMNS))
    return column_counts(rng.multinomial(rows - missing, shares), missing)


def looks(now: Counts, before: Counts, per_year: float) -> Iterator[list[Finding]]:
    """Look after every window before which there are as many as the longest scale takes."""
    columns = {
        f"c{place}": BaselineColumn(Column(f"c{place}", Kind.NUMERIC), NumericBins(EDGES), counts)
        for place, counts in enumerate(before)
    }
    signature = Signature(tuple(c.column for c in columns.values()), ())
    known = Baseline("flights", 1, BaselineKind.TRAINING, "here", BASELINE_ROWS, START, columns, signature, id=1)
    profiles = []
    for place, counts in enumerate(now):
        window = Window(START + place * WINDOW, START + (place + 1) * WINDOW)
        held = {f"c{c}": one for c, one in enumerate(counts)}
        profiles.append(Profile("flights", 1, window, Health(ROWS), Coverage(), 1, held))
    for end in range(REACH, len(profiles) + 1):
        yield drift(profiles[end - REACH : end], known, None, settings(per_year))


def alarms_a_year(found: Iterator[list[Finding]], *statistics: Statistic) -> float:
    told = [any(f.verdict is Verdict.BREACH and f.check.statistic in statistics for f in look) for look in found]
    return sum(told) / len(told) * YEAR_S / WINDOW.total_seconds()


@pytest.mark.parametrize(
    ("shift", "least", "most"),
    [
        # twenty columns of 100 rows were seen to alarm 16.5 times a year
        pytest.param(AT_TOLERANCE, 0, A_THOUSAND, id="at the tolerance"),
        pytest.param(2 * AT_TOLERANCE, A_THOUSAND, np.inf, id="twice as far, which is no false alarm any more"),
    ],
)
def test_drift_of_just_the_tolerance_does_not_overdraw_a_budget_of_a_thousand(
    shift: float, least: float, most: float
) -> None:
    rng = np.random.default_rng(101)
    moved, usual = shifted_normal(shift, bins=BINS)
    now, before = counted(rng, moved, 0.0, ROWS, 150 + REACH), counted(rng, usual, 0.0, BASELINE_ROWS, 1)[0]
    assert least <= alarms_a_year(looks(now, before, A_THOUSAND), Statistic.KS) <= most


def test_nulls_that_moved_by_just_the_tolerance_do_not_overdraw_it_either() -> None:
    rng = np.random.default_rng(102)
    usual = shifted_normal(0.0, bins=BINS)[1]
    now, before = counted(rng, usual, 0.05, ROWS, 300 + REACH), counted(rng, usual, 0.03, BASELINE_ROWS, 1)[0]
    assert alarms_a_year(looks(now, before, A_THOUSAND), Statistic.NULLS) <= A_THOUSAND


def test_warnings_have_twelve_times_the_budget_at_half_the_tolerance_and_keep_to_it() -> None:
    rng = np.random.default_rng(103)
    moved, usual = shifted_normal(float(2 * stats.norm.ppf(0.525)), bins=BINS)
    now, before = counted(rng, moved, 0.0, ROWS, 120 + REACH), counted(rng, usual, 0.0, BASELINE_ROWS, 1)[0]
    budget = A_THOUSAND / 12
    warned = [any(f.warns for f in look) for look in looks(now, before, budget)]
    assert sum(warned) / len(warned) * YEAR_S / WINDOW.total_seconds() <= A_THOUSAND


def test_without_drift_the_default_budget_raises_nothing() -> None:
    rng = np.random.default_rng(104)
    usual = shifted_normal(0.0, bins=BINS)[1]
    now, before = counted(rng, usual, 0.02, ROWS, 120 + REACH), counted(rng, usual, 0.02, BASELINE_ROWS, 1)[0]
    everything = [f for look in looks(now, before, 1.0) for f in look]
    assert not [f for f in everything if f.verdict is Verdict.BREACH or f.warns]


@pytest.mark.parametrize("columns", [1, 20, 400])
def test_columns_that_are_added_share_the_endpoints_budget(columns: int) -> None:
    """Four checks of each column at each scale and three on single windows, three of the data as a whole, seven of the
    version: all of a year's looks together spend it."""
    looks_a_year = YEAR_S / WINDOW.total_seconds()
    spent = confidence(settings(1.0), columns) * looks_a_year * ((4 * len(SCALES) + 3) * columns + 3 + 7)
    assert spent == pytest.approx(1.0)
