"""The last of a budget is spent once, however many ask for it at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from time import monotonic

import pytest
from sqlalchemy import text

from daemon.config.endpoint import EndpointSettings
from daemon.config.remedies import Budget, Rollback
from daemon.config.settings import Safety
from daemon.domain.remediation import IN_FLIGHT, Mode, Remediation, Remedy, Standing, State, VersionVerdict
from daemon.remediate.doors import Doors, Stepped
from daemon.remediate.weigh import weigh
from daemon.store import endpoints, events, findings, remediations, verdicts
from daemon.store.engine import Store
from tests.fakes import FakeJobs, FakeRegistry, FakeServing
from tests.remediate.conftest import Tell
from tests.remediate.stories import AUTO, DRIFT, ENDPOINT, ERRORS, MODEL, START, Story, firing, proposal, settings_of
from tests.remediate.test_rollback import bad_release
from tests.store.together import together

HOUR = timedelta(hours=1)


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest) -> Store:
    opened: Store = request.getfixturevalue(f"{request.param}_store")
    return opened


class Fleet:
    """Several endpoints that all drift, and all may be retrained."""

    def __init__(self, folder: Path, store: Store, size: int) -> None:
        self.folder, self.store = folder, store
        self.names = [f"endpoint {n}" for n in range(size)]
        self.serving, self.registry = FakeServing(), FakeRegistry(folder / "registry")
        self.registry.add(MODEL, aliases=("champion",))
        for name in self.names:
            self.serving.add(name, MODEL, {1: 100})

    def propose(self, now_id: str) -> list[Remediation]:
        plain = proposal(Remedy.RETRAIN, START)
        drift = replace(plain, sentence="drift", reason=now_id)
        proposed = [replace(drift, id=f"{now_id} {name}", endpoint=name) for name in self.names]
        with self.store.begin() as tx:
            for one in proposed:
                assert remediations.propose(tx, one)
                findings.save(tx, [firing(DRIFT, endpoint=one.endpoint, version=1, end=START)])
                endpoints.save_watermark(tx, one.endpoint, START)
        return proposed

    def weigh(self, one: Remediation, safety: Safety) -> Stepped:
        doors = Doors(self.serving, self.registry, FakeJobs(), self.folder, safety=safety)
        return weigh(one, self.settings(one.endpoint), doors, self.store, now=START)

    def settings(self, name: str) -> EndpointSettings:
        return settings_of(self.folder).model_copy(update={"name": name})


@pytest.mark.parametrize(
    ("safety", "begin"),
    [(Safety(per_day=1), 1), (Safety(per_day=3, at_once=9), 3), (Safety(per_day=9, at_once=2), 2)],
)
def test_of_many_that_are_weighed_at_once_no_more_begin_than_may(
    store: Store, tmp_path: Path, safety: Safety, begin: int
) -> None:
    fleet = Fleet(tmp_path, store, 5)
    proposed = fleet.propose("first")
    states = [done.state for done in together(*(lambda one=one: fleet.weigh(one, safety) for one in proposed))]
    assert sorted(states) == sorted([State.EXECUTING] * begin + [State.BLOCKED] * (5 - begin))
    with store.read() as tx:
        assert sum(r.state in IN_FLIGHT for r in remediations.opened(tx)) == begin


def test_weighing_and_other_writers_do_not_wait_for_each_other_for_good(
    postgresql_store: Store, tmp_path: Path
) -> None:
    """Proposals are weighed while the sweep, and somebody who moves by hand, write the same rows."""
    fleet = Fleet(tmp_path, postgresql_store, 4)
    proposed = fleet.propose("first")

    def expire(one: Remediation) -> Stepped:
        with postgresql_store.begin() as tx:
            # in the order in which the sweep goes through them
            for each in remediations.opened(tx):
                if each.id == one.id and each.state in (State.PROPOSED, State.BLOCKED):
                    remediations.move(tx, each, State.EXPIRED, now=START)
        return Stepped(one, one.state, "")

    weighed = [lambda one=one: fleet.weigh(one, Safety(per_day=9, at_once=9)) for one in proposed]
    swept = [lambda one=one: expire(one) for one in proposed]
    together(*weighed, *swept)
    with postgresql_store.read() as tx:
        found = {remediations.get(tx, one.id).state for one in proposed}  # type: ignore[union-attr]
    assert found <= {State.EXECUTING, State.EXPIRED}


def test_what_was_to_give_way_goes_on_where_the_rollback_is_ended_at_that_moment(
    postgresql_store: Store, tmp_path: Path
) -> None:
    """A person ends the rollback in a transaction that the weighing has to wait for, and cannot see before."""
    store = postgresql_store
    fleet = Fleet(tmp_path, store, 1)
    (name,) = fleet.names
    plain = replace(proposal(Remedy.RETRAIN, START), endpoint=name, id="training", state=State.EXECUTING)
    rollback = replace(proposal(Remedy.ROLLBACK, START), endpoint=name, id="rollback", to_version=2)
    fleet.registry.add(MODEL)
    with store.begin() as tx:
        assert remediations.propose(tx, plain)
        assert remediations.propose(tx, rollback)
        findings.save(tx, [firing(ERRORS, endpoint=name, version=1, end=START)])
        verdicts.set_standing(tx, VersionVerdict(name, MODEL, 2, Standing.GOOD, "", START))
    waiting = text("SELECT count(*) FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted")
    with ThreadPoolExecutor(1) as pool:
        with store.begin() as tx:
            assert remediations.move(tx, rollback, State.CANCELLED, now=START)
            weighing = pool.submit(fleet.weigh, rollback, Safety())
            deadline = monotonic() + 60
            while not tx.execute(waiting).scalar_one():
                assert monotonic() < deadline
        weighed = weighing.result(timeout=60)
    assert weighed.sentence == "somebody else moved it first"
    with store.read() as tx:
        found = {one.id: one.state for one in remediations.history(tx, limit=9)}
        told = [e.kind for e in events.history(tx, limit=9)]
    assert found == {"training": State.EXECUTING, "rollback": State.CANCELLED}
    assert told == []


def another_bad_release(story: Story, n: int) -> None:
    bad = story.register()
    story.serving.deploy(ENDPOINT, {bad: 100})
    story.fires(version=bad)
    story.propose(Remedy.ROLLBACK, to=1, from_version=bad, id=f"rollback {n}")


def test_what_comes_back_too_often_waits_until_a_day_has_passed(tell: Tell) -> None:
    story = tell(rollback=Rollback(cooldown=timedelta(), per_day=2))
    began = []
    for n in range(3):
        another_bad_release(story, n)
        story.live(until=State.EXECUTING, most=400)
        began.append(story.newest().began_at)
        story.live()
    assert began[0] and began[1] and began[2]
    assert began[1] - began[0] < 2 * HOUR
    assert timedelta() <= began[2] - began[0] - timedelta(days=1) <= timedelta(minutes=5)


def test_the_endpoints_own_budget_counts_all_remedies(tell: Tell) -> None:
    story = tell(budget=Budget(per_day=1))
    story.fires(DRIFT)
    story.propose(Remedy.RETRAIN)
    while not story.jobs.runs or story.history()[0].state in IN_FLIGHT:
        story.tick()
        story.step()
    story.tick()
    story.step()
    assert story.newest().remedy is Remedy.PROMOTE
    assert story.newest().state is State.BLOCKED
    assert "1 of 1 remediations here in 24 h" in story.newest().outcome


@pytest.mark.parametrize("mode", [Mode.AUTO, Mode.OBSERVE])
def test_observe_runs_out_of_budget_when_auto_does(tell: Tell, mode: Mode) -> None:
    modes = AUTO.model_copy(update={"rollback": mode})
    story = tell(rollback=Rollback(cooldown=timedelta(), per_day=2), mode=modes)
    for n in range(3):
        another_bad_release(story, n)
        for _ in range(30):
            story.tick()
            story.step()
        if mode is Mode.OBSERVE:
            # nobody has gone back, so somebody does it by hand
            story.serving.deploy(ENDPOINT, {1: 100})
    assert story.newest().state is State.BLOCKED
    assert "2 of 2 times rollback here in 24 h" in story.newest().outcome


def test_an_observer_does_not_use_up_what_others_may(tell: Tell) -> None:
    story = bad_release(tell())
    story.doors = replace(story.doors, safety=Safety(per_day=1))
    story.propose(Remedy.RETRAIN, endpoint="delays", id="delays", state=State.SHADOWED, updated_at=story.now)
    story.step()
    mine = next(r for r in story.history() if r.endpoint == ENDPOINT)
    assert mine.state is State.EXECUTING
