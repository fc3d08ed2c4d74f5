import math

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors import latency

milliseconds = st.lists(st.floats(0, 1e7) | st.integers(0, 60_000).map(float), min_size=1, max_size=80)


@pytest.mark.parametrize("octave", range(20))
def test_a_power_of_two_opens_a_bucket(octave: int) -> None:
    power = 2.0**octave
    assert latency.bucket([power])[0] == 1 + 8 * octave
    assert latency.bucket([power * (1 - 1e-12)])[0] == 8 * octave


def test_a_bucket_ends_where_the_next_begins() -> None:
    for bucket in range(1, latency.BUCKETS - 1):
        low, high = latency.upper_ms(bucket - 1), latency.upper_ms(bucket)
        assert high / low == pytest.approx(2 ** (1 / 8))
        assert latency.bucket([low * (1 + 1e-9), high * (1 - 1e-9)]).tolist() == [bucket, bucket]


def test_buckets_reach_beyond_ten_minutes() -> None:
    assert latency.upper_ms(latency.BUCKETS - 2) > 10 * 60 * 1_000
    assert latency.upper_ms(latency.BUCKETS - 1) == math.inf


def test_an_engine_that_counts_in_sql_finds_the_same_buckets() -> None:
    sql = (
        "SELECT CASE WHEN ms < 1 THEN 0 ELSE least(1 + floor(8 * log2(ms)), 167) END::BIGINT b FROM range(200000) t(ms)"
    )
    assert np.array_equal(duckdb.execute(sql).fetchnumpy()["b"], latency.bucket(np.arange(200_000)))


@pytest.mark.parametrize(("ms", "bucket"), [(-5.0, 0), (0.0, 0), (0.999, 0), (1e300, 167), (math.inf, 167)])
def test_latencies_out_of_the_ordinary_are_counted_at_the_ends(ms: float, bucket: int) -> None:
    assert latency.bucket([ms])[0] == bucket


@given(milliseconds, milliseconds)
def test_counts_of_parts_add_up_in_any_order(some: list[float], others: list[float]) -> None:
    merged = latency.count(some) + latency.count(others)
    assert np.array_equal(merged, latency.count(others[::-1] + some))
    assert merged.shape == (latency.BUCKETS,) and merged.dtype == np.int64


@given(milliseconds, st.sampled_from([0.01, 0.07, 0.5, 0.9, 0.95, 0.99, 1.0]))
def test_a_quantile_is_never_too_low_and_at_most_a_bucket_too_high(ms: list[float], q: float) -> None:
    exact = sorted(ms)[math.ceil(round(q * len(ms), 9)) - 1]
    found = latency.quantile(latency.count(ms), q)
    assert found > exact
    if 1 <= exact < 1e6:
        assert found <= exact * 2 ** (1 / 8) * (1 + 1e-12)


def test_the_seventh_of_a_hundred_is_the_seventh_although_seven_percent_of_them_are_a_hair_more() -> None:
    assert 0.07 * 100 > 7
    assert latency.quantile(latency.count([1.0] * 7 + [1_000.0] * 93), 0.07) < 2


@given(milliseconds, st.integers(0, latency.BUCKETS - 1))
def test_the_share_above_a_bucket_is_that_of_the_requests(ms: list[float], bucket: int) -> None:
    above = int(np.count_nonzero(latency.bucket(ms) > bucket))
    assert latency.share_above(latency.count(ms), bucket) == (above, len(ms))


def test_mistakes_are_refused() -> None:
    nothing, something = np.zeros(latency.BUCKETS, dtype=np.int64), latency.count([5.0])
    with pytest.raises(ValueError, match="no request"):
        latency.quantile(nothing, 0.5)
    with pytest.raises(ValueError, match="no request"):
        latency.share_above(nothing, 3)
    with pytest.raises(ValueError, match="168 buckets"):
        latency.quantile(np.array([1, 2]), 0.5)
    with pytest.raises(ValueError, match="NaN"):
        latency.count([1.0, math.nan])
    for q in (0.0, 1.01, math.nan):
        with pytest.raises(ValueError, match="quantile"):
            latency.quantile(something, q)
    for bucket in (-1, latency.BUCKETS):
        with pytest.raises(ValueError, match="no bucket"):
            latency.upper_ms(bucket)
        with pytest.raises(ValueError, match="no bucket"):
            latency.share_above(something, bucket)
