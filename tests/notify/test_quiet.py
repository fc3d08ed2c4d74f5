"""Somebody wishes for quiet: nothing is sent, nothing is lost, and afterwards each endpoint says it all at once."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from daemon.config import settings
from daemon.domain.event import Severity
from daemon.domain.restraint import Restraint, RestraintKind
from daemon.notify.quiet import held_back, quiet_until
from daemon.store import restraints
from tests.fakes import FakeChannel
from tests.notify.messages import T0, event, page
from tests.notify.test_cycle import AWAY, DyingStore, Loop

HOUR = timedelta(hours=1)


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    opened = DyingStore.open(settings.Store(url=f"sqlite:///{tmp_path}/mlsteward.db"))
    yield Loop(opened)
    opened.close()


def quiet(
    loop: Loop, where: str = "flights", kind: RestraintKind = RestraintKind.SILENCE, *, hours: float | None = 1
) -> None:
    until = T0 + hours * HOUR if hours is not None else None
    with loop.store.begin() as tx:
        restraints.impose(tx, Restraint(kind, where, "ada", "why", T0, until))


def resume(loop: Loop, where: str = "flights") -> None:
    with loop.store.begin() as tx:
        assert restraints.lift(tx, [RestraintKind.SILENCE, RestraintKind.PAUSE], where, by="ada", now=loop.now)


@pytest.mark.parametrize("kind", [RestraintKind.SILENCE, RestraintKind.PAUSE])
@pytest.mark.parametrize("where", ["flights", ""])
def test_what_was_held_back_goes_out_as_one_message_when_it_ends(loop: Loop, where: str, kind: RestraintKind) -> None:
    quiet(loop, where, kind)
    loop.queue(event(1), page(2, at=60), event(3, at=120, severity=Severity.INFO), page(4, at=180))
    loop.run_all(after=3599)
    assert loop.titles() == []
    assert len(loop.pending()) == 4
    loop.run_all(after=1)
    assert loop.titles() == ["[page] flights: 4 events"]
    assert loop.pending() == []


def test_each_endpoint_says_its_own(loop: Loop) -> None:
    quiet(loop, "")
    loop.queue(event(1, "a"), page(2, "b"), event(3, "a"), event(4, ""))
    loop.run_all(after=3600)
    assert sorted(loop.titles()) == ["[page] b: sentence 2", "a: 2 events", "mlsteward: sentence 4"]


def test_another_endpoint_is_heard_meanwhile(loop: Loop) -> None:
    quiet(loop, "flights")
    loop.queue(page(1), page(2, "delays"))
    loop.run_all()
    assert loop.titles() == ["[page] delays: sentence 2"]


def test_what_was_lifted_early_is_told_at_once(loop: Loop) -> None:
    quiet(loop)
    loop.queue(event(1))
    loop.run_all(after=60)
    assert loop.titles() == []
    resume(loop)
    loop.run_all()
    assert loop.titles() == ["flights: sentence 1"]


def test_two_wishes_for_quiet_last_as_long_as_the_longer(loop: Loop) -> None:
    quiet(loop, hours=1)
    quiet(loop, "", hours=2)
    loop.queue(page(1))
    loop.run_all(after=3600)
    assert loop.titles() == []
    loop.run_all(after=3600)
    assert loop.titles() == ["[page] flights: sentence 1"]


@pytest.mark.parametrize(
    ("kind", "where", "told"),
    [
        (RestraintKind.PAUSE, "", True),
        (RestraintKind.PAUSE, "flights", True),
        (RestraintKind.SILENCE, "flights", True),
        (RestraintKind.SILENCE, "", False),
        (RestraintKind.HOLD, "", True),
        (RestraintKind.MAINTENANCE, "", True),
        (RestraintKind.KILL, "", True),
        (RestraintKind.STORM, "", True),
    ],
)
def test_a_page_of_the_fleet_is_held_back_by_a_silence_of_the_fleet_alone(
    loop: Loop, kind: RestraintKind, where: str, told: bool
) -> None:
    quiet(loop, where, kind)
    loop.queue(page(1, ""))
    loop.run_all()
    assert bool(loop.titles()) is told


def test_maintenance_and_holds_silence_nobody(loop: Loop) -> None:
    quiet(loop, "", RestraintKind.MAINTENANCE)
    quiet(loop, "flights", RestraintKind.HOLD, hours=None)
    loop.queue(event(1))
    loop.run_all(after=30)
    assert loop.titles() == ["flights: sentence 1"]


def test_the_time_of_quiet_does_not_count_towards_giving_up(loop: Loop) -> None:
    loop.channels[0].fail_next(AWAY, times=6)
    loop.queue(page(1))
    for _ in range(5):
        loop.run(after=300)
    assert loop.pending()[0].attempts == 5
    with loop.store.begin() as tx:
        days = Restraint(RestraintKind.SILENCE, "", "ada", "why", loop.now, loop.now + timedelta(days=10))
        restraints.impose(tx, days)
    loop.run_all(after=10 * 86400)
    assert loop.pending()[0].attempts == 6, "refused once more, and not given up"
    loop.run_all(after=900)
    assert loop.titles() == ["[page] flights: sentence 1"]


def test_what_was_never_quiet_is_given_up_as_ever(loop: Loop) -> None:
    quiet(loop, "delays")
    loop.channels[0].fail_next(AWAY, times=1000)
    loop.queue(page(1))
    while loop.pending():
        loop.run(after=900)
    assert loop.now - T0 < timedelta(days=3, minutes=20)


def test_a_channel_that_is_away_when_the_quiet_ends_hears_it_by_the_backoff(loop: Loop) -> None:
    loop.channels[0].fail_next(AWAY)
    quiet(loop)
    loop.queue(event(1), page(2))
    loop.run_all(after=3600)
    assert loop.titles() == []
    loop.run_all(after=4)
    assert loop.titles() == []
    loop.run_all(after=1)
    assert loop.titles() == ["[page] flights: 2 events"]


def test_what_was_refused_before_the_quiet_is_tried_at_its_end_and_not_by_the_backoff(loop: Loop) -> None:
    loop.channels[0].fail_next(AWAY, times=9)
    loop.queue(page(1))
    while loop.pending()[0].attempts < 9:
        loop.run(after=900)
    minute = Restraint(RestraintKind.SILENCE, "", "ada", "why", loop.now, loop.now + timedelta(minutes=1))
    with loop.store.begin() as tx:
        restraints.impose(tx, minute)
    loop.run_all(after=59)
    assert loop.titles() == []
    loop.run_all(after=1)
    assert loop.titles() == ["[page] flights: sentence 1"]


def test_a_pager_hears_the_pages_of_what_was_held_back_alone(loop: Loop) -> None:
    loop.channels = [FakeChannel("all"), FakeChannel("pager")]
    loop.at_least = {"pager": "page"}
    quiet(loop)
    loop.queue(event(1), page(2))
    loop.run_all(after=3600)
    assert loop.titles(0) == ["[page] flights: 2 events"]
    assert loop.titles(1) == ["[page] flights: sentence 2"]


def test_what_comes_after_the_quiet_is_told_as_ever(loop: Loop) -> None:
    quiet(loop)
    loop.queue(event(1, at=3601), page(2, at=3601))
    loop.run_all(after=3602)
    assert loop.titles() == ["[page] flights: sentence 2"]
    loop.run_all(after=30)
    assert loop.titles() == ["[page] flights: sentence 2", "flights: sentence 1"]


def test_a_restart_in_the_quiet_loses_and_repeats_nothing(loop: Loop, tmp_path: Path) -> None:
    quiet(loop)
    loop.queue(event(1), page(2))
    loop.run_all(after=60)
    loop.store.close()
    loop.store = DyingStore.open(settings.Store(url=f"sqlite:///{tmp_path}/mlsteward.db"))
    loop.run_all(after=3600)
    loop.run_all(after=3600)
    assert loop.titles() == ["[page] flights: 2 events"]


def restraint(start: float, end: float | None, *, lifted: float | None = None) -> Restraint:
    def at(hours: float | None) -> datetime | None:
        return None if hours is None else T0 + hours * HOUR

    since = T0 + start * HOUR
    return Restraint(RestraintKind.SILENCE, "", "ada", "why", since, at(end), 1, at(lifted), "ada" if lifted else "")


@pytest.mark.parametrize(
    ("asked", "held", "until"),
    [
        (restraint(-1, 2), True, None),
        (restraint(-1, 1), False, 1),
        (restraint(-2, -1), False, None),
        (restraint(0.5, 1), False, 1),
        (restraint(-1, None), True, None),
        (restraint(-1, None, lifted=0.5), False, 0.5),
        # asked for before the clock was set back: a silence cannot be announced, so it holds already
        (restraint(2, 3), True, None),
        (restraint(2, 3, lifted=0.5), False, None),
    ],
)
def test_when_an_event_of_noon_may_be_told_at_one(asked: Restraint, held: bool, until: float | None) -> None:
    now = T0 + HOUR
    assert held_back(event(1), [asked], now) is held
    expected = None if until is None else T0 + until * HOUR
    assert quiet_until(event(1), [asked], now) == expected
