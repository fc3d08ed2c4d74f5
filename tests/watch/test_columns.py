"""Typed columns: what DuckDB holds, numpy shows."""

import duckdb
import numpy as np
import pytest

from daemon.domain.sample import CategoricalColumn, NumericColumn
from daemon.domain.schema import Kind
from daemon.watch.columns import concatenated, fetch, session, size, taken

KINDS = {"n": Kind.NUMERIC, "c": Kind.CATEGORICAL}


def columns(values: str) -> tuple[NumericColumn, CategoricalColumn]:
    with session() as duck:
        duck.execute(f"CREATE TEMP TABLE t AS SELECT n::DOUBLE AS n, c::VARCHAR AS c FROM (VALUES {values}) v(n, c)")
        fetched = fetch(duck, "t", KINDS).typed
    number, label = fetched["n"], fetched["c"]
    assert isinstance(number, NumericColumn) and isinstance(label, CategoricalColumn)
    return number, label


def labels(column: CategoricalColumn) -> list[str | None]:
    return [None if code < 0 else column.dictionary[code] for code in column.codes]


def test_numbers_and_labels_come_with_their_nulls() -> None:
    number, label = columns("('1.5', 'b'), (NULL, NULL), ('nan', ''), ('-inf', 'it''s')")
    assert number.null.tolist() == [False, True, False, False]
    assert number.values[0] == 1.5 and np.isnan(number.values[2]) and number.values[3] == -np.inf
    assert labels(label) == ["b", None, "", "it's"]
    assert label.codes.dtype == np.int32


def test_columns_of_nothing_but_nulls_are_nulls() -> None:
    number, label = columns("(NULL, NULL), (NULL, NULL)")
    assert number.null.all() and labels(label) == [None, None]


def test_more_labels_than_a_byte_can_number_are_told_apart() -> None:
    with session() as duck:
        duck.execute("CREATE TEMP TABLE t AS SELECT 'x' || i AS c FROM range(70000) r(i)")
        column = fetch(duck, "t", {"c": Kind.CATEGORICAL}).typed["c"]
    assert isinstance(column, CategoricalColumn)
    assert labels(column) == [f"x{i}" for i in range(70_000)]


def test_sessions_do_not_see_each_others_tables() -> None:
    with session() as one, session() as other:
        one.execute("CREATE TEMP TABLE t AS SELECT 1 AS n")
        with pytest.raises(duckdb.CatalogException, match="does not exist"):
            other.execute("SELECT * FROM t")


def test_an_engine_that_broke_down_is_replaced() -> None:
    with pytest.raises(duckdb.FatalException), session() as one:
        one.execute("CREATE TABLE kept AS SELECT 1 AS n")
        raise duckdb.FatalException("the database has been invalidated")
    with session() as other, pytest.raises(duckdb.CatalogException, match="does not exist"):
        other.execute("SELECT * FROM kept")


def test_end_to_end_labels_keep_their_names_under_one_dictionary() -> None:
    one = CategoricalColumn(np.array([0, -1, 1], np.int32), ("a", "b"))
    two = CategoricalColumn(np.array([0, 1], np.int32), ("b", "c"), np.array([True, False]))
    both = concatenated([one, two], Kind.CATEGORICAL)
    assert isinstance(both, CategoricalColumn)
    assert labels(both) == ["a", None, "b", "b", "c"]
    assert both.present is not None and both.present.tolist() == [True, True, True, True, False]
    numbers = NumericColumn(np.array([1.0]), np.array([False]))
    assert size(concatenated([numbers, numbers], Kind.NUMERIC)) == 2


@pytest.mark.parametrize("kind", list(Kind))
def test_of_no_columns_comes_the_empty_one(kind: Kind) -> None:
    assert size(concatenated([], kind)) == 0


def test_some_rows_can_be_taken_out() -> None:
    column = CategoricalColumn(np.array([0, 1, -1], np.int32), ("a", "b"), np.array([True, False, True]))
    some = taken(column, np.array([True, False, True]))
    assert isinstance(some, CategoricalColumn) and labels(some) == ["a", None]
    assert some.present is not None and some.present.all()
