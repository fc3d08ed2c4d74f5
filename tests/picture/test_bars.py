"""Bars say what the rows say: they are compared with a plain count of the values themselves."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import ks_2samp

from daemon.domain.finding import Statistic
from daemon.picture import bars
from daemon.picture.scene import Bars
from detectors import latency
from detectors.bins import cut_categories, cut_numeric

RNG = np.random.default_rng(7)
BEFORE, NOW = RNG.gamma(3, 50, 20_000), RNG.gamma(3, 70, 5_000)


def drawn(before: NDArray[np.float64], now: NDArray[np.float64]) -> Bars:
    bins = cut_numeric(before)
    return bars.of_column("x", bins, bins.count(before), bins.count(now))


def cuts(found: Bars) -> list[float]:
    return [float(bar.begins.replace(",", "")) for bar in found.bars if bar.begins]


def test_stretches_of_a_line_hold_what_a_plain_histogram_holds() -> None:
    found = drawn(BEFORE, NOW)
    edges = [-np.inf, *cuts(found), np.inf]
    assert 10 <= len(found.bars) <= bars.STRETCHES + 1
    for name, values in (("before", BEFORE), ("now", NOW)):
        plain = np.histogram(values, edges)[0] / len(values)
        seen = [getattr(bar, name) for bar in found.bars]
        # within a bin rows are taken to lie evenly: so much of a bin may be in the neighbour
        assert np.abs(np.cumsum(seen) - np.cumsum(plain)).max() < 1 / 64
        assert sum(seen) == pytest.approx(1)


def test_stretches_are_equal_and_their_edges_round() -> None:
    steps = np.diff(cuts(drawn(BEFORE, NOW)))
    assert np.ptp(steps) == pytest.approx(0)
    assert f"{steps[0]:.0e}"[0] in "125"


def test_the_gap_lies_where_scipy_finds_the_largest_difference() -> None:
    found = drawn(BEFORE, NOW)
    truth = ks_2samp(BEFORE, NOW)
    assert found.gap is not None
    said = re.match(
        r"furthest apart at ([\d.]+): ([\d.]+) % lay at or below it before, ([\d.]+) % do now", found.gap.words
    )
    assert said
    at, before, now = map(float, said.groups())
    assert abs(np.mean(at >= BEFORE) - np.mean(truth.statistic_location >= BEFORE)) < 2 / 64
    assert (before - now) / 100 == pytest.approx(truth.statistic, abs=2 / 64)
    step = cuts(found)[1] - cuts(found)[0]
    assert found.gap.at == pytest.approx(1 + (at - cuts(found)[0]) / step, abs=0.01)


def test_one_absurd_value_stretches_no_scale() -> None:
    assert cuts(drawn(BEFORE, np.append(NOW, 1e300))) == cuts(drawn(BEFORE, NOW))


def test_what_left_the_range_altogether_is_in_the_open_bar() -> None:
    found = drawn(BEFORE, NOW + 1e6)
    assert found.bars[-1].now == pytest.approx(1)
    assert found.bars[-1].label.startswith("above ")


@given(
    st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=300),
    st.lists(st.floats(-1e12, 1e12), max_size=50),
)
def test_every_row_is_in_one_bar_whatever_the_column_looks_like(before: list[float], now: list[float]) -> None:
    found = drawn(np.array(before), np.array(now))
    assert sum(bar.before for bar in found.bars) == pytest.approx(1)
    assert sum(bar.now for bar in found.bars) == pytest.approx(1 if now else 0)
    assert all(bar.before >= 0 and bar.now >= 0 for bar in found.bars)


def test_few_values_are_named_each_by_itself() -> None:
    found = drawn(np.repeat([5.0, 6.0, 7.0], 100), np.repeat([5.0, 7.0], 50))
    assert [(bar.label, bar.now) for bar in found.bars] == [("5", 0.5), ("6", 0.0), ("7", 0.5)]
    assert found.gap is None


def test_the_most_frequent_categories_are_named_and_the_rest_added_up() -> None:
    before = {f"c{n:02}": 100 + n for n in range(40)}
    bins = cut_categories(before)
    found = bars.of_column("x", bins, bins.count(before), bins.count({"c00": 50, "new": 50}, null=7))
    by_name = {bar.label: bar for bar in found.bars}
    assert len(found.bars) == bars.NAMES + 2
    assert by_name["c00"].now == 0.5, "the one that matters now is shown, rare as it was"
    assert by_name["never seen before"].now == 0.5
    assert sum(bar.before for bar in found.bars) == pytest.approx(1)


def test_latencies_are_bars_of_equal_ratio_that_hold_every_request() -> None:
    before, now = RNG.lognormal(3, 1, 5_000), RNG.lognormal(4, 1, 5_000)
    found = bars.of_latency(latency.count(before), latency.count(now))
    assert len(found.bars) <= bars.STRETCHES
    plain = np.histogram(now, [0, *(float(bar.begins) for bar in found.bars[1:]), np.inf])[0] / 5_000
    assert np.abs(np.array([bar.now for bar in found.bars]) - plain).max() < 0.01
    assert sum(bar.before for bar in found.bars) == pytest.approx(1)


def test_latencies_of_nobody_are_empty_bars() -> None:
    none = np.zeros(latency.BUCKETS, np.int64)
    assert all(bar.before == bar.now == 0 for bar in bars.of_latency(none, none).bars)


def test_a_share_is_two_bars_and_of_no_rows_none_is_claimed() -> None:
    found = bars.of_share("null", "any other value", (0, 0), (3, 12))
    assert [(bar.before, bar.now) for bar in found.bars] == [(0, 0.25), (0, 0.75)]


def test_the_bin_of_what_is_missing_is_the_bins_own() -> None:
    numeric, labels = cut_numeric(BEFORE), cut_categories({"a": 3, "b": 4})
    assert bars.missing_bin(numeric, Statistic.NULLS) == numeric.null_bin
    assert bars.missing_bin(numeric, Statistic.NON_FINITE) == numeric.non_finite_bin
    assert bars.missing_bin(labels, Statistic.NULLS) == labels.null_bin
    assert bars.missing_bin(labels, Statistic.UNSEEN) == labels.unseen_bin
