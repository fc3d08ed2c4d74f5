"""Restraints: in force from when they are written down to their end or until lifted, and kept for the record."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from daemon.domain.restraint import Restraint, RestraintKind
from daemon.store import restraints, tables
from daemon.store.engine import Store
from tests.store.nouns import T0

HOUR = timedelta(hours=1)


def restraint(kind: RestraintKind = RestraintKind.PAUSE, **changes: Any) -> Restraint:
    plain = Restraint(kind, "flights", "ada", "the vendor is at work", T0, T0 + HOUR)
    return replace(plain, **changes)


def impose(store: Store, *given: Restraint) -> list[Restraint]:
    with store.begin() as tx:
        return [restraints.impose(tx, each) for each in given]


def in_force(store: Store, now: datetime, endpoint: str | None = None) -> list[int | None]:
    with store.read() as tx:
        return [one.id for one in restraints.in_force(tx, now, endpoint)]


def lift(store: Store, *kinds: RestraintKind, endpoint: str = "flights", now: datetime = T0) -> list[Restraint]:
    with store.begin() as tx:
        return restraints.lift(tx, kinds, endpoint, by="grace", now=now)


@pytest.mark.parametrize("kind", RestraintKind)
@pytest.mark.parametrize("until", [None, T0 + HOUR])
def test_a_restraint_comes_back_as_it_was(store: Store, kind: RestraintKind, until: datetime | None) -> None:
    (one,) = impose(store, restraint(kind, until=until))
    assert one.id is not None
    with store.read() as tx:
        assert restraints.in_force(tx, T0) == [one] == [replace(restraint(kind, until=until), id=one.id)]


def test_it_holds_until_just_before_its_end(store: Store) -> None:
    (one,) = impose(store, restraint())
    held = [in_force(store, now) for now in (T0, T0 + HOUR - timedelta(microseconds=1), T0 + HOUR)]
    assert held == [[one.id], [one.id], []]


@pytest.mark.parametrize("kind", sorted(set(RestraintKind) - {RestraintKind.MAINTENANCE}))
def test_a_clock_that_is_set_back_does_not_undo_it(store: Store, kind: RestraintKind) -> None:
    (one,) = impose(store, restraint(kind))
    assert in_force(store, T0 - 24 * HOUR) == [one.id]


def test_a_maintenance_begins_when_it_was_planned_for_and_can_be_lifted_before(store: Store) -> None:
    one, other = impose(store, *(restraint(RestraintKind.MAINTENANCE, endpoint=name) for name in ("flights", "delays")))
    moment = timedelta(microseconds=1)
    assert in_force(store, T0 - moment) == []
    assert in_force(store, T0) == [one.id, other.id]
    assert lift(store, RestraintKind.MAINTENANCE, now=T0 - HOUR) == [one]
    assert in_force(store, T0) == [other.id]


def test_without_an_end_it_holds_until_it_is_lifted(store: Store) -> None:
    (one,) = impose(store, restraint(until=None))
    assert in_force(store, T0 + 10_000 * HOUR) == [one.id]
    lift(store, RestraintKind.PAUSE, now=T0 + HOUR)
    assert in_force(store, T0 + 10_000 * HOUR) == []


def test_the_fleets_own_concern_every_endpoint_and_an_endpoints_only_itself(store: Store) -> None:
    fleet, flights, delays = impose(store, *(restraint(endpoint=name) for name in ("", "flights", "delays")))
    assert in_force(store, T0) == [fleet.id, flights.id, delays.id]
    assert in_force(store, T0, "flights") == [fleet.id, flights.id]
    assert in_force(store, T0, "elsewhere") == [fleet.id]
    assert in_force(store, T0, "") == [fleet.id]


def test_what_is_lifted_is_of_those_kinds_and_exactly_there(store: Store) -> None:
    given = [restraint(kind, endpoint=name) for kind in RestraintKind for name in ("", "flights", "delays")]
    imposed = impose(store, *given)
    lifted = lift(store, RestraintKind.HOLD, RestraintKind.PAUSE)
    assert [(one.kind, one.endpoint) for one in lifted] == [
        (RestraintKind.PAUSE, "flights"),
        (RestraintKind.HOLD, "flights"),
    ]
    assert in_force(store, T0) == [one.id for one in imposed if one.id not in {each.id for each in lifted}]


def test_what_is_over_is_not_lifted(store: Store) -> None:
    over, going_on = impose(store, restraint(), restraint(until=T0 + 6 * HOUR))
    assert [one.id for one in lift(store, RestraintKind.PAUSE, now=T0 + HOUR)] == [going_on.id]
    assert over.id != going_on.id


def test_what_is_lifted_stays_in_the_record_with_who_lifted_it(store: Store) -> None:
    impose(store, restraint())
    assert len(lift(store, RestraintKind.PAUSE, now=T0 + HOUR / 2)) == 1
    assert lift(store, RestraintKind.PAUSE, now=T0 + HOUR / 2) == [], "once"
    with store.read() as tx:
        row = tx.execute(select(tables.restraint)).one()
    assert (row.lifted_at, row.lifted_by, row.owner) == (T0 + HOUR / 2, "grace", "ada")


def test_what_is_prolonged_ends_later_and_nothing_else_does(store: Store) -> None:
    one, other = impose(store, restraint(), restraint())
    with store.begin() as tx:
        restraints.prolong(tx, one, T0 + 3 * HOUR)
    assert in_force(store, T0 + 2 * HOUR) == [one.id]
    assert other.id != one.id


MOMENTS = st.integers(-2, 12).map(lambda n: T0 + n * HOUR)


@given(
    kind=st.sampled_from(RestraintKind),
    since=MOMENTS,
    until=st.none() | MOMENTS,
    lifted=st.none() | MOMENTS,
    now=MOMENTS,
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_it_holds_where_it_was_not_lifted_is_not_over_and_not_to_come(
    store: Store, kind: RestraintKind, since: datetime, until: datetime | None, lifted: datetime | None, now: datetime
) -> None:
    one = restraint(kind, since=since, until=until, lifted_at=lifted)
    with store.begin() as tx:
        tx.execute(delete(tables.restraint))
        restraints.impose(tx, one)
        assert bool(restraints.in_force(tx, now)) is one.holds_at(now)
        to_come = kind is RestraintKind.MAINTENANCE and now < since
        assert one.holds_at(now) is (lifted is None and (until is None or now < until) and not to_come)


def test_what_concerned_an_endpoint_in_a_stretch_of_time_is_found_lifted_or_not(store: Store) -> None:
    stood, over, to_come, elsewhere, fleet = impose(
        store,
        restraint(),
        restraint(since=T0 - 9 * HOUR, until=T0 - 8 * HOUR),
        restraint(RestraintKind.MAINTENANCE, since=T0 + 5 * HOUR, until=T0 + 6 * HOUR),
        restraint(endpoint="air-time"),
        restraint(RestraintKind.HOLD, endpoint="", until=None),
    )
    lift(store, RestraintKind.HOLD, endpoint="", now=T0 + 2 * HOUR)

    def found(since: datetime, until: datetime) -> list[int | None]:
        with store.read() as tx:
            return [one.id for one in restraints.between(tx, "flights", since, until)]

    assert elsewhere.id not in found(T0 - 99 * HOUR, T0 + 99 * HOUR)
    assert found(T0, T0 + HOUR) == [stood.id, fleet.id]
    assert found(T0 + 3 * HOUR, T0 + 4 * HOUR) == []
    assert found(T0 + 3 * HOUR, T0 + 6 * HOUR) == [to_come.id]
    assert found(T0 - 10 * HOUR, T0) == [over.id]
