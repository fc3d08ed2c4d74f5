"""The contract of the port Jobs."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import uuid4

import pytest

from daemon.adapters.databricks import DatabricksClient, DatabricksJobs
from daemon.domain.registry import RunState
from daemon.ports import Jobs, PlatformError
from playground.process import Playground
from tests.contracts.conftest import Until
from tests.fakes import FakeJobs

FAILURE = "0 labelled rows"
PARAMETERS = {"window_start": "2099-01-01T00:00:00+00:00"}
"""No label is as young as that: the playground's job fails, and says why."""


@dataclass(frozen=True)
class World:
    jobs: Jobs
    job: int
    """Given PARAMETERS, it fails with FAILURE."""
    cancel: Callable[[int], None]
    until: Until

    def start(self, token: str) -> int:
        return self.jobs.start(self.job, PARAMETERS, token=token)

    def ended(self, run_id: int) -> bool:
        return self.jobs.run(run_id).state.ended


@pytest.fixture(params=["fake", "playground"])
def world(request: pytest.FixtureRequest, until: Until) -> World:
    if request.param == "fake":
        jobs = FakeJobs()
        jobs.add(7, RunState.WAITING, RunState.RUNNING, RunState.FAILED, message=FAILURE)
        return World(jobs, 7, lambda run_id: jobs.finish(run_id, RunState.CANCELLED, message="as told"), until)
    client: DatabricksClient = request.getfixturevalue("client")
    playground: Playground = request.getfixturevalue("playground")

    def cancel(run_id: int) -> None:
        playground.control.call("POST", "/api/2.2/jobs/runs/cancel", {"run_id": run_id})

    return World(DatabricksJobs(client), playground.address.jobs["retrain-air-time"], cancel, until)


def test_a_run_is_started_once_and_followed_to_its_end(world: World) -> None:
    token = uuid4().hex
    run_id = world.start(token)
    first = world.jobs.run(run_id)
    assert first.run_id == run_id
    assert first.state in (RunState.WAITING, RunState.RUNNING)
    assert world.start(token) == run_id

    world.until(lambda: world.ended(run_id))
    ended = world.jobs.run(run_id)
    assert ended.state is RunState.FAILED
    assert FAILURE in ended.message
    assert world.start(token) == run_id


def test_a_cancelled_run_has_ended_without_success(world: World) -> None:
    run_id = world.start(uuid4().hex)
    world.cancel(run_id)
    world.until(lambda: world.ended(run_id))
    assert world.jobs.run(run_id).state is RunState.CANCELLED


def test_another_token_is_another_run(world: World) -> None:
    one, other = world.start(uuid4().hex), world.start(uuid4().hex)
    assert one != other
    world.cancel(one)
    world.cancel(other)
    world.until(lambda: world.ended(one) and world.ended(other))


def test_an_unknown_job_is_missing_for_good(world: World) -> None:
    with pytest.raises(PlatformError) as caught:
        world.jobs.start(404_404, {}, token=uuid4().hex)
    assert caught.value.permanent
    assert caught.value.missing


def test_an_unknown_run_is_missing_for_good(world: World) -> None:
    with pytest.raises(PlatformError) as caught:
        world.jobs.run(404_404)
    assert caught.value.permanent
    assert caught.value.missing
