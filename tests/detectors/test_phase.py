import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from detectors import certify, ks, ladder, many_distances, phase
from tests.detectors.histograms import most_errors, shifted_normal

Counts = NDArray[np.int64]


@st.composite
def cells(draw: st.DrawFn) -> Counts:
    """Counts of a baseline: up to five cells, each with rows in up to six bins."""
    count, bins = draw(st.integers(1, 5)), draw(st.integers(1, 6))
    row = st.lists(st.integers(0, 500), min_size=bins, max_size=bins).filter(any)
    return np.array(draw(st.lists(row, min_size=count, max_size=count)), dtype=np.int64)


def test_the_rows_that_a_mix_is_worth_are_hoeffdings() -> None:
    """By hand: weights 3/4 and 1/4 of cells with 100 rows each: 1 / (9/16/100 + 1/16/100) = 160."""
    found = phase.expect([[80, 20], [10, 90]], [300, 100])
    assert float(found.m) == pytest.approx(160)
    assert (found.counts / found.m).tolist() == pytest.approx([0.625, 0.375])


@given(cells(), st.integers(1, 9))
def test_a_mix_like_the_baselines_is_worth_all_of_its_rows(baseline: Counts, times: int) -> None:
    found = phase.expect(baseline, times * baseline.sum(axis=1))
    assert found.counts.tolist() == pytest.approx(baseline.sum(axis=0).tolist())
    assert float(found.m) == pytest.approx(baseline.sum())


@given(cells(), st.data())
def test_no_mix_is_worth_more_rows_than_there_are_and_none_less_than_its_thinnest_cell(
    baseline: Counts, data: st.DataObject
) -> None:
    weights = st.lists(st.integers(0, 50), min_size=len(baseline), max_size=len(baseline)).filter(any)
    current = np.array(data.draw(weights))
    found = phase.expect(baseline, current)
    assert baseline.sum(axis=1)[current > 0].min() - 1e-6 <= float(found.m) <= baseline.sum() + 1e-6
    assert float(found.counts.sum()) == pytest.approx(float(found.m))
    order = data.draw(st.permutations(range(len(baseline))))
    assert phase.expect(baseline[order], current[order]).counts.tolist() == pytest.approx(found.counts.tolist())


def test_a_night_is_compared_with_nights_at_every_scale() -> None:
    """Hours of two kinds take turns; one window is all night, two are half and half, three are one third day."""
    baseline = np.array([[900, 100], [100, 900]])
    kinds = np.array([1, 0, 1, 0, 1])
    rows = np.zeros((5, 2), dtype=np.int64)
    rows[np.arange(5), kinds] = 50
    found = phase.expect(baseline, ladder.merge(rows, np.arange(5)[::-1], scales=(1, 2, 3)).counts)
    shares = found.counts / found.m[:, None]
    assert shares[:, 0].tolist() == pytest.approx([0.1, 0.5, 0.1 * 2 / 3 + 0.9 / 3])
    assert found.m.tolist() == pytest.approx([1_000, 2_000, 1 / (4 / 9 / 1_000 + 1 / 9 / 1_000)])


@pytest.mark.parametrize("hours", [23, 25])
def test_a_day_of_23_or_25_hours_is_nothing_special(hours: int) -> None:
    """The clocks change: the hour from 2 to 3 is missing, or comes twice."""
    baseline = np.array([[100 + hour, 300 - hour] for hour in range(24)]) * 7
    now = np.full(24, 50)
    now[2] = 0 if hours == 23 else 100
    found = phase.expect(baseline, now)
    expected = (now / now.sum()) @ (baseline / baseline.sum(axis=1, keepdims=True))
    assert (found.counts / found.m).tolist() == pytest.approx(expected.tolist())


def test_a_cell_that_the_baseline_never_saw_cannot_be_judged() -> None:
    found = phase.expect([[50, 50], [0, 0]], [[100, 0], [99, 1], [0, 0]])
    assert found.m.tolist() == [100.0, 0.0, 0.0]
    moved = many_distances.measure([[[500, 0]]] * 3, found.counts[:, None, :])
    answers = certify.distances(moved, 1.0, [True] * 3, tolerance=0.1, alpha=1e-6)
    assert answers.reason[1:, 0].tolist() == ["empty_baseline"] * 2
    assert not answers.statistic[1:].any()


def test_against_an_expected_mix_the_bound_errs_no_more_often_than_alpha() -> None:
    """Two thirds of the rows from a thin cell, one third from a thick one; both samples drawn anew each time."""
    rng = np.random.default_rng(51)
    shares = [shifted_normal(delta, bins=16)[0] for delta in (-0.7, 0.7)]
    errors = 0
    for _ in range(3_000):
        baseline = np.stack([rng.multinomial(n, p) for n, p in zip((300, 3_000), shares, strict=True)])
        now = np.sum([rng.multinomial(n, p) for n, p in zip((400, 200), shares, strict=True)], axis=0)
        found = phase.expect(baseline, [400, 200])
        moved = many_distances.measure([now], found.counts)
        errors += bool(moved.value[0] > ks.radius(600, float(found.m), 0.2))
    assert 0 < errors <= most_errors(3_000, 0.2)


# mix and values


@given(cells(), st.data())
def test_a_mix_that_changed_alone_leaves_nothing_conditional(baseline: Counts, data: st.DataObject) -> None:
    """Each client sends what it sent, times a number of its own."""
    times = data.draw(st.lists(st.integers(1, 20), min_size=len(baseline), max_size=len(baseline)))
    current = baseline * np.array(times)[:, None]
    found = phase.split(current, baseline, 0.01)
    assert found.conditional.value == pytest.approx(0.0, abs=1e-12)
    before, now = (side.sum(axis=1) / side.sum() for side in (baseline, current))
    assert found.mix.value == pytest.approx(float(np.abs(now - before).max()))


@given(cells(), st.data())
def test_values_that_changed_alone_leave_nothing_to_the_mix(baseline: Counts, data: st.DataObject) -> None:
    """Each client sends as much as before, and its rows run through the bins the other way."""
    found = phase.split(baseline[:, ::-1], baseline, 0.01)
    assert found.mix.value == 0.0
    pooled = baseline.sum(axis=0)
    assert found.conditional.value == pytest.approx(ks.statistic(pooled[::-1], pooled), abs=1e-12)


@given(cells(), st.booleans())
def test_a_bound_never_exceeds_its_statistic(baseline: Counts, categorical: bool) -> None:
    found = phase.split(baseline[::-1], baseline, 0.01, categorical=categorical)
    for part in (found.mix, found.conditional):
        assert part.lower is not None and 0 <= part.lower <= part.value <= 1


def test_in_categories_the_largest_change_counts() -> None:
    """By hand: shares .4, .2, .4 became .2, .6, .2: a change of .4 in the middle, and of .2 at either edge."""
    assert phase.split([[3, 4, 3]], [[20, 30, 50]], 0.5, categorical=True).conditional.name == "linf"
    assert phase.split([[4, 2, 4]], [[20, 40, 40]], 0.5, categorical=True).conditional.value == pytest.approx(0.2)
    assert phase.split([[4, 2, 4]], [[20, 40, 40]], 0.5).conditional.value == pytest.approx(0.2)
    assert phase.split([[2, 6, 2]], [[40, 20, 40]], 0.5, categorical=True).conditional.value == pytest.approx(0.4)
    assert phase.split([[2, 6, 2]], [[40, 20, 40]], 0.5).conditional.value == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("current", "baseline"),
    [([[1, 2]], [[1, 2], [3, 4]]), ([[1, 2]], [[1, 2, 3]]), ([[0, 0]], [[1, 2]]), ([[0, 1], [1, 0]], [[1, 2], [0, 0]])],
)
def test_a_split_of_what_cannot_be_compared_is_refused(current: list[list[int]], baseline: list[list[int]]) -> None:
    with pytest.raises(ValueError):
        phase.split(current, baseline, 0.1)


@pytest.mark.parametrize(
    ("baseline", "current"), [([1, 2], [1]), ([[1, 2]], [1, 2]), ([[-1, 2]], [1]), ([[1, 2]], [-1]), ([[1, 2]], 1)]
)
def test_cells_that_do_not_match_are_refused(baseline: object, current: object) -> None:
    with pytest.raises(ValueError):
        phase.expect(baseline, current)  # type: ignore[arg-type]
