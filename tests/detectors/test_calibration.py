"""The promise itself: no more false alarms a year than were asked for, at the worst drift that is still tolerated.

One alarm a year cannot be counted in a simulation that anyone would wait for; a thousand can.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from detectors import budget, certify, design_effect, ladder, many_distances, many_psi, psi
from detectors.answers import Answers
from tests.detectors.histograms import rows_of, shifted_normal

YEAR, COLUMNS, SCALES, METRICS = 2_190, 4, len(ladder.SCALES), 3
"""A look every four hours: the budget is the same however often one looks."""
AT_TOLERANCE = 2 * stats.norm.ppf(0.55)
"""Standard deviations that make a D of 0.10."""

AGES = np.arange(168)[::-1]

Windows = NDArray[np.int64]


def test_a_budget_of_a_thousand_is_not_overdrawn_by_a_shift_of_just_the_tolerance() -> None:
    """Twenty columns of 100 rows were seen to alarm 16.5 times a year at this budget, where 1,000 were allowed."""
    alarms = alarms_in_a_year(AT_TOLERANCE, per_year=1_000, rows=100)
    assert 0 < alarms <= 1_000


def test_a_budget_of_one_raises_nothing_in_a_year_without_drift() -> None:
    assert alarms_in_a_year(0.0, per_year=1, rows=100, looks=8_760) == 0


def test_the_bound_is_not_reached_by_standing_still() -> None:
    """With a tolerance of nothing, windows without drift are the worst case that is left."""
    alarms = alarms_in_a_year(0.0, per_year=1_000, rows=100, tolerance=0.0)
    assert 0 < alarms <= 1_000


def test_nulls_that_moved_by_just_the_tolerance_do_not_overdraw_it_either() -> None:
    rng = np.random.default_rng(43)
    alpha = budget.alpha(1_000, looks_per_year=YEAR, columns=COLUMNS, metrics=METRICS, scales=SCALES)
    nulls, before = rng.binomial(100, 0.05, (YEAR + 167, COLUMNS)), rng.binomial(20_000, 0.03, COLUMNS)
    alarms = 0
    for counts, covered in merged_looks(np.stack([nulls, 100 - nulls], axis=-1)):
        k, n, k0 = counts[..., 0], counts.sum(axis=-1), np.tile(before, counts.shape[1] // COLUMNS)
        alarms += alarming(certify.shares(k, n, k0, 20_000, 1.0, covered, tolerance=0.02, alpha=alpha))
    assert 0 < alarms <= 1_000


def test_psi_of_just_the_tolerance_does_not_overdraw_it() -> None:
    """At an alpha that lets expect a tenth of the looks to err at most."""
    delta = AT_TOLERANCE * 1.26
    baseline = rows_of(shifted_normal(0.0, bins=16)[1], 200_000)
    truth = psi.statistic(rows_of(shifted_normal(delta, bins=16)[0], 10**9), rows_of(baseline / 200_000, 10**9))
    windows = np.random.default_rng(44).multinomial(200, shifted_normal(delta, bins=16)[0], (500, COLUMNS))
    alarms = 0
    for counts, covered in merged_looks(windows):
        found, moved = (one.measure(counts, baseline) for one in (many_psi, many_distances))
        alpha = 0.1 / (COLUMNS * SCALES)
        alarms += alarming(certify.psi(found, moved, 1.0, covered, tolerance=truth, alpha=alpha))
    assert alarms <= 0.1 * (500 - 167)


def test_rows_that_come_in_clusters_are_no_alarm_once_the_history_is_known() -> None:
    """Twenty clients of 50 rows each, alike within (0.2 of the variance is theirs), and four weeks of baseline.

    Without the history the same windows alarm.
    """
    windows = clustered(np.random.default_rng(45), 672 + 400, clients=20)
    baseline, now = windows[:672], windows[672:, None, :]
    effect = design_effect.estimate(np.cumsum(baseline, axis=1)[:, :-1], baseline.sum(axis=1))
    alpha = budget.alpha(1, looks_per_year=8_760, columns=20, metrics=METRICS, scales=SCALES)
    alarms = {"independent": 0, "clustered": 0}
    for counts, covered in merged_looks(now):
        moved = many_distances.measure(counts, baseline.sum(axis=0))
        for name, phi in (("independent", np.ones(SCALES)), ("clustered", effect.phi)):
            answers = certify.distances(moved, phi[:, None], covered, tolerance=0.0, alpha=alpha)
            alarms[name] += alarming(answers, columns=1)
    assert alarms["clustered"] == 0 < alarms["independent"]


def alarms_in_a_year(shift: float, *, per_year: float, rows: int, tolerance: float = 0.1, looks: int = YEAR) -> int:
    rng = np.random.default_rng(41)
    alpha = budget.alpha(per_year, looks_per_year=looks, columns=COLUMNS, metrics=METRICS, scales=SCALES)
    now, before = shifted_normal(shift, bins=64)
    baseline = rng.multinomial(20_000, before, COLUMNS)
    alarms = 0
    for counts, covered in merged_looks(rng.multinomial(rows, now, (looks + 167, COLUMNS))):
        moved = many_distances.measure(counts, np.tile(baseline, (counts.shape[1] // COLUMNS, 1)))
        alarms += alarming(certify.distances(moved, 1.0, covered, tolerance=tolerance, alpha=alpha))
    return alarms


def merged_looks(windows: Windows) -> Iterator[tuple[Windows, NDArray[np.bool_]]]:
    """Look after every window of which a week lies before; a hundred looks are judged together, side by side."""
    ends = range(168, len(windows) + 1)
    for first in ends[::100]:
        looks = [ladder.merge(windows[end - 168 : end], AGES) for end in range(first, min(first + 100, ends.stop))]
        yield np.concatenate([look.counts for look in looks], axis=1), looks[0].covered


def alarming(answers: Answers, columns: int = COLUMNS) -> int:
    """Count the looks at which any column was certified."""
    return int((answers.first.reshape(-1, columns) >= 0).any(axis=1).sum())


def clustered(rng: np.random.Generator, windows: int, clients: int) -> Windows:
    edges = stats.norm.ppf(np.arange(1, 16) / 16)
    of_client, of_row = rng.normal(size=(windows, clients, 1)), rng.normal(size=(windows, clients, 50))
    bins = np.searchsorted(edges, (np.sqrt(0.2) * of_client + np.sqrt(0.8) * of_row).reshape(windows, -1))
    return np.stack([np.bincount(row, minlength=16) for row in bins])
