"""No request comes: a silence that is hardly chance calls somebody, once, and nothing else is done."""

import math
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from scipy import stats

from daemon.config.detection import Health
from daemon.domain.decision import Action, Because
from daemon.domain.event import Severity
from daemon.domain.profile import Coverage, Profile
from daemon.domain.profile import Health as Counted
from daemon.domain.window import Window
from daemon.store import profiles
from daemon.watch.silence import Silence, silence
from tests.watch.traffic import after
from tests.watch.world import FLIGHTS, World

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
QUARTER, HOUR, DAY = timedelta(minutes=15), timedelta(hours=1), timedelta(days=1)
LOOKS = 35_064.0
"""Quarters of an hour in a year."""
ALPHA = 1 / LOOKS
"""One false call a year."""
Serves = Callable[[datetime], bool]


def always(_: datetime) -> bool:
    return True


def office(start: datetime) -> bool:
    return start.weekday() < 5 and 8 <= start.hour < 18


def busy(serves: Serves, *, days: float = 28, until: datetime = MONDAY) -> set[datetime]:
    starts = (until - n * QUARTER for n in range(1, 1 + int(days * DAY / QUARTER)))
    return {start for start in starts if serves(start)}


def told(served: Collection[datetime], windows: int, *, since: datetime | None = None) -> Silence | None:
    since = since or max(served) + QUARTER
    until = since + windows * QUARTER
    return silence(served, since=since, until=until, window=QUARTER, looks_per_year=LOOKS, alpha=ALPHA)


def shortest(served: Collection[datetime], *, since: datetime | None = None, most: int = 500) -> int | None:
    """Return after how many windows a silence is told."""
    return next((n for n in range(1, most) if told(served, n, since=since)), None)


def test_an_endpoint_that_was_never_silent_is_missed_after_as_many_windows_as_the_budget_asks_for() -> None:
    """By scipy: none of 2,688 windows was empty, so no more than one in 390 is, with 99.9 %."""
    usual = stats.binomtest(0, 2688, alternative="less").proportion_ci(1 - 1e-3, method="exact").high
    wanted = math.ceil(math.log(LOOKS) / -math.log(usual))
    assert shortest(busy(always)) == wanted == 2
    found = told(busy(always), 4)
    assert found is not None
    assert (found.since, found.windows) == (MONDAY, 4)
    assert found.usual == pytest.approx(usual, rel=1e-6)
    assert found.magnitude == pytest.approx(-4 * math.log10(usual))


def test_an_office_is_missed_in_its_hours_and_never_at_night_or_at_the_weekend() -> None:
    friday = MONDAY + timedelta(days=4, hours=18)
    served = busy(office, until=friday)
    assert max(served) + QUARTER == friday
    weekend = int((timedelta(hours=6) + 2 * DAY + 8 * HOUR) / QUARTER)
    asked = shortest(served)
    assert asked is not None
    assert weekend < asked <= weekend + 10, "on Monday morning, within the office's hours"
    counted = told(served, asked)
    assert counted is not None and counted.windows == asked - weekend


def test_in_its_hours_a_silence_is_held_against_those_hours_alone() -> None:
    """Eighty quarters from ten to eleven on working days, none of them empty: at most one in 12 is."""
    served = busy(office, until=MONDAY + timedelta(hours=10))
    usual = stats.binomtest(0, 80, alternative="less").proportion_ci(1 - 1e-3, method="exact").high
    assert shortest(served) == math.ceil(math.log(LOOKS) / -math.log(usual)) == 5


def test_a_silence_no_longer_than_one_on_record_is_nothing_new() -> None:
    outage = {MONDAY - 9 * DAY + n * QUARTER for n in range(20)}
    asked = shortest(busy(always) - outage)
    assert asked is not None and asked > 20


@pytest.mark.parametrize("days", [0.25, 3, 6.9])
def test_without_a_week_on_record_nothing_is_said(days: float) -> None:
    assert shortest(busy(always, days=days)) is None
    assert told(set(), 500, since=MONDAY) is None


def test_rare_callers_are_not_missed() -> None:
    """A request in every tenth window: most hours are as likely silent as not."""
    assert shortest({start for start in busy(always) if int(start.timestamp() / 900) % 10 == 0}) is None


def test_callers_that_come_by_chance_are_missed_no_more_often_than_the_budget_allows() -> None:
    """Windows that are empty one in five times, by a coin: a hundred years of quarters hold at most what is allowed."""
    rng, calls, looks = np.random.default_rng(20260302), 0, 0
    for _ in range(12):
        served = {start for start in busy(always) if rng.random() < 0.8}
        needed = shortest(served, since=MONDAY, most=60)
        assert needed is not None
        runs = rng.geometric(0.8, size=20_000) - 1
        calls, looks = calls + int((runs >= needed).sum()), looks + int(runs.sum() + runs.size)
    expected = looks * ALPHA
    assert calls <= expected + 4 * math.sqrt(expected)


def remembered(world: World, days: float, serves: Serves = always) -> None:
    """Let it have served for days before the first look."""
    starts = (after(-1) - timedelta(minutes=5) - n * QUARTER for n in range(1, 1 + int(days * DAY / QUARTER)))
    with world.store.begin() as tx:
        profiles.save(
            tx,
            [
                Profile(FLIGHTS, 1, Window(s, s + QUARTER), Counted(100), Coverage(100), None, {})
                for s in starts
                if serves(s)
            ],
        )


def wait(world: World, n: int, minutes: range) -> list[str]:
    for passed in minutes:
        world.look(at=after(n) + timedelta(minutes=passed))
    return world.told()


def test_somebody_is_called_once_and_nothing_else_is_done(world: World) -> None:
    remembered(world, 10)
    world.live(range(4))
    assert wait(world, 3, range(0, 60, 5)) == [], "rows may be an hour late"
    assert wait(world, 3, range(60, 900, 5)) == ["watch.silent"]
    (call,) = world.events()
    assert call.severity is Severity.PAGE
    assert call.sentence.startswith("flights: no request has been logged since 2026-03-01 01:00:00 UTC: 4 windows")
    assert "chance once in 1e" in call.sentence
    assert world.proposals() == []


def test_what_fires_is_not_acted_upon_while_it_is_silent(world: World) -> None:
    remembered(world, 10)
    world.live(range(4))
    world.live(range(4, 6), shift=60)
    world.traffic(6, shift=60)
    seen = world.look(at=after(6) + HOUR)
    assert (seen.decision.action, seen.decision.because) == (Action.PAGE, Because.SILENT)
    assert world.proposals() == []


def test_when_requests_come_again_that_is_told_and_the_next_silence_is_a_call_of_its_own(world: World) -> None:
    remembered(world, 28)
    world.live(range(4))
    wait(world, 3, range(60, 120, 15))
    world.live(range(10, 12))
    assert world.told() == ["watch.silent", "watch.sees_again"]
    # one of six windows is on record by now, so a longer one is asked for
    assert wait(world, 11, range(60, 105, 15)) == ["watch.silent", "watch.sees_again"]
    assert wait(world, 11, range(105, 240, 15))[2:] == ["watch.silent"]


def test_where_there_is_no_record_that_it_should_not_be_silent_it_is_told_as_before(world: World) -> None:
    remembered(world, 10, lambda start: start.hour % 2 == 0)
    world.live(range(4))
    assert wait(world, 3, range(0, 180, 10)) == ["watch.blind"]


def test_a_call_comes_even_after_it_was_told_that_nothing_is_seen(world: World) -> None:
    remembered(world, 8)
    world.change(health=Health(silence=timedelta(hours=4), requests=50))
    world.live(range(4))
    assert wait(world, 3, range(0, 235, 15)) == ["watch.blind"]
    assert wait(world, 3, range(240, 600, 15)) == ["watch.blind", "watch.silent"]
