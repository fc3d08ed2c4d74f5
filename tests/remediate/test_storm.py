"""Many endpoints ill at once: one page, nothing new begins, and it ends by itself once it has been calm."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from daemon.config.settings import Safety
from daemon.domain.event import Event, Severity
from daemon.domain.finding import Check, Statistic
from daemon.domain.remediation import IN_FLIGHT, Remediation, Remedy, State
from daemon.domain.restraint import Restraint, RestraintKind
from daemon.domain.trail import Phase
from daemon.remediate import storm
from daemon.remediate.doors import Lately
from daemon.store import events, findings, remediations, restraints
from daemon.store.engine import Store
from tests.remediate.conftest import Tell
from tests.remediate.stories import DRIFT, ENDPOINT, ERRORS, MINUTE, START, Story, firing, proposal
from tests.remediate.test_rollback import bad_release
from tests.store.together import together

SPEAKS_FOR = timedelta(hours=1)
LABELS_SPEAK_FOR = timedelta(days=9)
CALM = Safety().storm_calm


def fleet(size: int) -> dict[str, Lately]:
    return {f"endpoint {n}": Lately(SPEAKS_FOR, LABELS_SPEAK_FOR) for n in range(size)}


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Store:
    opened: Store = request.getfixturevalue(f"{request.param}_store")
    return opened


def ill(store: Store, *names: str, check: Check = ERRORS, phase: Phase = Phase.FIRING, at: datetime = START) -> None:
    trails = [replace(firing(check, endpoint=name, version=1, end=at), phase=phase) for name in names]
    with store.begin() as tx:
        findings.save(tx, trails)


def well(store: Store, *names: str) -> None:
    with store.begin() as tx:
        for name in names:
            findings.close_others(tx, name, [])


def treated(store: Store, name: str, state: State, remedy: Remedy = Remedy.RETRAIN) -> Remediation:
    one = replace(proposal(remedy, START), id=f"{name} {remedy}", endpoint=name, state=state, began_at=START)
    with store.begin() as tx:
        assert remediations.propose(tx, one)
    return one


def names(*numbers: int) -> list[str]:
    return [f"endpoint {n}" for n in numbers]


def watch(store: Store, size: int = 5, *, now: datetime = START) -> bool:
    """Look over the fleet once; return whether so many are ill that it is a storm."""
    seen = storm.watch_storm(store, fleet(size), Safety(), now=now)
    return len(seen.ill) >= seen.many


def in_force(store: Store, now: datetime) -> list[Restraint]:
    with store.read() as tx:
        return [r for r in restraints.in_force(tx, now) if r.kind is RestraintKind.STORM]


def pages(store: Store) -> list[Event]:
    with store.read() as tx:
        return [e for e in events.history(tx, limit=99) if e.kind == "incident.storm"]


@pytest.mark.parametrize(
    ("size", "share", "least", "many"),
    [
        # 40 %, and no fewer than 3
        (1, 0.4, 3, 3),
        (3, 0.4, 3, 3),
        (5, 0.4, 3, 3),
        (7, 0.4, 3, 3),
        (8, 0.4, 3, 4),
        (10, 0.4, 3, 4),
        (50, 0.4, 3, 20),
        (51, 0.4, 3, 21),
        (100, 0.1, 2, 10),
        (5, 0.1, 2, 2),
        (5, 1.0, 3, 5),
    ],
)
def test_so_many_at_once_are_a_storm(size: int, share: float, least: int, many: int) -> None:
    assert storm.many(size, Safety(storm_share=share, storm_least=least)) == many


@pytest.mark.parametrize(("size", "many"), [(3, 3), (5, 3), (50, 20)])
def test_one_fewer_is_none(store: Store, size: int, many: int) -> None:
    ill(store, *names(*range(many - 1)))
    assert not watch(store, size)
    assert (in_force(store, START), pages(store)) == ([], [])
    ill(store, *names(many - 1))
    assert watch(store, size)
    (begun,) = in_force(store, START)
    assert (begun.endpoint, begun.owner, begun.until) == ("", "mlsteward", START + CALM)
    (page,) = pages(store)
    assert (page.severity, page.endpoint) == (Severity.PAGE, "")
    assert page.numbers == {"ill": sorted(names(*range(many))), "fleet": size, "many": many}
    assert page.dedup_key


def test_a_fleet_of_two_can_have_none(store: Store) -> None:
    ill(store, *names(0, 1))
    assert not watch(store, 2)


@pytest.mark.parametrize(
    ("check", "phase", "counts"),
    [
        (ERRORS, Phase.PENDING, True),
        (ERRORS, Phase.FIRING, True),
        (ERRORS, Phase.CLEARING, True),
        (ERRORS, Phase.RESOLVED, False),
        (ERRORS, Phase.INACTIVE, False),
        (DRIFT, Phase.PENDING, False),
        (DRIFT, Phase.FIRING, True),
        (DRIFT, Phase.CLEARING, True),
        (DRIFT, Phase.RESOLVED, False),
        (Check(Statistic.NULLS, "distance"), Phase.FIRING, False),
        (Check(Statistic.ACCURACY), Phase.FIRING, True),
        (Check(Statistic.ACCURACY), Phase.PENDING, False),
    ],
)
def test_ill_is_trouble_with_health_or_certain_drift_or_fall_of_performance(
    sqlite_store: Store, check: Check, phase: Phase, counts: bool
) -> None:
    ill(sqlite_store, *names(0, 1))
    ill(sqlite_store, *names(2), check=check, phase=phase)
    assert watch(sqlite_store) is counts


def test_several_checks_of_one_endpoint_are_one(sqlite_store: Store) -> None:
    for check in (ERRORS, DRIFT, Check(Statistic.LATENCY_P95)):
        ill(sqlite_store, *names(0, 1), check=check)
    assert not watch(sqlite_store)


def test_what_was_found_long_ago_does_not_speak_for_the_present(sqlite_store: Store) -> None:
    ill(sqlite_store, *names(0, 1, 2))
    assert watch(sqlite_store, now=START + SPEAKS_FOR)
    assert not watch(sqlite_store, now=START + SPEAKS_FOR + timedelta(seconds=1))


def test_labels_that_are_broken_for_all_are_a_storm_and_speak_for_as_long_as_labels_are_late(
    sqlite_store: Store,
) -> None:
    ill(sqlite_store, *names(0, 1, 2), check=Check(Statistic.ACCURACY))
    assert watch(sqlite_store, now=START + LABELS_SPEAK_FOR)
    assert not watch(sqlite_store, now=START + LABELS_SPEAK_FOR + CALM + timedelta(seconds=1))


def test_an_endpoint_that_is_not_looked_after_any_more_does_not_count(sqlite_store: Store) -> None:
    ill(sqlite_store, *names(0, 1), "removed")
    assert not watch(sqlite_store)


@pytest.mark.parametrize("state", sorted(IN_FLIGHT))
def test_what_is_under_treatment_counts_until_it_has_been_verified(store: Store, state: State) -> None:
    ill(store, *names(0, 1))
    treated(store, "endpoint 2", state)
    assert watch(store)


@pytest.mark.parametrize(
    ("remedy", "state"),
    [
        (Remedy.ARCHIVE, State.EXECUTING),
        (Remedy.ROLLBACK, State.SUCCEEDED),
        (Remedy.ROLLBACK, State.BLOCKED),
        (Remedy.ROLLBACK, State.SCHEDULED),
    ],
)
def test_what_is_not_under_treatment_does_not(sqlite_store: Store, remedy: Remedy, state: State) -> None:
    ill(sqlite_store, *names(0, 1))
    treated(sqlite_store, "endpoint 2", state, remedy)
    assert not watch(sqlite_store)


def test_an_endpoint_that_is_ill_and_under_treatment_is_one(sqlite_store: Store) -> None:
    ill(sqlite_store, *names(0, 1))
    treated(sqlite_store, "endpoint 1", State.EXECUTING)
    assert not watch(sqlite_store)


def test_it_goes_on_without_another_page_and_ends_when_it_has_been_calm(store: Store) -> None:
    ill(store, *names(0, 1, 2))
    assert [watch(store, now=START + n * MINUTE) for n in (0, 10, 25)] == [True] * 3
    well(store, *names(0))
    assert not watch(store, now=START + 26 * MINUTE)
    calm = START + 25 * MINUTE + CALM
    assert in_force(store, calm - timedelta(seconds=1))
    assert not in_force(store, calm)
    assert len(pages(store)) == 1


def test_a_second_one_in_the_calm_is_the_same_one(store: Store) -> None:
    ill(store, *names(0, 1, 2))
    watch(store)
    well(store, *names(0, 1, 2))
    watch(store, now=START + 20 * MINUTE)
    ill(store, *names(2, 3, 4), at=START + 29 * MINUTE)
    assert watch(store, now=START + 29 * MINUTE)
    (one,) = in_force(store, START + 29 * MINUTE)
    assert (one.since, one.until) == (START, START + 29 * MINUTE + CALM)
    assert len(pages(store)) == 1


def test_one_after_the_calm_is_another_one(store: Store) -> None:
    ill(store, *names(0, 1, 2))
    watch(store)
    later = START + CALM + MINUTE
    ill(store, *names(0, 1, 2), at=later)
    assert watch(store, now=later)
    assert [r.since for r in in_force(store, later)] == [later]
    assert len(pages(store)) == 2


def test_two_who_look_at_once_begin_one(store: Store) -> None:
    ill(store, *names(0, 1, 2))
    looks = [lambda n=n: watch(store, now=START + n * timedelta(seconds=1)) for n in range(4)]
    assert together(*looks) == [True] * 4
    assert len(in_force(store, START + MINUTE)) == len(pages(store)) == 1


@pytest.fixture
def stormy(tell: Tell) -> Story:
    """A bad release, which is about to be rolled back, in a fleet of five."""
    story = tell()
    whole = {ENDPOINT: Lately(SPEAKS_FOR), **fleet(4)}
    story.doors = replace(story.doors, fleet=whole)
    return bad_release(story)


def test_three_of_five_at_once_and_nothing_is_done(stormy: Story) -> None:
    with stormy.memory.begin() as tx:
        # drift, because errors of a single other endpoint would hold it up already
        trails = [firing(DRIFT, endpoint=name, version=1, end=stormy.now) for name in names(0, 1)]
        findings.save(tx, trails)
    before = stormy.done()
    stormy.step()
    assert stormy.newest().state is State.BLOCKED
    assert "3 of 5 endpoints are ill or under treatment; 3 are a storm" in stormy.newest().outcome
    assert stormy.done() == before


def test_what_is_about_to_be_treated_is_ill_once_however_many_ways_it_shows(stormy: Story) -> None:
    ill(stormy.memory, *names(0), check=DRIFT)
    stormy.step()
    assert stormy.newest().state is State.EXECUTING, "two of five"


def test_those_under_treatment_keep_the_next_from_being_begun(stormy: Story) -> None:
    for name in names(0, 1):
        treated(stormy.memory, name, State.VERIFYING, Remedy.ROLLBACK)
    stormy.step()
    mine = next(r for r in stormy.history() if r.endpoint == ENDPOINT)
    assert mine.state is State.BLOCKED
    assert "storm: 3 of 5" in mine.outcome


def test_after_a_storm_nothing_begins_until_it_has_been_calm(stormy: Story) -> None:
    ill(stormy.memory, *names(0, 1), check=DRIFT, at=stormy.now)
    storm.watch_storm(stormy.memory, stormy.doors.fleet, Safety(), now=stormy.now)
    well(stormy.memory, *names(0, 1))
    begun = stormy.now
    stormy.live(until=State.EXECUTING)
    assert timedelta() <= stormy.now - begun - CALM <= 5 * MINUTE


def test_a_storm_does_not_stop_what_was_begun_before(stormy: Story) -> None:
    stormy.live(until=State.EXECUTING)
    ill(stormy.memory, *names(0, 1, 2), check=DRIFT, at=stormy.now)
    storm.watch_storm(stormy.memory, stormy.doors.fleet, Safety(), now=stormy.now)
    assert stormy.live().newest().state is State.SUCCEEDED
