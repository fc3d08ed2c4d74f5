import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from detectors import design_effect, ladder

Floats = NDArray[np.float64]
EDGES = stats.norm.ppf(np.arange(1, 32) / 32)


def below(edges: Floats, mean: Floats) -> Floats:
    shares: Floats = stats.norm.cdf(edges - mean[:, None])
    return shares


def counted(rng: np.random.Generator, rows: int, means: Floats) -> NDArray[np.int64]:
    """Cumulative counts at the edges of independent rows, each window about its own mean."""
    shares = np.diff(below(EDGES, means), axis=1, prepend=0.0, append=1.0)
    return np.cumsum(rng.multinomial(rows, shares), axis=1)[:, :-1]


def upper_end(blocks: int) -> float:
    """How far above the truth the upper end of the interval lies, as a ratio: on average."""
    return (blocks - 1) / float(stats.chi2.ppf(0.1, blocks - 1))


def test_independent_rows_have_none() -> None:
    rng = np.random.default_rng(1)
    found = design_effect.estimate(counted(rng, 500, np.zeros(1_344)), np.full(1_344, 500))
    assert found.blocks[:3].tolist() == [1_344, 672, 448]
    for scale, phi, blocks in zip(ladder.SCALES, found.phi, found.blocks, strict=True):
        assert 1 <= phi <= 1.6 * upper_end(blocks), scale
    assert found.phi[0] == pytest.approx(upper_end(1_344), rel=0.1)
    assert not found.extrapolated.any()


def test_clusters_have_the_one_of_the_textbook() -> None:
    """20 clients of 50 rows with 0.2 of the variance theirs: 1 + 49 * ICC of each edge, seen as 6.6 with its upper end.

    The correlation of two indicators is that of the bivariate normal distribution, by scipy.
    """
    rng = np.random.default_rng(2)
    values = math.sqrt(0.2) * rng.normal(size=(672, 20, 1)) + math.sqrt(0.8) * rng.normal(size=(672, 20, 50))
    bins = np.searchsorted(EDGES, values.reshape(672, -1))
    events = np.cumsum([np.bincount(row, minlength=32) for row in bins], axis=1)[:, :-1]
    p = stats.norm.cdf(EDGES)
    both = np.array([stats.multivariate_normal.cdf([e, e], cov=[[1, 0.2], [0.2, 1]]) for e in EDGES])
    truth = float(np.mean(1 + 49 * (both - p * p) / (p * (1 - p))))
    found = design_effect.estimate(events, np.full(672, 1_000))
    assert found.phi[0] == pytest.approx(truth * upper_end(672), rel=0.06)
    assert found.phi[0] == pytest.approx(6.6, abs=0.7)
    assert found.phi[4] == pytest.approx(truth * upper_end(112), rel=0.25)


def test_a_column_that_wanders_has_a_larger_one_at_every_longer_scale() -> None:
    """An AR(1) of 0.1 standard deviations: about 6.3 for an hour of 1,000 rows, over a hundred for a day of them."""
    rng = np.random.default_rng(3)
    means = np.zeros(4_032)
    for t in range(1, 4_032):
        means[t] = 0.98 * means[t - 1] + rng.normal(0, 0.1 * math.sqrt(1 - 0.98**2))
    found = design_effect.estimate(counted(rng, 1_000, means), np.full(4_032, 1_000))
    p = stats.norm.cdf(EDGES)
    truth = float(np.mean(1 + 1_000 * (0.1 * stats.norm.pdf(EDGES)) ** 2 / (p * (1 - p))))
    assert truth == pytest.approx(6.3, abs=0.7)
    assert found.phi[0] == pytest.approx(truth, rel=0.25)
    assert 60 < found.phi[ladder.SCALES.index(24)] < 180
    assert (np.diff(found.phi) > 0).all()


def test_a_daily_cycle_is_no_variation_once_each_hour_is_compared_with_its_own() -> None:
    rng = np.random.default_rng(4)
    hours = np.arange(672) % 24
    events = counted(rng, 500, 0.5 * np.sin(2 * np.pi * hours / 24))
    pooled, by_hour = (design_effect.estimate(events, np.full(672, 500), cells) for cells in (None, hours))
    assert pooled.phi[0] > 30
    assert by_hour.phi[0] == pytest.approx(1.08, abs=0.1)
    assert by_hour.phi[ladder.SCALES.index(24)] < 1.4 * upper_end(28)


def test_what_phases_take_away_is_given_back() -> None:
    """With two visits of each phase a deviation from their mean is half as large as it looks; the ratio knows it."""
    rng = np.random.default_rng(5)
    ratios = []
    for _ in range(200):
        events = rng.binomial(100, 0.3, (48, 1))
        found = design_effect.estimate(events, np.full(48, 100), np.arange(48) % 24, scales=(1,))
        ratios.append(found.phi[0])
    free = 24
    expected = free / float(stats.chi2.ppf(0.1, free))
    assert np.mean(ratios) == pytest.approx(expected, rel=0.05)


def test_nine_times_in_ten_the_truth_is_no_larger() -> None:
    """Clusters of five equal rows: a truth of 5, in 12 blocks."""
    rng = np.random.default_rng(6)
    found = [
        design_effect.estimate(5 * rng.binomial(80, 0.4, (12, 1)), np.full(12, 400), scales=(1,)).phi[0]
        for _ in range(1_000)
    ]
    below_truth = sum(phi < 5 for phi in found)
    fewest, most = stats.binom.interval(1 - 1e-4, 1_000, 0.1)
    assert fewest <= below_truth <= most


def test_where_stretches_are_too_few_it_grows_with_the_scale() -> None:
    rng = np.random.default_rng(7)
    found = design_effect.estimate(counted(rng, 100, np.zeros(40)), np.full(40, 100), scales=(1, 4, 5, 6, 20, 80))
    assert found.blocks.tolist() == [40, 10, 8, 6, 2, 0]
    assert found.extrapolated.tolist() == [False, False, False, True, True, True]
    assert (found.phi[3:] / found.phi[2]).tolist() == pytest.approx([6 / 5, 20 / 5, 80 / 5])
    assert (found.rows[3:] / found.rows[2]).tolist() == pytest.approx([6 / 5, 20 / 5, 80 / 5])


@pytest.mark.parametrize("windows", [0, 1, 7])
def test_a_baseline_of_fewer_than_eight_windows_tells_nothing(windows: int) -> None:
    found = design_effect.estimate(np.full((windows, 2), 5), np.full(windows, 10))
    assert np.isinf(found.phi).all() and found.extrapolated.all()
    assert np.isinf(found.at(1_000)).all()


def test_windows_without_a_row_are_no_stretch() -> None:
    rows = np.array([10] * 7 + [0] * 5)
    found = design_effect.estimate(rows[:, None] // 2, rows, scales=(1,))
    assert (found.blocks.tolist(), np.isinf(found.phi).tolist()) == ([7], [True])


@pytest.mark.parametrize("share", [0, 1])
def test_a_constant_never_varied(share: int) -> None:
    """A constant column, and nulls that never came."""
    found = design_effect.estimate(np.full((20, 1), 50 * share), np.full(20, 50), scales=(1, 2))
    assert found.phi.tolist() == [1.0, 1.0]


def test_gaps_keep_their_place() -> None:
    """Eight days, of each the first hour alone: a stretch of a day is one window."""
    rng = np.random.default_rng(8)
    events = rng.binomial(200, 0.5, (9, 1))
    ages = np.arange(8, -1, -1) * 24
    apart = design_effect.estimate(events, np.full(9, 200), ages=ages, scales=(1, 24))
    assert apart.blocks.tolist() == [9, 8]
    assert apart.extrapolated.tolist() == [False, False]


def test_ten_times_the_traffic_has_ten_times_what_does_not_average_out() -> None:
    """The same wander, with 100 rows a window in the baseline and 1,000 now."""
    rng = np.random.default_rng(9)
    means = rng.normal(0, 0.2, 4_000)
    few, many = (design_effect.estimate(counted(rng, n, means), np.full(4_000, n), scales=(1,)) for n in (100, 1_000))
    assert few.at([1_000])[0] == pytest.approx(many.phi[0], rel=0.2)
    assert few.at([10]).tolist() == few.phi.tolist()


@pytest.mark.parametrize(
    ("events", "rows", "cells", "ages"),
    [
        ([[5]], [4], None, None),
        ([[-1]], [4], None, None),
        ([[1]], [4, 4], None, None),
        ([1], [4], None, None),
        ([[1], [1]], [4, 4], [0], None),
        ([[1], [1]], [4, 4], [0, -1], None),
        ([[1], [1]], [4, 4], None, [0, 1]),
        ([[1], [1]], [4, 4], None, [1, 1]),
        ([[1], [1]], [4, 4], None, [0, -1]),
        ([[math.nan]], [4], None, None),
    ],
)
def test_mistakes_are_refused(
    events: list[list[float]], rows: list[int], cells: list[int] | None, ages: list[int] | None
) -> None:
    with pytest.raises(ValueError):
        design_effect.estimate(events, rows, cells, ages=ages)
