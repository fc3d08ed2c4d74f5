"""Moments and documents in both databases."""

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Dialect, literal, select
from sqlalchemy.dialects.sqlite import dialect

from daemon.domain.finding import Verdict
from daemon.store.engine import Store, StoreError
from daemon.store.types import Document, UtcTime, plain
from tests.store.nouns import T0

ANY_DIALECT: Dialect = dialect()
ZONES = st.integers(-23, 23).map(lambda hours: timezone(timedelta(hours=hours, minutes=30)))
MOMENTS = st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1), timezones=ZONES)  # noqa: DTZ001


@given(moment=MOMENTS)
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_moment_of_any_zone_comes_back_as_the_same_moment_in_utc(store: Store, moment: datetime) -> None:
    with store.read() as tx:
        found = tx.execute(select(literal(moment, UtcTime))).scalar_one()
    assert found == moment
    assert found.tzinfo is UTC


def test_a_moment_is_stored_as_microseconds_since_the_epoch() -> None:
    moment = datetime(2001, 9, 9, 1, 46, 40, 1, tzinfo=UTC)
    assert UtcTime().process_bind_param(moment, ANY_DIALECT) == 1_000_000_000_000_001


def test_a_moment_before_the_epoch_is_not_rounded() -> None:
    moment = datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    assert UtcTime().process_bind_param(moment, ANY_DIALECT) == -1


def test_a_moment_without_a_zone_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="needs a zone") as caught, store.read() as tx:
        tx.execute(select(literal(T0.replace(tzinfo=None), UtcTime)))
    assert not caught.value.transient


def test_a_document_holds_what_findings_are_made_of(store: Store) -> None:
    given = {
        "verdict": Verdict.BREACH,
        "at": T0,
        "for": timedelta(minutes=2),
        "n": np.int64(3),
        "share": np.float64(0.1),
        "flag": np.bool_(True),
        "bounds": (1, 2.5, None),
        "versions": {3, 1},
        7: "ü\x00",
    }
    with store.read() as tx:
        found = tx.execute(select(literal(given, Document))).scalar_one()
    assert found == {
        "verdict": "breach",
        "at": "2026-03-01T12:00:00+00:00",
        "for": 120.0,
        "n": 3,
        "share": 0.1,
        "flag": True,
        "bounds": [1, 2.5, None],
        "versions": [1, 3],
        "7": "ü\x00",
    }


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf"), np.float64("nan"), np.float32("inf")])
def test_a_number_that_is_none_becomes_a_word_that_reads_back(store: Store, number: float) -> None:
    with store.read() as tx:
        found = tx.execute(select(literal({"x": number}, Document))).scalar_one()
    assert found["x"] == str(float(number))
    assert repr(float(found["x"])) == repr(float(number))


def test_a_number_keeps_every_digit(store: Store) -> None:
    with store.read() as tx:
        assert tx.execute(select(literal([0.1 + 0.2, 5e-324], Document))).scalar_one() == [0.1 + 0.2, 5e-324]


def test_what_json_cannot_say_is_refused() -> None:
    with pytest.raises(TypeError, match="object has no place"):
        plain({"x": [object()]})
