import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from detectors import ladder
from detectors.numeric_bins import NumericBins

Counts = NDArray[np.int64]
Windows = tuple[Counts, Counts]


@st.composite
def windows(draw: st.DrawFn) -> Windows:
    """Windows of three bins with gaps between them, the newest last."""
    ages = sorted(draw(st.sets(st.integers(0, 200), max_size=40)), reverse=True)
    counts = draw(
        st.lists(st.lists(st.integers(0, 50), min_size=3, max_size=3), min_size=len(ages), max_size=len(ages))
    )
    return np.array(counts, dtype=np.int64).reshape(-1, 3), np.array(ages, dtype=np.int64)


def test_the_scales_are_those_of_the_rule() -> None:
    assert ladder.SCALES == (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 168)


@given(windows(), st.none() | st.integers(0, 250))
def test_a_scale_holds_what_its_last_windows_hold(given_windows: Windows, reach: int | None) -> None:
    counts, ages = given_windows
    found = ladder.merge(counts, ages, reach=reach)
    for place, scale in enumerate(ladder.SCALES):
        last = [row for row, age in zip(counts.tolist(), ages.tolist(), strict=True) if age < scale]
        within = [row for row, age in zip(counts.tolist(), ages.tolist(), strict=True) if age < min(scale, reach or 0)]
        expected = np.sum(last if reach is None else within, axis=0) if (last if reach is None else within) else [0] * 3
        assert found.counts[place].tolist() == list(expected)
        assert found.rows[place] == sum(expected)


@given(windows(), st.none() | st.integers(0, 250))
def test_a_scale_is_covered_if_the_oldest_window_that_counts_is_as_old(
    given_windows: Windows, reach: int | None
) -> None:
    counts, ages = given_windows
    there = max([0, *(ages + 1).tolist()])
    there = there if reach is None else min(there, reach)
    assert ladder.merge(counts, ages, reach=reach).covered.tolist() == [scale <= there for scale in ladder.SCALES]


@given(st.lists(st.lists(st.floats(-5, 5), max_size=20), min_size=1, max_size=30), st.randoms())
def test_merging_equals_counting_at_once_whatever_the_order_of_the_rows(rows: list[list[float]], any_: object) -> None:
    bins = NumericBins((-1.0, 0.0, 2.0))
    counts = np.stack([bins.count(np.array(window[::-1])) for window in rows])
    merged = ladder.merge(counts, np.arange(len(rows))[::-1], scales=(1, len(rows) + 1))
    at_once = bins.count(np.array([value for window in rows for value in window]))
    assert merged.counts[1].tolist() == at_once.tolist()
    assert merged.counts[0].tolist() == bins.count(np.array(rows[-1])).tolist()


def test_columns_may_lie_side_by_side() -> None:
    counts = np.random.default_rng(1).integers(0, 9, (30, 4, 5))
    ages = np.arange(30)[::-1]
    together = ladder.merge(counts, ages)
    assert together.counts.shape == (15, 4, 5)
    for column in range(4):
        alone = ladder.merge(counts[:, column], ages)
        assert together.counts[:, column].tolist() == alone.counts.tolist()
        assert together.rows[:, column].tolist() == alone.rows.tolist()


def test_after_an_action_what_led_to_it_is_no_longer_counted() -> None:
    """Ten windows; the action was after the seventh, so that three are left."""
    before, after = [[0, 100]] * 7, [[100, 0]] * 3
    found = ladder.merge(np.array(before + after), np.arange(10)[::-1], reach=3)
    assert found.counts[-1].tolist() == [300, 0]
    assert [scale for scale, covered in zip(ladder.SCALES, found.covered, strict=True) if covered] == [1, 2, 3]
    assert not ladder.merge(np.array(before + after), np.arange(10)[::-1], reach=0).rows.any()


def test_without_a_window_there_is_nothing() -> None:
    found = ladder.merge(np.zeros((0, 4), dtype=np.int64), np.zeros(0, dtype=np.int64))
    assert not found.covered.any() and not found.counts.any() and found.counts.shape == (15, 4)


def test_narrow_integers_do_not_overflow() -> None:
    counts = np.full((168, 2), 60_000, dtype=np.uint16)
    assert ladder.merge(counts, np.arange(168)[::-1]).counts[-1].tolist() == [168 * 60_000] * 2


@pytest.mark.parametrize(
    ("counts", "ages", "reach", "scales", "why"),
    [
        ([[1], [1]], [0, 0], None, (1,), "each window once"),
        ([[1], [1]], [0, 1], None, (1,), "newest window comes last"),
        ([[1], [1]], [0], None, (1,), "an age for each"),
        ([1, 1], [1, 0], None, (1,), "an age for each"),
        ([[1.5]], [0], None, (1,), "integers"),
        ([[1]], [0.5], None, (1,), "integers"),
        ([[-1]], [0], None, (1,), "negative"),
        ([[1]], [-1], None, (1,), "negative"),
        ([[1]], [0], -1, (1,), "windows back"),
        ([[1]], [0], None, (), "increase"),
        ([[1]], [0], None, (0, 1), "increase"),
        ([[1]], [0], None, (2, 2), "increase"),
    ],
)
def test_mistakes_are_refused(
    counts: list[list[float]], ages: list[float], reach: int | None, scales: tuple[int, ...], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        ladder.merge(counts, ages, reach=reach, scales=scales)
