"""A database of version 0.1.0 with remediations under way: this version looks first, and goes on safely."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine

from daemon.config import settings as config
from daemon.domain.registry import RunState
from daemon.domain.remediation import Remedy, Standing, State, StepState, token
from daemon.domain.restraint import RestraintKind
from daemon.domain.window import EPOCH, Window
from daemon.remediate import cycle
from daemon.remediate.retrain import TAG
from daemon.store import findings, profiles, remediations, restraints, verdicts
from daemon.store.engine import Store, StoreError
from tests.fakes import FakeJobs, FakeRegistry, FakeServing, Ledger
from tests.remediate.stories import AUTO, EXAMPLE, JOB, MODEL, QUARTER, START, proposal, settings_of
from tests.remediate.stories import profile as window_profile

MINUTE = timedelta(minutes=1)
NOW = START
BEGAN = NOW - 5 * MINUTE


def micros(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(microseconds=1)


def sql(value: object) -> str:
    """Write a value as both databases read it."""
    match value:
        case None:
            return "NULL"
        case datetime():
            return str(micros(value))
        case int() | float():
            return str(value)
        case str():
            return "'" + value.replace("'", "''") + "'"
    return sql(json.dumps(value))


def insert(connection: Connection, table: str, **row: object) -> None:
    names, values = ", ".join(f'"{name}"' for name in row), ", ".join(sql(value) for value in row.values())
    connection.exec_driver_sql(f"INSERT INTO {table} ({names}) VALUES ({values})")


def remediation_of_0001(connection: Connection, name: str, remedy: str, state: str, **changes: object) -> None:
    """Write a row as 0.1.0 did."""
    plan: Mapping[str, object] = {}
    if remedy in ("promote", "rollback") and state not in ("proposed", "blocked"):
        # the world before the first step, as its guards saw it
        plan = {
            "config_version": 1,
            "traffic": {"2": 100} if remedy == "rollback" else {"1": 100},
            "alias": "champion",
            "alias_version": 1,
            "canary": [10],
        }
    row = {
        "id": f"{name}-{remedy}-{state}",
        "endpoint": name,
        "remedy": remedy,
        "state": state,
        "reason": "so it was",
        "sentence": f"{remedy} of {name}",
        "evidence": {"since": BEGAN.isoformat()},
        "model": MODEL,
        "from_version": 2 if remedy == "rollback" else 1,
        "to_version": {"rollback": 1, "promote": 2}.get(remedy),
        "plan": plan,
        "created_at": BEGAN,
        "updated_at": BEGAN,
        "deadline_at": NOW + timedelta(hours=1),
        "parent_id": None,
        "guards": [{"guard": "mode", "passed": True, "detail": "mode is auto"}],
        "outcome": "",
        "verify_since": None,
    }
    insert(connection, "remediation", **{**row, **changes})


def step_of_0001(connection: Connection, of: str, n: int, name: str, state: str, **changes: object) -> None:
    row = {
        "remediation_id": of,
        "n": n,
        "name": name,
        "state": state,
        "token": token(of, name),
        "expected": {},
        "result": {},
        "calls": 0,
        "started_at": BEGAN,
        "ended_at": None if state == "intent" else BEGAN,
    }
    insert(connection, "remediation_step", **{**row, **changes})


BASE = {"config_version": 1, "traffic": {"2": 100}}
CALLED = {"called_at": BEGAN.isoformat(), "from_config_version": 1}


def fill(connection: Connection) -> None:
    """Leave behind what 0.1.0 would have, had it stopped in the middle of everything."""
    insert(connection, "endpoint", name="taken", watermark=BEGAN, state=None, changed_at=None)
    insert(
        connection,
        "version_verdict",
        endpoint="taken",
        model=MODEL,
        version=1,
        standing="good",
        reason="3 healthy windows in a row",
        set_at=BEGAN,
    )
    insert(
        connection,
        "finding",
        endpoint="taken",
        version=2,
        column_name="",
        statistic="error_rate_4xx",
        window_start=BEGAN - QUARTER,
        window_end=BEGAN,
        verdict="breach",
        reason="certainly_beyond_tolerance",
        n=1000,
        value=0.3,
        bound=0.2,
        threshold=0.1,
        against="version_before",
        against_version=1,
        reported=[["p", 1e-9]],
        phase="firing",
        since=BEGAN - QUARTER,
        recent=["breach", "breach", "breach"],
        newest=BEGAN,
    )
    for name in ("taken", "untaken", "overtaken"):
        # a call was made, and nothing says what became of it
        remediation_of_0001(connection, name, "rollback", "executing")
        row = {"expected": BASE, "calls": 1, "result": CALLED}
        step_of_0001(connection, f"{name}-rollback-executing", 0, "traffic", "intent", **row)
    remediation_of_0001(connection, "lost run", "retrain", "executing")
    row = {"expected": {"job_id": JOB}, "calls": 1, "result": {"called_at": BEGAN.isoformat()}}
    step_of_0001(connection, "lost run-retrain-executing", 0, "run", "intent", **row)
    remediation_of_0001(connection, "trains", "retrain", "executing")
    row = {"expected": {"job_id": JOB}, "calls": 1, "result": {"run_id": 1001, "outcome": "done"}}
    step_of_0001(connection, "trains-retrain-executing", 0, "run", "done", **row)
    step_of_0001(connection, "trains-retrain-executing", 1, "training", "intent")
    remediation_of_0001(connection, "bakes", "promote", "executing", deadline_at=NOW + timedelta(hours=36))
    for n, (step, version) in enumerate((("gates", 0), ("stage", 2), ("smoke", 0), ("canary-10", 3))):
        done: dict[str, object] = {"outcome": "done", **({"config_version": version} if version else {})}
        expected = {"config_version": version - 1, "traffic": {"1": 100}} if version else {}
        row = {"expected": expected, "calls": min(version, 1), "result": done}
        step_of_0001(connection, "bakes-promote-executing", n, step, "done", **row)
    step_of_0001(connection, "bakes-promote-executing", 4, "bake-10", "intent")
    remediation_of_0001(connection, "is verified", "promote", "verifying", verify_since=BEGAN)
    full = {"expected": BASE, "calls": 1, "result": {"outcome": "done", "config_version": 1}}
    step_of_0001(connection, "is verified-promote-verifying", 0, "full", "done", **full)
    remediation_of_0001(connection, "calls", "promote", "needs_human", outcome="please look at it")
    remediation_of_0001(connection, "waits", "rollback", "blocked")
    remediation_of_0001(connection, "waits", "retrain", "failed", updated_at=BEGAN)
    remediation_of_0001(connection, "waits", "archive", "shadowed")
    remediation_of_0001(connection, "waits", "promote", "superseded")
    remediation_of_0001(connection, "waits", "promote", "expired", id="expired")


@pytest.fixture(params=["sqlite", "postgresql"])
def old_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database as 0.1.0 left it."""
    url = f"sqlite:///{tmp_path}/old.db"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
    engine = create_engine(url)
    with engine.begin() as connection:
        ours = Config(attributes={"connection": connection})
        ours.set_main_option("script_location", "daemon.store:migrations")
        command.upgrade(ours, "0001")
        fill(connection)
    engine.dispose()
    yield url


@pytest.fixture
def store(old_url: str) -> Iterator[Store]:
    opened = Store.open(config.Store(url=old_url))
    yield opened
    opened.close()


@dataclass
class World:
    """What 0.1.0 was in the middle of changing, as it is now."""

    folder: Path
    store: Store
    now: datetime = NOW
    ledger: Ledger = field(default_factory=Ledger)

    def __post_init__(self) -> None:
        self.serving, self.jobs = FakeServing(self.ledger), FakeJobs(self.ledger)
        self.registry = FakeRegistry(self.folder / "registry", self.ledger)
        for _ in range(2):
            self.registry.add(MODEL, metrics={"auc": 0.8}, example=EXAMPLE)
        self.registry.set_alias(MODEL, "champion", 1)
        self.jobs.add(JOB)
        self.jobs.on_success(
            JOB, lambda given: self.registry.add(MODEL, created_at=self.now, tags={TAG: given["remediation"]})
        )
        self.ledger.effects.clear()
        self.doors = cycle.Doors(self.serving, self.registry, self.jobs, self.folder / "scratch")

    def step(self, name: str) -> None:
        self.now += 5 * MINUTE
        settings = settings_of(self.folder, mode=AUTO).model_copy(update={"name": name})
        cycle.step(settings, self.doors, self.store, now=self.now)

    def judged(self, name: str, *versions: int) -> None:
        window = Window(self.now, self.now + QUARTER)
        self.now += QUARTER
        with self.store.begin() as tx:
            profiles.save(tx, [replace(window_profile(v, window, None, 500), endpoint=name) for v in versions])

    def state(self, remediation_id: str) -> State:
        with self.store.read() as tx:
            found = remediations.get(tx, remediation_id)
        assert found is not None
        return found.state

    def calls(self) -> list[str]:
        return [effect.call for effect in self.ledger.effects]


@pytest.fixture
def world(store: Store, tmp_path: Path) -> World:
    return World(tmp_path, store)


def test_the_rows_come_through(store: Store) -> None:
    with store.read() as tx:
        every = {one.id: one for one in remediations.history(tx, limit=99)}
        taken = remediations.steps(tx, "taken-rollback-executing")
        (trail,) = findings.recent(tx, "taken")
        (verdict,) = verdicts.record(tx, "taken")
    assert len(every) == 13
    one = every["taken-rollback-executing"]
    assert (one.state, one.plan["alias_version"], one.guards[0].detail) == (State.EXECUTING, 1, "mode is auto")
    assert (one.created_at, one.deadline_at) == (BEGAN, NOW + timedelta(hours=1))
    assert (taken[0].state, taken[0].calls, taken[0].answers) == (StepState.INTENT, 1, 0)
    assert taken[0].unanswered, "what was called is looked at before anything else"
    assert (trail.phase, trail.seen, trail.flaps, trail.flapping, trail.subject) == ("firing", None, 0, False, "")
    assert verdict.standing is Standing.GOOD


def test_what_had_begun_is_known_to_have_so_that_no_cooldown_and_no_budget_is_forgotten(store: Store) -> None:
    with store.read() as tx:
        begun = {one.id for one in remediations.history(tx, limit=99) if one.began_at}
        assert remediations.ended(tx, "waits", Remedy.RETRAIN) == [BEGAN]
        assert remediations.last_begun(tx, "waits", Remedy.RETRAIN) == BEGAN
        counted = {one.id for one in remediations.begun_since(tx, BEGAN)}
    unbegun = {"waits-rollback-blocked", "waits-archive-shadowed", "waits-promote-superseded", "expired"}
    assert {one for one in counted if one not in begun} == {"waits-archive-shadowed"}
    assert len(begun) == 13 - len(unbegun)
    assert not begun & unbegun


def test_the_indexes_hold(store: Store) -> None:
    def propose(name: str, remedy: Remedy, state: State) -> bool:
        one = replace(proposal(remedy, NOW), id=f"new {name} {remedy} {state}", endpoint=name, state=state)
        with store.begin() as tx:
            return remediations.propose(tx, one)

    for state in (State.EXECUTING, State.INDETERMINATE):
        with pytest.raises(StoreError):
            propose("calls", Remedy.ARCHIVE, state)
    for state in (State.PROPOSED, State.AWAITING_APPROVAL, State.APPROVED, State.SCHEDULED):
        assert not propose("waits", Remedy.ROLLBACK, state)
    assert propose("waits", Remedy.RETRAIN, State.AWAITING_APPROVAL)


def test_a_call_that_had_taken_is_found_done_and_not_made_again(world: World) -> None:
    world.serving.add("taken", MODEL, {2: 100})
    world.serving.deploy("taken", {1: 100})
    world.step("taken")
    assert world.state("taken-rollback-executing") is State.EXECUTING
    for _ in range(4):
        world.step("taken")
    assert world.state("taken-rollback-executing") is State.VERIFYING
    assert world.calls() == []
    for _ in range(3):
        world.judged("taken", 1)
    world.step("taken")
    assert world.state("taken-rollback-executing") is State.SUCCEEDED


def test_a_call_that_had_not_taken_is_made_once(world: World) -> None:
    world.serving.add("untaken", MODEL, {2: 100})
    world.step("untaken")
    assert world.calls() == [], "the first step only looks"
    for _ in range(5):
        world.step("untaken")
    assert world.calls() == ["serving.update"]
    assert world.state("untaken-rollback-executing") is State.VERIFYING


def test_what_somebody_has_changed_since_is_left_alone_and_held(world: World) -> None:
    world.serving.add("overtaken", MODEL, {2: 100})
    world.serving.deploy("overtaken", {7: 100})
    for _ in range(3):
        world.step("overtaken")
    assert world.calls() == []
    assert world.state("overtaken-rollback-executing") is State.SUPERSEDED
    with world.store.read() as tx:
        assert [r.kind for r in restraints.in_force(tx, world.now, "overtaken")] == [RestraintKind.HOLD]


def test_a_run_that_was_perhaps_started_is_asked_for_with_the_same_token(world: World) -> None:
    world.serving.add("lost run", MODEL, {1: 100})
    mine = token("lost run-retrain-executing", "run")
    world.jobs.start(JOB, {"remediation": "lost run-retrain-executing"}, token=mine)
    for _ in range(9):
        world.step("lost run")
    assert world.state("lost run-retrain-executing") is State.SUCCEEDED
    assert world.calls().count("jobs.start") == 1


def test_a_run_that_was_followed_is_followed_on(world: World) -> None:
    world.serving.add("trains", MODEL, {1: 100})
    world.jobs.start(JOB, {"remediation": "trains-retrain-executing"}, token="t")
    world.jobs.finish(1001, RunState.SUCCEEDED)
    for _ in range(5):
        world.step("trains")
    assert world.state("trains-retrain-executing") is State.SUCCEEDED
    assert world.calls() == ["jobs.start"], "the one of this test"


def test_a_canary_that_baked_goes_on_without_a_standby_as_it_was_planned(world: World) -> None:
    world.serving.add("bakes", MODEL, {1: 100})
    for traffic in ({1: 100, 2: 0}, {1: 90, 2: 10}):
        world.serving.deploy("bakes", traffic)
    for _ in range(6):
        world.judged("bakes", 1, 2)
        world.step("bakes")
    while world.state("bakes-promote-executing") is State.EXECUTING:
        world.step("bakes")
    assert world.state("bakes-promote-executing") is State.VERIFYING
    assert world.calls() == ["serving.update", "registry.set_alias"]
    assert {e.version: e.percent for e in world.serving.state("bakes").served} == {2: 100}


def test_what_was_being_verified_is_verified(world: World) -> None:
    world.serving.add("is verified", MODEL, {2: 100})
    world.registry.set_alias(MODEL, "champion", 2)
    world.ledger.effects.clear()
    world.step("is verified")
    assert world.state("is verified-promote-verifying") is State.VERIFYING
    for _ in range(4):
        world.judged("is verified", 2)
    world.step("is verified")
    assert world.state("is verified-promote-verifying") is State.SUCCEEDED
    assert world.calls() == []


def test_what_needed_a_person_still_does(world: World) -> None:
    world.serving.add("calls", MODEL, {1: 100})
    world.step("calls")
    assert world.state("calls-promote-needs_human") is State.NEEDS_HUMAN


def test_a_proposal_is_weighed_by_the_rules_of_today(world: World) -> None:
    world.serving.add("waits", MODEL, {2: 100})
    world.step("waits")
    assert world.state("waits-rollback-blocked") is State.EXPIRED, "nothing fires any more"
    assert world.calls() == []


def test_a_second_opening_changes_nothing_more(old_url: str) -> None:
    def rows() -> list[Any]:
        opened = Store.open(config.Store(url=old_url))
        with opened.read() as tx:
            found = remediations.history(tx, limit=99)
        opened.close()
        return found

    assert rows() == rows()
