"""Restraints in time: what holds, what is to come, what held a moment ago."""

from datetime import datetime, timedelta

import pytest

from daemon.domain.restraint import Restraint, RestraintKind
from daemon.store import restraints
from daemon.store.engine import Store
from tests.store.nouns import T0

HOUR = timedelta(hours=1)
PAUSE, SILENCE, HOLD = RestraintKind.PAUSE, RestraintKind.SILENCE, RestraintKind.HOLD


def at(hours: float | None) -> datetime | None:
    return None if hours is None else T0 + hours * HOUR


def impose(store: Store, kind: RestraintKind, start: float, end: float | None, where: str = "flights") -> Restraint:
    with store.begin() as tx:
        return restraints.impose(tx, Restraint(kind, where, "ada", "why", T0 + start * HOUR, at(end)))


def lift(store: Store, hours: float) -> None:
    with store.begin() as tx:
        assert restraints.lift(tx, [PAUSE, SILENCE, HOLD], "flights", by="bob", now=T0 + hours * HOUR)


@pytest.mark.parametrize(
    ("start", "end", "in_force", "unlifted"),
    [(-1, 1, True, True), (-1, None, True, True), (-1, 0, False, False), (0, 1, True, True), (1, 2, False, True)],
)
def test_what_holds_now_and_what_is_to_come(
    store: Store, start: float, end: float | None, in_force: bool, unlifted: bool
) -> None:
    one = impose(store, RestraintKind.MAINTENANCE, start, end)
    with store.read() as tx:
        assert restraints.in_force(tx, T0) == ([one] if in_force else [])
        assert restraints.unlifted(tx, T0) == ([one] if unlifted else [])


def test_what_was_lifted_holds_no_longer_and_stays_on_record(store: Store) -> None:
    one = impose(store, PAUSE, -2, None)
    lift(store, -1)
    with store.read() as tx:
        assert restraints.unlifted(tx, T0) == []
        (kept,) = restraints.since(tx, [PAUSE], T0 - 1.5 * HOUR)
    assert (kept.id, kept.lifted_at, kept.lifted_by) == (one.id, T0 - HOUR, "bob")


@pytest.mark.parametrize(
    ("end", "lifted", "found"),
    [(-1, None, False), (0, None, False), (1, None, True), (None, None, True), (1, -1, False), (2, 1, True)],
)
def test_what_lasted_beyond_a_moment(store: Store, end: float | None, lifted: float | None, found: bool) -> None:
    impose(store, SILENCE, -3, end)
    if lifted is not None:
        lift(store, lifted)
    with store.read() as tx:
        assert bool(restraints.since(tx, [PAUSE, SILENCE], T0)) is found
        assert restraints.since(tx, [HOLD], T0) == []


def test_an_endpoint_feels_its_own_and_the_fleets(store: Store) -> None:
    for where in ("flights", "delays", ""):
        impose(store, HOLD, -1, None, where)
    with store.read() as tx:
        assert [r.endpoint for r in restraints.in_force(tx, T0, "flights")] == ["flights", ""]
        assert [r.endpoint for r in restraints.in_force(tx, T0, "")] == [""]
        assert len(restraints.in_force(tx, T0)) == 3
