"""What is remembered of an endpoint."""

from dataclasses import replace
from datetime import timedelta

import pytest

from daemon.domain.serving import EndpointState, ServedEntity, Update
from daemon.domain.sources import EndpointMetrics, Sources, TableCount
from daemon.domain.window import Window
from daemon.store import endpoints
from daemon.store.engine import Store
from tests.store.nouns import T0

OLD = ServedEntity(
    "flights-2", "main.models.flights", 2, 90, {"workload_size": "Small", "environment_vars": {"A": "b"}}
)
NEW = ServedEntity("flights-3", "main.models.flights", 3, 10, ready=False, foreign=True)
STATE = EndpointState("flights", 7, (OLD, NEW), True, Update.IN_PROGRESS, (NEW,), "main.logs.flights")
LATER = T0 + timedelta(hours=1)


def test_an_endpoint_never_looked_at_has_nothing_to_remember(store: Store) -> None:
    with store.read() as tx:
        assert endpoints.watermark(tx, "flights") is None
        assert endpoints.last_state(tx, "flights") is None
        assert endpoints.changed_at(tx, "flights") is None
        assert endpoints.learned(tx, "flights") == {}


def test_the_watermark_moves_forward_and_never_back(store: Store) -> None:
    seen = []
    for moment in (T0, LATER, T0, LATER + timedelta(microseconds=1)):
        with store.begin() as tx:
            endpoints.save_watermark(tx, "flights", moment)
            seen.append(endpoints.watermark(tx, "flights"))
    assert seen == [T0, LATER, LATER, LATER + timedelta(microseconds=1)]


def test_endpoints_have_watermarks_of_their_own(store: Store) -> None:
    with store.begin() as tx:
        endpoints.save_watermark(tx, "flights", T0)
        assert endpoints.watermark(tx, "delays") is None


def test_the_state_comes_back_without_the_settings_whose_environment_may_hold_secrets(store: Store) -> None:
    with store.begin() as tx:
        endpoints.save_state(tx, STATE, T0)
    with store.read() as tx:
        found = endpoints.last_state(tx, "flights")
    assert found == STATE
    assert OLD.settings
    assert [(entity.settings, entity.ready, entity.foreign) for entity in found.served] == [
        ({}, True, False),
        ({}, False, True),
    ]


def test_the_first_state_recorded_is_a_change(store: Store) -> None:
    with store.begin() as tx:
        assert endpoints.differs(tx, STATE)
        assert endpoints.save_state(tx, STATE, T0)
        assert endpoints.changed_at(tx, "flights") == T0


@pytest.mark.parametrize(
    "state",
    [
        replace(STATE, config_version=8),
        replace(STATE, served=(OLD,)),
        replace(STATE, served=(replace(OLD, percent=50), replace(NEW, percent=50))),
        replace(STATE, served=(OLD, replace(NEW, version=4))),
    ],
    ids=["config version", "entity gone", "traffic", "version"],
)
def test_what_is_served_differently_is_a_change(store: Store, state: EndpointState) -> None:
    with store.begin() as tx:
        endpoints.save_state(tx, STATE, T0)
        assert endpoints.differs(tx, state)
        assert endpoints.save_state(tx, state, LATER)
        assert endpoints.changed_at(tx, "flights") == LATER
        assert endpoints.last_state(tx, "flights") == state


@pytest.mark.parametrize(
    "state",
    [
        STATE,
        replace(STATE, served=(NEW, OLD)),
        replace(STATE, ready=False, update=Update.NONE, pending=None),
        replace(STATE, served=(replace(OLD, settings={}, ready=False), NEW)),
    ],
    ids=["nothing", "order", "progress", "settings"],
)
def test_what_does_not_change_what_is_served_is_no_change(store: Store, state: EndpointState) -> None:
    with store.begin() as tx:
        endpoints.save_state(tx, STATE, T0)
        assert not endpoints.differs(tx, state)
        assert not endpoints.save_state(tx, state, LATER)
        assert endpoints.changed_at(tx, "flights") == T0
        assert endpoints.last_state(tx, "flights") == state


def test_watermark_and_state_do_not_overwrite_each_other(store: Store) -> None:
    with store.begin() as tx:
        endpoints.save_state(tx, STATE, T0)
        endpoints.save_watermark(tx, "flights", LATER)
        endpoints.save_state(tx, replace(STATE, ready=False), LATER)
        assert endpoints.last_state(tx, "flights") == replace(STATE, ready=False)
        assert endpoints.watermark(tx, "flights") == LATER
        assert endpoints.changed_at(tx, "flights") == T0


def test_entities_are_learned_for_each_endpoint_and_corrected_by_what_is_learned_later(store: Store) -> None:
    with store.begin() as tx:
        endpoints.learn(tx, "flights", "abc", "main.models.flights", 2, T0)
        endpoints.learn(tx, "flights", "def", "main.models.flights", 3, T0)
        endpoints.learn(tx, "flights", "abc", "main.models.flights", 4, LATER)
        endpoints.learn(tx, "delays", "abc", "main.models.delays", 1, T0)
        assert endpoints.learned(tx, "flights") == {
            "abc": ("main.models.flights", 4),
            "def": ("main.models.flights", 3),
        }


def test_what_both_sources_said_is_remembered(store: Store) -> None:
    said = EndpointMetrics(T0, 120, 7, 0, 91.5, None, 4)
    known = Sources((EndpointMetrics(requests=3), said), TableCount(Window(T0, LATER), 1800, 9, 1))
    with store.begin() as tx:
        assert endpoints.sources(tx, "flights") == Sources()
        for each in (Sources(), known):
            endpoints.save_sources(tx, "flights", each)
            endpoints.save_state(tx, STATE, T0)
            assert endpoints.sources(tx, "flights") == each
    with store.read() as tx:
        assert endpoints.sources(tx, "air-time") == Sources()
