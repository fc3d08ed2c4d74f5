"""Baselines out of files, tables and served rows."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from arro3.core import Array, DataType, Table

from daemon.domain.baseline import Baseline, BaselineKind
from daemon.domain.schema import Column, Kind, Role, Signature
from daemon.watch.baseline import from_batches, from_file, from_rows
from daemon.watch.decode import decode
from detectors.bins import CategoricalBins, NumericBins
from tests.watch.decode.payloads import FLIGHT, Row, request, response, sample_of

NOW = datetime(2026, 11, 21, tzinfo=UTC)
TRAINING = "SELECT i::DOUBLE AS distance, ['AA','UA','UA','HA'][i % 4 + 1] AS carrier, i % 2 AS prediction, i AS row_id"
Save = Callable[[str], Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    def to_parquet(query: str) -> Path:
        path = tmp_path / "it's.parquet"
        quoted = str(path).replace("'", "''")
        duckdb.connect().execute(f"COPY ({query}) TO '{quoted}' (FORMAT parquet)")
        return path

    return to_parquet


def make(path: Path, signature: Signature = FLIGHT, rows: int = 20_000) -> Baseline:
    return from_file(path, signature, endpoint="flights", version=3, source="run abc", rows=rows, now=NOW)


def test_a_parquet_file_gives_a_training_baseline(save: Save) -> None:
    made = make(save(f"{TRAINING} FROM range(1, 1001) t(i)"))
    assert (made.endpoint, made.version, made.kind, made.source) == ("flights", 3, BaselineKind.TRAINING, "run abc")
    assert (made.rows, made.created_at, made.id) == (1000, NOW, None)
    assert list(made.columns) == ["distance", "carrier", "prediction"]
    bins, counts = made.columns["distance"].bins, made.columns["distance"].counts
    assert isinstance(bins, NumericBins)
    assert bins.edges == tuple(float(-(-1000 * k // 64)) for k in range(1, 64))
    assert counts.sum() == 1000 and counts[bins.null_bin] == 0
    assert made.columns["distance"].extremes == (1.0, 1000.0)
    carrier = made.columns["carrier"]
    assert carrier.extremes is None
    assert isinstance(carrier.bins, CategoricalBins) and carrier.bins.categories == ("UA", "AA", "HA")
    assert carrier.counts.tolist() == [500, 250, 250, 0, 0, 0]
    assert made.columns["prediction"].column.role is Role.PREDICTION


def test_of_a_large_file_a_sample_is_taken_that_is_the_same_every_time(save: Save) -> None:
    path = save(f"{TRAINING} FROM range(50000) t(i)")
    first, second = make(path, rows=2000), make(path, rows=2000)
    assert first.rows == second.rows == 2000
    assert first.columns["distance"].bins == second.columns["distance"].bins
    edges = first.columns["distance"].bins.edges  # type: ignore[union-attr]
    # the median of 2000 of 50000 rows lies within 4 standard errors of the middle
    assert abs(edges[31] - 25_000) < 4 * 50_000 * 0.5 / 2000**0.5


def test_a_csv_file_keeps_labels_that_look_like_numbers(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("distance,carrier,late\n1.5,007,True\n,008,False\nabc,,True\n")
    signature = Signature((*FLIGHT.inputs, Column("late", Kind.CATEGORICAL)), ())
    made = make(tmp_path / "t.csv", signature)
    assert made.columns["carrier"].bins.categories == ("007", "008")  # type: ignore[union-attr]
    assert made.columns["late"].bins.categories == ("true", "false")  # type: ignore[union-attr]
    distance = made.columns["distance"]
    assert distance.counts[distance.bins.null_bin] == 2


def test_a_folder_of_parquet_files_is_one_dataset(tmp_path: Path) -> None:
    for part in (1, 2):
        where = tmp_path / "data" / f"part={part}"
        where.mkdir(parents=True)
        duckdb.connect().execute(f"COPY ({TRAINING} FROM range(100) t(i)) TO '{where}/x.parquet' (FORMAT parquet)")
    assert make(tmp_path / "data").rows == 200


def test_the_files_of_a_delta_table_are_not_read_behind_its_back(tmp_path: Path) -> None:
    (tmp_path / "_delta_log").mkdir()
    with pytest.raises(ValueError, match="is a Delta table"):
        make(tmp_path)


def test_a_table_that_streams_gives_the_same_as_a_file(save: Save) -> None:
    query = f"{TRAINING} FROM range(1000) t(i)"
    table = Table.from_pydict(
        {
            "distance": Array(np.arange(1000, dtype=np.float64)),
            "carrier": Array([("AA", "UA", "UA", "HA")[i % 4] for i in range(1000)], DataType.string()),
        }
    )
    streamed = from_rows(table.to_reader(), FLIGHT, endpoint="f", version=1, source="table", rows=5000, now=NOW)
    from_parquet = make(save(query))
    for name in ("distance", "carrier"):
        assert streamed.columns[name].bins == from_parquet.columns[name].bins
        assert np.array_equal(streamed.columns[name].counts, from_parquet.columns[name].counts)
    assert "prediction" not in streamed.columns


def test_integers_booleans_and_decimals_are_numbers(save: Save) -> None:
    for kind in ("INTEGER", "BOOLEAN", "DECIMAL(9, 2)", "FLOAT", "VARCHAR"):
        made = make(save(f"SELECT CAST(i % 2 AS {kind}) AS distance FROM range(10) t(i)"))
        distance = made.columns["distance"]
        assert distance.counts.sum() == 10 and distance.counts[distance.bins.null_bin] == 0


@pytest.mark.parametrize(
    ("values", "nulls", "non_finite"),
    [("NULL::DOUBLE", 500, 0), ("7.0", 0, 0), ("'NaN'::DOUBLE", 0, 500), ("'-inf'::DOUBLE", 0, 500)],
)
def test_a_column_of_one_value_or_none_has_honest_bins(save: Save, values: str, nulls: int, non_finite: int) -> None:
    made = make(save(f"SELECT {values} AS distance, NULL AS carrier FROM range(500)"))
    distance, carrier = made.columns["distance"], made.columns["carrier"]
    assert isinstance(distance.bins, NumericBins)
    assert distance.counts.sum() == 500
    assert distance.counts[distance.bins.null_bin] == nulls
    assert distance.counts[distance.bins.non_finite_bin] == non_finite
    assert carrier.counts.tolist() == [0, 0, 500]


def test_ten_thousand_categories_are_kept_apart_from_the_never_seen(save: Save) -> None:
    made = make(save("SELECT 'c' || (i % 10000) AS carrier, 1 AS distance FROM range(40000) t(i)"), rows=50_000)
    carrier = made.columns["carrier"]
    assert isinstance(carrier.bins, CategoricalBins) and carrier.bins.complete
    assert carrier.counts.sum() == 40_000 and carrier.counts[carrier.bins.other_bin] == 40_000
    assert carrier.bins.count({"c77": 1, "new": 1}).tolist()[-3:] == [1, 1, 0]


def test_a_column_of_words_where_numbers_belong_is_left_out_and_not_taken_for_nulls(save: Save) -> None:
    assert list(make(save("SELECT 'far' AS distance, 'AA' AS carrier FROM range(9)")).columns) == ["carrier"]


def test_columns_that_the_file_lacks_are_left_out(save: Save) -> None:
    assert list(make(save("SELECT 1.5 AS distance, 'x' AS \"Carrier\"")).columns) == ["distance"]


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("SELECT 1 AS other", "none of the columns"),
        ("SELECT 1.0 AS distance WHERE false", "has no rows"),
        ("SELECT DATE '2026-01-01' AS distance", "no number in any"),
        ("SELECT 'far' AS distance FROM range(9)", "no number in any"),
    ],
)
def test_a_file_that_gives_no_baseline_is_refused_in_a_sentence(save: Save, query: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        make(save(query))


def test_a_file_that_is_none_is_refused_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "t.parquet").write_text("not parquet")
    (tmp_path / "empty").mkdir()
    for path, sentence in (
        (tmp_path / "t.parquet", "cannot be read"),
        (tmp_path / "empty", "cannot be read"),
        (tmp_path / "x", "there is no"),
    ):
        with pytest.raises(ValueError, match=sentence) as refused:
            make(path)
        assert "\n" not in str(refused.value)


def served(n: int, start: int = 0, **changes: Any) -> list[Row]:
    records = [{"distance": float(i), "carrier": "UA"} for i in range(start, start + n)]
    return [
        Row(request("dataframe_records", [one], ["distance", "carrier"]), response("scalars", [0.5])) for one in records
    ]


def test_the_first_rows_served_give_a_baseline_with_predictions() -> None:
    batches = [decode(sample_of(served(80, start)), FLIGHT) for start in (0, 80)]
    made = from_batches(batches, FLIGHT, endpoint="flights", version=3, source="first rows", rows=100, now=NOW)
    assert (made.kind, made.rows) == (BaselineKind.FIRST, 100)
    assert {name: int(column.counts.sum()) for name, column in made.columns.items()} == {
        "distance": 100,
        "carrier": 100,
        "prediction": 100,
    }
    assert max(made.columns["distance"].bins.edges) < 100  # type: ignore[union-attr]


def test_refused_requests_give_no_prediction_to_a_baseline() -> None:
    rows = [Row(row.request, "no", 400) for row in served(30)]
    made = from_batches(
        [decode(sample_of(rows), FLIGHT)], FLIGHT, endpoint="f", version=1, source="s", rows=100, now=NOW
    )
    assert list(made.columns) == ["distance", "carrier"]


def test_the_extremes_of_a_column_are_those_of_its_finite_numbers(save: Save) -> None:
    values = "CASE i % 5 WHEN 0 THEN 'NaN' WHEN 1 THEN 'inf' WHEN 2 THEN NULL ELSE i::VARCHAR END::DOUBLE"
    made = make(save(f"SELECT {values} AS distance, 'AA' AS carrier, 'NaN'::DOUBLE AS prediction FROM range(10) t(i)"))
    assert made.columns["distance"].extremes == (3.0, 9.0)
    assert made.columns["prediction"].extremes is None


def test_nothing_served_gives_no_baseline() -> None:
    with pytest.raises(ValueError, match="has no rows"):
        from_batches([decode(sample_of([]), FLIGHT)], FLIGHT, endpoint="f", version=1, source="s", rows=100, now=NOW)
