"""Events: the record and the queue."""

from dataclasses import replace
from datetime import timedelta

from daemon.domain.event import Severity
from daemon.store import events
from daemon.store.engine import Store
from tests.store.nouns import T0, event
from tests.store.together import together

MINUTE = timedelta(minutes=1)


def test_an_event_comes_back_as_it_was(store: Store) -> None:
    given = event(
        "key", severity=Severity.PAGE, numbers={"n": 3, "why": ["ü"]}, attempts=2, tried_at=T0, taken=("slack", "mail")
    )
    with store.begin() as tx:
        added = events.append(tx, given)
        assert added is not None
        assert added == replace(given, id=added.id)
        assert events.history(tx, limit=9) == [added]


def test_two_events_with_one_key_are_one(store: Store) -> None:
    with store.begin() as tx:
        first = events.append(tx, event("key"))
        assert first is not None
        assert events.append(tx, event("key", sentence="again")) is None
        # nothing but the key stood in the way, and the transaction goes on
        assert events.append(tx, event("other")) is not None
        assert [found.sentence for found in events.due(tx, 9)] == [first.sentence] * 2


def test_two_threads_with_one_key_add_one_event(store: Store) -> None:
    def append() -> bool:
        with store.begin() as tx:
            return events.append(tx, event("key")) is not None

    assert sorted(together(append, append)) == [False, True]


def test_events_without_a_key_are_all_kept_and_never_due(store: Store) -> None:
    with store.begin() as tx:
        added = [events.append(tx, event()) for _ in range(3)]
        assert len({found.id for found in added if found}) == 3
        assert events.due(tx, 9) == []
        assert len(events.history(tx, limit=9)) == 3


def test_the_oldest_events_are_due_first(store: Store) -> None:
    with store.begin() as tx:
        for minutes in (3, 1, 2):
            events.append(tx, event(f"key {minutes}", at=T0 + minutes * MINUTE))
        assert [found.dedup_key for found in events.due(tx, 2)] == ["key 1", "key 2"]


def test_what_is_delivered_is_not_due_and_its_key_is_still_taken(store: Store) -> None:
    with store.begin() as tx:
        added = events.append(tx, event("key"))
        assert added is not None
        events.delivered(tx, added, T0 + MINUTE)
        assert events.due(tx, 9) == []
        assert events.append(tx, event("key")) is None
        assert [found.delivered_at for found in events.history(tx, limit=9)] == [T0 + MINUTE]


def test_attempts_and_the_channels_that_took_it_are_remembered(store: Store) -> None:
    with store.begin() as tx:
        one, other = events.append(tx, event("one")), events.append(tx, event("other"))
        assert one is not None
        once = events.attempted(tx, one, T0 + MINUTE)
        again = events.attempted(tx, once, T0 + 2 * MINUTE)
        told = events.taken(tx, events.taken(tx, again, "slack"), "mail")
    with store.read() as tx:
        assert events.due(tx, 9) == [told, other]
    assert (told.attempts, told.tried_at, told.taken) == (2, T0 + 2 * MINUTE, ("slack", "mail"))


def test_history_comes_newest_first_for_one_endpoint_or_all(store: Store) -> None:
    with store.begin() as tx:
        for minutes, endpoint in enumerate(("flights", "delays", "flights", "")):
            events.append(tx, event(at=T0 + minutes * MINUTE, endpoint=endpoint))
        assert [found.endpoint for found in events.history(tx, limit=3)] == ["", "flights", "delays"]
        assert [found.at for found in events.history(tx, "flights", limit=9)] == [T0 + 2 * MINUTE, T0]


def test_the_newest_event_of_a_kind_is_found_among_others(store: Store) -> None:
    with store.begin() as tx:
        for minutes in (1, 2):
            events.append(tx, event(at=T0 + minutes * MINUTE, kind="incident.upstream"))
        events.append(tx, event(at=T0 + 3 * MINUTE))
        events.append(tx, event(at=T0 + 4 * MINUTE, kind="incident.upstream", endpoint="delays"))
        found = [events.newest(tx, "incident.upstream", *where) for where in ((), ("flights",), ("elsewhere",))]
        assert events.newest(tx, "watch.blind") is None
    assert [each and each.at for each in found] == [T0 + 4 * MINUTE, T0 + 2 * MINUTE, None]


def test_the_last_event_of_some_kinds_is_the_one_that_was_added_last_whatever_the_clock_said(store: Store) -> None:
    kinds = ("watch.blind", "watch.sees_again")
    with store.begin() as tx:
        assert events.last_of(tx, kinds, "flights") is None
        events.append(tx, event("a", kind="watch.blind", at=T0 + timedelta(days=1)))
        events.append(tx, event("b", kind="watch.sees_again"))
        events.append(tx, event("c", kind="watch.blind", endpoint="delays"))
        events.append(tx, event("d", kind="incident.upstream"))
        found = events.last_of(tx, kinds, "flights")
        assert found is not None
        assert found.kind == "watch.sees_again"


def test_events_of_a_kind_are_those_of_one_endpoint_before_a_moment_oldest_first(store: Store) -> None:
    given = [
        event(at=T0 + n * MINUTE, kind=kind, endpoint=endpoint)
        for n, kind, endpoint in (
            (3, "endpoint.changed", "flights"),
            (1, "endpoint.changed", "flights"),
            (2, "endpoint.changed", "air-time"),
            (2, "watch.blind", "flights"),
            (9, "endpoint.changed", "flights"),
        )
    ]
    with store.begin() as tx:
        for one in given:
            events.append(tx, one)
        found = events.of_kind(tx, "endpoint.changed", "flights", until=T0 + 9 * MINUTE)
    assert [one.at for one in found] == [T0 + MINUTE, T0 + 3 * MINUTE]
