"""The checker itself, on histories that are good, and on each kind of bad one."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.faults.history import Call, Kind, Rules, broken, effects

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
RULES = Rules(deploys_in=timedelta(seconds=2), bad={3}, aliases={"m@champion": (2, 1)})


def call(seconds: float, kind: Kind, subject: str, wanted: object, *, granted: bool = True, fresh: bool = True) -> Call:
    return Call(START + timedelta(seconds=seconds), kind, subject, wanted, granted, fresh)


def traffic(seconds: float, wanted: dict[int, int], *, endpoint: str = "a", granted: bool = True) -> Call:
    return call(seconds, Kind.TRAFFIC, endpoint, wanted, granted=granted)


def run(seconds: float, token: str, *, fresh: bool = True) -> Call:
    return call(seconds, Kind.RUN, "101", token, fresh=fresh)


def alias(seconds: float, version: int, *, granted: bool = True) -> Call:
    return call(seconds, Kind.ALIAS, "m@champion", version, granted=granted)


GOOD = [
    run(0, "t"),
    run(1, "t", fresh=False),
    traffic(2, {1: 90, 2: 10}),
    traffic(4, {1: 50, 2: 50}),
    traffic(5, {1: 100}, endpoint="b"),
    traffic(6, {1: 100, 3: 0}),
    alias(7, 1, granted=False),
    alias(8, 1),
    alias(9, 1),
    call(10, Kind.TAG, "1:stale", "now"),
    call(11, Kind.TAG, "1:stale", "now"),
    call(12, Kind.REMOVAL, "1/model", None),
]


def test_a_good_history_breaks_nothing() -> None:
    assert broken(GOOD, RULES) == []


def test_only_what_changed_something_is_an_effect() -> None:
    kept = [GOOD[n] for n in (0, 2, 3, 4, 5, 7, 9, 11)]
    assert effects(GOOD, RULES) == kept


@pytest.mark.parametrize(
    ("more", "trouble"),
    [
        ([traffic(20, {1: 100}), traffic(21, {2: 100})], "two updates overlap"),
        ([traffic(20, {1: 100}), traffic(21, {1: 100}, granted=False)], "asked for during another"),
        ([traffic(20, {1: 90, 2: 5})], "sums to 95"),
        ([traffic(20, {1: 90, 3: 10})], "known bad"),
        ([traffic(20, {1: 90, 2: 10}), traffic(30, {1: 90, 2: 10})], "the same update twice"),
        ([run(20, "t")], "started 2 runs"),
        ([alias(20, 2)], "was pointed at [1, 2]"),
        ([call(20, Kind.ALIAS, "m@other", 1)], "nobody planned to point m@other"),
        ([call(20, Kind.TAG, "1:stale", "later")], "several values"),
        ([call(20, Kind.REMOVAL, "1/model", None)], "removed 2 times"),
    ],
)
def test_each_bad_history_is_told_by_its_name(more: list[Call], trouble: str) -> None:
    (found,) = broken([*GOOD, *more], RULES)
    assert trouble in found


def test_the_order_is_that_of_the_clock_and_not_that_of_the_lists() -> None:
    assert effects(reversed(GOOD), RULES) == effects(GOOD, RULES)
    assert "overlap" in broken([traffic(1, {2: 100}), traffic(0, {1: 100})], RULES)[0]


def test_an_alias_that_skips_a_planned_place_is_told() -> None:
    rules = Rules(aliases={"m@champion": (1, 2, 3)})
    assert broken([alias(0, 3)], rules)
    assert not broken([alias(0, 2)], rules)
