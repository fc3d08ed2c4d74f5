"""Where an endpoint stands between what it served and what it shall serve: every branch, and the act around it."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.domain.remediation import Step, StepState
from daemon.domain.serving import EndpointState, ServedEntity, Update
from daemon.ports import PlatformError
from daemon.remediate.journal import Outcome
from daemon.remediate.traffic import SETTLE, Percents, changed_by_hand, judge, set_traffic
from tests.fakes import FakeServing
from tests.remediate.stories import ENDPOINT, MODEL, START

SECOND = timedelta(seconds=1)
WAS, WANTED, FOREIGN = {1: 100}, {1: 100, 2: 0}, {9: 100}
DONE, READY, WAIT, OTHER, FAILED = Outcome.DONE, Outcome.READY, Outcome.WAIT, Outcome.FOREIGN, Outcome.FAILED


def entities(percents: Percents, ready: bool = True) -> tuple[ServedEntity, ...]:
    return tuple(ServedEntity(f"m-{v}", MODEL, v, p, ready=ready) for v, p in percents.items())


def state(
    serves: Percents,
    update: Update = Update.NONE,
    *,
    pending: Percents | None = None,
    config: int = 5,
    ready: bool = True,
) -> EndpointState:
    on_its_way = None if pending is None else entities(pending)
    return EndpointState(ENDPOINT, config, entities(serves, ready), True, update, on_its_way)


def step(*, asked: timedelta | None = None) -> Step:
    """Return a step that was intended at configuration 5, and whose call is so old."""
    result = {} if asked is None else {"called_at": (START - asked).isoformat()}
    return Step("r", 0, "stage", StepState.INTENT, "t", {"config_version": 5}, result, 0 if asked is None else 1)


def judged(now: EndpointState, of: Step, was: list[Percents] | None = None, **how: Any) -> Outcome:
    return judge(now, of, was=[WAS] if was is None else was, wanted=WANTED, now=START, **how).outcome


NEW, YOUNG, OLD = step(), step(asked=SETTLE - SECOND), step(asked=SETTLE)


@pytest.mark.parametrize(
    ("now", "of", "outcome"),
    [
        (state(WAS), NEW, READY),
        (state(WAS), YOUNG, WAIT),
        (state(WAS), OLD, READY),
        (state({1: 100, 7: 0}), NEW, READY),
        (state(WAS, Update.IN_PROGRESS, pending=WANTED), YOUNG, WAIT),
        (state(WAS, Update.IN_PROGRESS, pending=WANTED), NEW, WAIT),
        (state(WAS, Update.IN_PROGRESS, pending=WAS), NEW, WAIT),
        (state(WAS, Update.IN_PROGRESS, pending=FOREIGN), NEW, OTHER),
        (state(WAS, Update.IN_PROGRESS, pending=FOREIGN), YOUNG, OTHER),
        (state(WAS, Update.IN_PROGRESS), YOUNG, OTHER),
        (state(WANTED, config=6), OLD, DONE),
        (state(WANTED, config=6), NEW, DONE),
        (state({**WANTED, 7: 0}, config=6), OLD, DONE),
        (state(WAS, Update.IN_PROGRESS, pending={**WANTED, 7: 0}), OLD, WAIT),
        (state(WANTED, config=9), YOUNG, DONE),
        (state(WANTED, config=6, ready=False), OLD, WAIT),
        (state(WANTED, Update.FAILED, pending=FOREIGN), OLD, DONE),
        (state(WANTED, Update.IN_PROGRESS, pending=FOREIGN), OLD, OTHER),
        (state(WAS, Update.FAILED, pending=WANTED), OLD, FAILED),
        (state(WAS, Update.FAILED, pending=WANTED), YOUNG, WAIT),
        (state(WAS, Update.FAILED, pending=WANTED), NEW, READY),
        (state(WAS, Update.FAILED, pending=FOREIGN), NEW, READY),
        (state(WAS, Update.FAILED, pending=FOREIGN), OLD, READY),
        (state(WAS, Update.FAILED), OLD, READY),
        (state(WAS, Update.UNKNOWN), NEW, WAIT),
        (state(WANTED, Update.UNKNOWN), OLD, WAIT),
        (state(FOREIGN, Update.UNKNOWN), OLD, WAIT),
        (state(FOREIGN), NEW, OTHER),
        (state(FOREIGN), YOUNG, OTHER),
        (state({1: 90, 2: 10}), OLD, OTHER),
        (state({}), NEW, OTHER),
        (state(WAS, config=6), NEW, OTHER),
        (state(WAS, config=6), YOUNG, OTHER),
    ],
)
def test_what_is_seen_says_where_it_stands(now: EndpointState, of: Step, outcome: Outcome) -> None:
    seen = judge(now, of, was=[WAS], wanted=WANTED, now=START)
    assert seen.outcome is outcome
    assert seen.detail or outcome is READY


def test_a_back_out_takes_any_stage_of_its_own_promotion_for_its_own() -> None:
    stages: list[Percents] = [{1: 100, 2: 0}, {1: 90, 2: 10}, {2: 100}]
    for serves in stages:
        after = state(serves, config=6)
        assert judge(after, NEW, was=stages, wanted=WAS, now=START, pinned=False).outcome is (
            DONE if serves == WAS else READY
        )
        coming = state({1: 50, 2: 50}, Update.IN_PROGRESS, pending=serves)
        assert judge(coming, NEW, was=stages, wanted=WAS, now=START, pinned=False).outcome is WAIT
    assert judge(state(FOREIGN), NEW, was=stages, wanted=WAS, now=START, pinned=False).outcome is OTHER


PERCENTS = st.dictionaries(st.integers(1, 4), st.sampled_from([0, 10, 50, 90, 100]), max_size=3)
STATES = st.builds(
    lambda serves, update, pending, config, ready: state(serves, update, pending=pending, config=config, ready=ready),
    PERCENTS,
    st.sampled_from(Update),
    st.none() | PERCENTS,
    st.integers(5, 6),
    st.booleans(),
)


@given(now=STATES, asked=st.none() | st.sampled_from([timedelta(), SETTLE - SECOND, SETTLE, 9 * SETTLE]))
def test_the_act_goes_only_where_nothing_is_on_its_way_and_all_is_as_it_was(
    now: EndpointState, asked: timedelta | None
) -> None:
    if judged(now, step(asked=asked)) is READY:
        assert now.update in (Update.NONE, Update.FAILED)
        assert {e.version: e.percent for e in now.served if e.percent} == WAS
        assert now.config_version == 5
        assert asked is None or asked >= SETTLE


@given(now=STATES, asked=st.none() | st.sampled_from([timedelta(), SETTLE]))
def test_done_means_that_exactly_what_was_wanted_serves_and_is_ready(
    now: EndpointState, asked: timedelta | None
) -> None:
    if judged(now, step(asked=asked)) is DONE:
        assert {e.version: e.percent for e in now.served if e.percent or e.version in WANTED} == WANTED
        assert all(e.ready for e in now.served)
        assert now.update is not Update.UNKNOWN


@pytest.mark.parametrize(
    ("now", "config", "by_somebody"),
    [
        (state({2: 100}), 5, False),
        (state({2: 100}), None, False),
        (state({2: 100, 1: 0}), 5, False),
        (state({2: 100}, Update.IN_PROGRESS, pending={2: 100}), 5, False),
        (state({2: 100}, Update.FAILED, pending=FOREIGN), 5, False),
        (state({2: 100}, Update.UNKNOWN), 5, False),
        (state({2: 90, 1: 10}), 5, True),
        (state(FOREIGN), 5, True),
        (state({}), 5, True),
        (state({2: 100}, Update.IN_PROGRESS, pending=FOREIGN), 5, True),
        (state({2: 100}, Update.IN_PROGRESS), 5, True),
        (state({2: 100}, config=6), 5, True),
        (state({2: 100}, config=6), None, False),
    ],
)
def test_what_was_set_is_changed_by_other_traffic_or_another_deployment(
    now: EndpointState, config: int | None, by_somebody: bool
) -> None:
    assert bool(changed_by_hand(now, {2: 100}, config)) is by_somebody


def serving(percents: Percents) -> FakeServing:
    fake = FakeServing()
    fake.add(ENDPOINT, MODEL, percents, settings={"workload_size": "Large"})
    return fake


def test_the_act_sets_the_traffic_and_keeps_how_the_endpoint_is_built() -> None:
    fake = serving(WAS)
    act = set_traffic("stage", fake, ENDPOINT, MODEL, was=[WAS], wanted={1: 90, 2: 10}, now=START)
    assert act.base() == {"config_version": 1, "traffic": {"1": 100}}
    intent = Step("r", 0, "stage", StepState.INTENT, "t", act.base())
    assert act.look(intent).outcome is READY
    assert act.do is not None
    act.do(intent)
    assert act.look(intent).outcome is DONE
    assert {e.name: (e.percent, e.settings) for e in fake.state(ENDPOINT).served} == {
        "flight_delay-1": (90, {"workload_size": "Large"}),
        "flight_delay-2": (10, {"workload_size": "Large"}),
    }


def test_what_somebody_keeps_ready_at_zero_percent_stays_so() -> None:
    fake = serving({1: 90, 2: 10, 7: 0})
    act = set_traffic("full", fake, ENDPOINT, MODEL, was=[{1: 90, 2: 10}], wanted={2: 100}, now=START)
    intent = Step("r", 0, "full", StepState.INTENT, "t", act.base())
    assert act.look(intent).outcome is READY
    assert act.do is not None
    act.do(intent)
    assert {e.version: e.percent for e in fake.state(ENDPOINT).served} == {2: 100, 7: 0}
    assert act.look(intent).outcome is DONE


def test_what_serves_keeps_its_name_so_that_nothing_is_loaded_but_what_is_new() -> None:
    fake = serving(WAS)
    fake.rename(ENDPOINT, 1, "in-charge")
    act = set_traffic("stage", fake, ENDPOINT, MODEL, was=[WAS], wanted={1: 90, 2: 10}, now=START)
    assert act.do is not None
    act.do(Step("r", 0, "stage", StepState.INTENT, "t", act.base()))
    assert [e.name for e in fake.state(ENDPOINT).served] == ["in-charge", "flight_delay-2"]
    assert fake.ledger.effects[0].detail["loads"] == [("flight_delay-2", 2)]


def test_the_act_does_not_go_where_somebody_came_in_between_look_and_call() -> None:
    fake = serving(WAS)
    act = set_traffic("stage", fake, ENDPOINT, MODEL, was=[WAS], wanted=WANTED, now=START)
    intent = Step("r", 0, "stage", StepState.INTENT, "t", act.base())
    assert act.look(intent).outcome is READY
    fake.deploy(ENDPOINT, FOREIGN)
    assert act.do is not None
    with pytest.raises(PlatformError) as caught:
        act.do(intent)
    assert not caught.value.permanent
    assert not fake.ledger.effects


def test_what_cannot_be_copied_is_not_overwritten() -> None:
    fake = FakeServing()
    fake.add(ENDPOINT, "another.model", WAS)
    act = set_traffic("stage", fake, ENDPOINT, MODEL, was=[WAS], wanted=WANTED, now=START)
    assert act.do is not None
    with pytest.raises(PlatformError) as caught:
        act.do(Step("r", 0, "stage", StepState.INTENT, "t", act.base()))
    assert caught.value.permanent
