"""Trails of findings."""

from dataclasses import replace
from math import inf

from daemon.domain.finding import Cause, Check, Statistic, Verdict
from daemon.domain.trail import Phase, Trail
from daemon.store import findings
from daemon.store.engine import Store
from tests.store.nouns import health_trail, trail, window


def test_a_trail_comes_back_as_it_was(store: Store) -> None:
    clearing = trail(phase=Phase.CLEARING, seen=window(0).end, cleared=2, flaps=3, flapping=True, subject="0123abcd")
    given = [clearing, health_trail(phase=Phase.INACTIVE, since=None, recent=(), newest=None)]
    with store.begin() as tx:
        findings.save(tx, given)
    with store.read() as tx:
        assert findings.trails(tx, "flights", 3) == {each.last.check: each for each in given}


def test_what_was_not_measured_stays_unmeasured(store: Store) -> None:
    given = trail()
    given = replace(given, last=replace(given.last, verdict=Verdict.NO_DATA, statistic=None, bound=None, n=0))
    with store.begin() as tx:
        findings.save(tx, [given])
        assert findings.trails(tx, "flights", 3)[given.last.check] == given


def test_a_reported_number_may_be_infinite(store: Store) -> None:
    given = trail()
    given = replace(given, last=replace(given.last, reported=(("chi2", inf),)))
    with store.begin() as tx:
        findings.save(tx, [given])
        assert findings.trails(tx, "flights", 3)[given.last.check] == given


def test_a_later_trail_of_the_same_check_takes_the_place_of_the_earlier(store: Store) -> None:
    later = trail(4, phase=Phase.FIRING)
    with store.begin() as tx:
        findings.save(tx, [trail()])
        findings.save(tx, [later])
        assert findings.recent(tx, "flights") == [later]


def test_checks_and_versions_and_endpoints_have_trails_of_their_own(store: Store) -> None:
    with store.begin() as tx:
        findings.save(tx, [trail(), trail(column="carrier"), trail(version=4), trail(endpoint="delays")])
        assert set(findings.trails(tx, "flights", 3)) == {
            Check(Statistic.KS, "distance"),
            Check(Statistic.KS, "carrier"),
        }
        assert len(findings.recent(tx, "flights")) == 3


def test_saving_no_trails_is_no_error(store: Store) -> None:
    with store.begin() as tx:
        findings.save(tx, [])
        assert findings.recent(tx, "flights") == []


def test_trails_end_with_their_version(store: Store) -> None:
    with store.begin() as tx:
        findings.save(tx, [trail(version=version) for version in (2, 3, 4)])
        findings.save(tx, [trail(endpoint="delays", version=2)])
        findings.close_others(tx, "flights", {3, 4})
        assert [left.last.version for left in findings.recent(tx, "flights")] == [3, 4]
        findings.close_others(tx, "flights", ())
        assert findings.recent(tx, "flights") == []
        assert len(findings.recent(tx, "delays")) == 1


def test_the_ill_of_the_fleet_are_those_in_trouble_of_that_cause_lately(store: Store) -> None:
    def ill(endpoint: str, phase: Phase, n: int = 5) -> Trail:
        return health_trail(n, endpoint=endpoint, phase=phase)

    lately = window(5).end
    with store.begin() as tx:
        findings.save(tx, [ill("pending", Phase.PENDING), ill("firing", Phase.FIRING), ill("clearing", Phase.CLEARING)])
        findings.save(tx, [ill("firing", Phase.FIRING), trail(9, endpoint="firing"), trail(9, endpoint="drifting")])
        findings.save(tx, [ill("well", Phase.INACTIVE), ill("cured", Phase.RESOLVED), ill("long ago", Phase.FIRING, 4)])
        findings.save(tx, [replace(ill("never", Phase.FIRING), newest=None)])
        assert findings.ill(tx, Cause.HEALTH, lately) == {
            "clearing": [ill("clearing", Phase.CLEARING)],
            "firing": [ill("firing", Phase.FIRING)],
            "pending": [ill("pending", Phase.PENDING)],
        }
        assert set(findings.ill(tx, Cause.DRIFT, lately)) == {"firing", "drifting"}
        assert findings.ill(tx, Cause.QUALITY, lately) == {}
