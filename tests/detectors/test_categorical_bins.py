from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.categorical_bins import CategoricalBins, cut_categories

value_counts = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 500))
bins_of_any_kind = st.builds(
    lambda named, common, complete: CategoricalBins(tuple(named[:common]), frozenset(named[common:]), complete),
    st.lists(st.sampled_from("abcdef"), unique=True),
    st.integers(0, 6),
    st.booleans(),
)
rows_of_text = st.lists(st.none() | st.sampled_from("abcdefgh"), max_size=50)


def encoded(rows: list[str | None]) -> tuple[np.ndarray, list[str]]:
    dictionary = sorted({value for value in rows if value is not None}, reverse=True)
    codes = [-1 if value is None else dictionary.index(value) for value in rows]
    return np.array(codes, dtype=np.int32), dictionary


@given(bins_of_any_kind, rows_of_text)
def test_every_row_is_counted_once_in_its_own_bin(bins: CategoricalBins, rows: list[str | None]) -> None:
    expected = [0] * bins.size
    for value in rows:
        if value is None:
            expected[bins.null_bin] += 1
        elif value in bins.categories:
            expected[bins.categories.index(value)] += 1
        else:
            expected[bins.unseen_bin if bins.complete and value not in bins.rare else bins.other_bin] += 1
    assert bins.count_codes(*encoded(rows)).tolist() == expected


@given(bins_of_any_kind, rows_of_text)
def test_an_encoded_column_and_its_value_counts_agree(bins: CategoricalBins, rows: list[str | None]) -> None:
    values = Counter(value for value in rows if value is not None)
    assert np.array_equal(bins.count(values, rows.count(None)), bins.count_codes(*encoded(rows)))


@given(bins_of_any_kind, rows_of_text, st.integers(0, 50))
def test_counts_of_parts_add_up_in_any_order(bins: CategoricalBins, rows: list[str | None], cut: int) -> None:
    head, tail = bins.count_codes(*encoded(rows[:cut])), bins.count_codes(*encoded(rows[cut:]))
    assert np.array_equal(head + tail, bins.count_codes(*encoded(rows[::-1])))


def test_a_value_the_baseline_never_held_is_unseen() -> None:
    bins = cut_categories({"UA": 500, "AA": 499, "HA": 1})
    assert bins.count({"XX": 7, "HA": 2, "AA": 1}, null=4).tolist() == [0, 1, 2, 7, 4]


def test_where_the_baseline_could_not_be_remembered_nothing_counts_as_unseen() -> None:
    bins = cut_categories({f"user-{i}": 1 for i in range(10_001)} | {"guest": 5_000})
    assert (bins.categories, bins.complete) == (("guest",), False)
    assert bins.count({"user-1": 1, "stranger": 1, "guest": 1}).tolist() == [1, 2, 0, 0]


def test_ten_thousand_categories_are_remembered() -> None:
    bins = cut_categories({f"user-{i}": 1 for i in range(10_000)})
    assert bins.complete and len(bins.rare) == 10_000
    assert bins.count({"user-9999": 3, "stranger": 1}).tolist() == [3, 1, 0]


def test_the_most_frequent_category_comes_first_and_equals_by_name() -> None:
    assert cut_categories({"c": 5, "b": 9, "a": 5}).categories == ("b", "a", "c")


def test_a_category_needs_its_share_of_the_rows() -> None:
    assert cut_categories({"common": 98, "just": 1, "also": 1}).rare == frozenset()
    assert cut_categories({"common": 199, "half": 1}).rare == {"half"}


def test_categories_are_as_many_as_allowed() -> None:
    bins = cut_categories({f"c{i}": 10 for i in range(50)}, most=20)
    assert len(bins.categories) == 20 and len(bins.rare) == 30


@given(value_counts)
def test_a_baseline_holds_nothing_that_it_has_not_seen(values: dict[str, int]) -> None:
    bins = cut_categories(values)
    counts = bins.count(values)
    assert counts[bins.unseen_bin] == 0 and counts.sum() == sum(values.values())
    assert {value for value, rows in values.items() if rows} == set(bins.categories) | bins.rare


def test_a_baseline_without_values_has_no_category() -> None:
    bins = cut_categories({})
    assert bins == CategoricalBins((), frozenset(), complete=True)
    assert bins.count({"a": 1}, null=2).tolist() == [0, 1, 2]


def test_null_can_be_set_aside() -> None:
    bins = CategoricalBins(("a",), frozenset(), complete=True)
    assert bins.without_missing(bins.count({"a": 3, "b": 1}, null=9)).tolist() == [3, 0, 1]


def test_codes_of_one_byte_do_not_overflow() -> None:
    dictionary = [f"v{i}" for i in range(128)]
    counts = CategoricalBins((), frozenset(), complete=True).count_codes(np.array([127, -1], dtype=np.int8), dictionary)
    assert counts.tolist() == [0, 1, 1]


def test_mistakes_are_refused() -> None:
    bins = CategoricalBins(("a",), frozenset(), complete=True)
    with pytest.raises(ValueError, match="twice"):
        CategoricalBins(("a", "a"), frozenset(), complete=True)
    with pytest.raises(ValueError, match="twice"):
        CategoricalBins(("a",), frozenset({"a"}), complete=True)
    with pytest.raises(ValueError, match="negative"):
        bins.count({"a": -1})
    with pytest.raises(ValueError, match="negative"):
        bins.count({}, null=-1)
    with pytest.raises(ValueError, match="negative"):
        cut_categories({"a": -1})
    for code in (-2, 1):
        with pytest.raises(ValueError, match="outside"):
            bins.count_codes(np.array([code], dtype=np.int32), ["a"])
    with pytest.raises(ValueError, match="4 counts expected"):
        bins.without_missing(np.zeros(3, dtype=np.int64))
