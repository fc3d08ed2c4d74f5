"""Who served when, by the record of changes or by who answered."""

from datetime import UTC, datetime, timedelta

from daemon.replay.served import Served
from tests.watch.traffic import QUARTER, START

Requests = dict[int, int]


def shares(answered: list[Requests], *, changes: list[tuple[datetime, Requests]] | None = None) -> list[Requests]:
    """Return version -> percent in each window, where so many requests were answered."""
    served = Served("flights", "m", changes=changes or [], length=QUARTER)
    for n, requests in enumerate(answered):
        served.learn(START + n * QUARTER, requests)
    states = [served.at(START + n * QUARTER, START + (n + 1) * QUARTER) for n in range(len(answered))]
    return [{e.version: e.percent for e in state.served} for state in states]


def test_a_version_serves_while_it_answers() -> None:
    assert shares([{1: 100}, {1: 100}, {2: 100}]) == [{1: 100}, {1: 100}, {2: 100}]


def test_a_lull_changes_nothing() -> None:
    assert shares([{1: 100}, {}, {}, {1: 50}]) == [{1: 100}] * 4


def test_a_canary_that_was_not_asked_for_a_while_still_serves() -> None:
    assert [set(s) for s in shares([{1: 99, 2: 1}, {1: 100}, {1: 100}, {1: 99, 2: 1}])] == [{1, 2}] * 4


def test_one_that_never_comes_back_is_gone() -> None:
    assert shares([{1: 50, 2: 50}, {2: 100}]) == [{1: 50, 2: 50}, {2: 100}]


def test_shares_that_sway_are_no_change_but_another_version_in_charge_is() -> None:
    assert shares([{1: 60, 2: 40}, {1: 55, 2: 45}, {1: 40, 2: 60}]) == [{1: 60, 2: 40}] * 2 + [{1: 40, 2: 60}]


def test_what_the_daemon_saw_goes_before_what_can_be_guessed() -> None:
    changes = [(START + 2 * QUARTER, {1: 90, 2: 10, 3: 0})]
    found = shares([{1: 100}, {1: 100}, {1: 100}], changes=changes)
    assert found == [{1: 100}, {1: 90, 2: 10, 3: 0}, {1: 90, 2: 10, 3: 0}]


def test_a_change_that_comes_later_says_nothing_of_before() -> None:
    assert shares([{1: 100}], changes=[(datetime(2027, 1, 1, tzinfo=UTC), {2: 100})]) == [{1: 100}]


def test_the_configuration_has_another_number_after_each_change_and_no_other_time() -> None:
    served = Served("flights", "m", changes=[], length=QUARTER)
    for n, version in enumerate((1, 1, 2, 2, 1)):
        served.learn(START + n * QUARTER, {version: 10})
    numbers = [served.at(START + n * QUARTER, START + timedelta(days=1)).config_version for n in range(5)]
    assert numbers == [1, 1, 2, 2, 3]
