"""The record of versions."""

from dataclasses import replace
from datetime import timedelta

import pytest

from daemon.domain.remediation import Standing, VersionVerdict
from daemon.store import verdicts
from daemon.store.engine import Store
from tests.store.nouns import T0

GOOD = VersionVerdict("flights", "main.models.flights", 3, Standing.GOOD, "3 healthy windows", T0)
LATER = replace(GOOD, reason="4 healthy windows", set_at=T0 + timedelta(minutes=15))
BAD = replace(GOOD, standing=Standing.BAD, reason="rolled back", set_at=T0 - timedelta(days=1))
WORSE = replace(BAD, reason="rolled back again", set_at=T0 + timedelta(days=1))


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ([GOOD, LATER], LATER),
        ([LATER, GOOD], LATER),
        ([BAD, LATER], BAD),
        ([LATER, BAD], BAD),
        ([BAD, WORSE], WORSE),
        ([WORSE, BAD], WORSE),
    ],
    ids=[
        "newer good moves it forward",
        "older good changes nothing",
        "good never overwrites bad",
        "bad overwrites good however old",
        "newer bad says why",
        "older bad changes nothing",
    ],
)
def test_of_two_verdicts_on_a_version(store: Store, given: list[VersionVerdict], left: VersionVerdict) -> None:
    with store.begin() as tx:
        for verdict in given:
            verdicts.set_standing(tx, verdict)
        assert verdicts.record(tx, "flights") == [left]


def test_the_record_of_an_endpoint_holds_all_its_versions_in_order(store: Store) -> None:
    record = [replace(GOOD, version=version) for version in (2, 10, 11)]
    with store.begin() as tx:
        for verdict in [*record[::-1], replace(GOOD, endpoint="delays")]:
            verdicts.set_standing(tx, verdict)
        assert verdicts.record(tx, "flights") == record


def test_the_record_of_a_model_holds_what_every_endpoint_says_of_it(store: Store) -> None:
    record = [GOOD, replace(BAD, endpoint="canary"), replace(GOOD, version=4)]
    with store.begin() as tx:
        for verdict in [*record, replace(GOOD, model="main.models.delays")]:
            verdicts.set_standing(tx, verdict)
        found = verdicts.of_model(tx, "main.models.flights")
    assert [(each.endpoint, each.version) for each in found] == [("canary", 3), ("flights", 3), ("flights", 4)]


def test_a_cleared_version_can_be_good_again(store: Store) -> None:
    with store.begin() as tx:
        verdicts.set_standing(tx, BAD)
        verdicts.set_standing(tx, replace(BAD, version=4))
        verdicts.set_standing(tx, replace(BAD, endpoint="delays"))
        verdicts.clear(tx, "flights", 3)
        verdicts.set_standing(tx, GOOD)
        assert verdicts.record(tx, "flights") == [GOOD, replace(BAD, version=4)]
        assert len(verdicts.record(tx, "delays")) == 1
