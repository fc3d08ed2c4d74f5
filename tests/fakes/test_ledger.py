"""The switches that every fake has. What the fakes do besides is in `tests/contracts`."""

from pathlib import Path

import pytest

from daemon.domain.registry import RunState
from daemon.domain.serving import Update, traffic, with_traffic
from daemon.ports import PlatformError
from tests.fakes import Crash, FakeJobs, FakeRegistry, FakeServing, Ledger

AWAY = PlatformError("away", permanent=False)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def serving(ledger: Ledger) -> FakeServing:
    serving = FakeServing(ledger)
    serving.add("flights", "m", {1: 100})
    return serving


def change(serving: FakeServing, percents: dict[int, int]) -> None:
    serving.update("flights", with_traffic(serving.state("flights").served, "m", percents))


def test_effects_of_all_fakes_stand_in_one_ledger_in_their_order(
    ledger: Ledger, serving: FakeServing, tmp_path: Path
) -> None:
    registry, jobs = FakeRegistry(tmp_path, ledger), FakeJobs(ledger)
    registry.add("m", aliases=("champion",))
    jobs.add(7)
    jobs.start(7, {}, token="t")
    jobs.start(7, {}, token="t")
    registry.set_alias("m", "champion", 1)
    change(serving, {2: 100})
    assert [(e.call, e.subject) for e in ledger.effects] == [
        ("jobs.start", "7"),
        ("registry.set_alias", "m/1"),
        ("serving.update", "flights"),
    ]
    assert ledger.of("serving.update")[0].detail == {"traffic": {2: 100}, "loads": [("m-2", 2)]}


def test_a_failure_happens_as_often_as_told_and_changes_nothing(ledger: Ledger, serving: FakeServing) -> None:
    serving.fail_next(AWAY, call="update", times=2)
    for _ in range(2):
        with pytest.raises(PlatformError, match="away"):
            change(serving, {2: 100})
    assert ledger.effects == []
    assert serving.state("flights").config_version == 1
    change(serving, {2: 100})
    assert traffic(serving.state("flights").served) == {2: 100}


def test_a_failure_of_whatever_comes_next(serving: FakeServing) -> None:
    serving.fail_next(AWAY)
    with pytest.raises(PlatformError, match="away"):
        serving.state("flights")
    assert serving.state("flights").ready


def test_a_lost_reply_is_of_an_effect_that_happened(ledger: Ledger, serving: FakeServing) -> None:
    serving.lose_reply("update")
    with pytest.raises(PlatformError) as caught:
        change(serving, {2: 100})
    assert not caught.value.permanent
    assert len(ledger.effects) == 1
    assert traffic(serving.state("flights").served) == {2: 100}


def test_a_crash_comes_once_and_after_the_effect(ledger: Ledger, serving: FakeServing) -> None:
    ledger.crash_after = 2
    change(serving, {2: 100})
    with pytest.raises(Crash):
        change(serving, {3: 100})
    assert traffic(serving.state("flights").served) == {3: 100}
    change(serving, {4: 100})
    assert len(ledger.effects) == 3


def test_what_a_person_does_by_hand_is_no_effect_of_ours(ledger: Ledger, serving: FakeServing) -> None:
    serving.deploy("flights", {3: 100})
    state = serving.state("flights")
    assert (state.config_version, traffic(state.served), state.update) == (2, {3: 100}, Update.NONE)
    assert ledger.effects == []


def test_an_update_takes_as_many_looks_as_told() -> None:
    serving = FakeServing(looks=3)
    serving.add("flights", "m", {1: 100})
    change(serving, {2: 100})
    seen = [serving.state("flights").update for _ in range(4)]
    assert seen == [Update.IN_PROGRESS, Update.IN_PROGRESS, Update.NONE, Update.NONE]


def test_an_update_that_waits_to_be_told_waits() -> None:
    serving = FakeServing(looks=None)
    serving.add("flights", "m", {1: 100})
    change(serving, {2: 100})
    assert {serving.state("flights").update for _ in range(9)} == {Update.IN_PROGRESS}
    serving.complete("flights")
    assert serving.state("flights").update is Update.NONE


def test_a_job_that_succeeds_registers_its_version_once(tmp_path: Path) -> None:
    registry, jobs = FakeRegistry(tmp_path), FakeJobs()
    jobs.add(7)
    jobs.on_success(7, lambda parameters: registry.add("m", tags={"remediation": parameters["remediation"]}))
    run_id = jobs.start(7, {"remediation": "r1"}, token="t")
    assert [jobs.run(run_id).state for _ in range(3)] == [RunState.RUNNING, RunState.SUCCEEDED, RunState.SUCCEEDED]
    assert [dict(v.tags) for v in registry.versions("m")] == [{"remediation": "r1"}]


def test_a_version_that_vanished_leaves_its_number_unused(tmp_path: Path) -> None:
    registry = FakeRegistry(tmp_path)
    assert [registry.add("m"), registry.add("m", aliases=("champion",))] == [1, 2]
    registry.drop("m", 2)
    assert registry.alias("m", "champion") is None
    assert registry.add("m") == 3
    assert [v.version for v in registry.versions("m")] == [1, 3]
