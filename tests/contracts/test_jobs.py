"""The contract of the port Jobs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pyarrow.parquet as pq
import pytest

from daemon.adapters.databricks import DatabricksClient, DatabricksJobs
from daemon.domain.registry import JobRun, RunState
from daemon.ports import Jobs, PlatformError
from playground.process import Playground
from tests.contracts.conftest import Until
from tests.fakes import FakeJobs

FAILURE = "0 labelled rows"
EMPTY = {"window_start": "2099-01-01T00:00:00+00:00"}
"""No label is as young as that: the playground's job fails, and says why."""


@dataclass(frozen=True)
class World:
    jobs: Jobs
    job: int
    """Given EMPTY, it fails with FAILURE."""
    until: Until

    def start(self, parameters: Mapping[str, str] = EMPTY, *, token: str = "") -> int:
        return self.jobs.start(self.job, parameters, token=token or uuid4().hex)

    def ended(self, run_id: int) -> JobRun:
        self.until(lambda: self.jobs.run(run_id).state.ended)
        return self.jobs.run(run_id)


@pytest.fixture(params=["fake", "playground"])
def world(request: pytest.FixtureRequest, until: Until) -> Iterator[World]:
    if request.param == "fake":
        jobs = FakeJobs()
        jobs.add(7, RunState.WAITING, RunState.RUNNING, RunState.FAILED, message=FAILURE)
        yield World(jobs, 7, until)
        return
    client: DatabricksClient = request.getfixturevalue("client")
    playground: Playground = request.getfixturevalue("playground")
    yield World(DatabricksJobs(client), playground.address.jobs["retrain-air-time"], until)


def test_a_run_is_followed_to_its_end_and_says_why_it_failed(world: World) -> None:
    run_id = world.start()
    first = world.jobs.run(run_id)
    assert first.run_id == run_id
    assert first.state in (RunState.WAITING, RunState.RUNNING)
    ended = world.ended(run_id)
    assert ended.state is RunState.FAILED
    assert FAILURE in ended.message


def test_the_same_token_gives_the_same_run(world: World) -> None:
    token = uuid4().hex
    run_id = world.start(token=token)
    assert world.start(token=token) == run_id
    world.ended(run_id)
    assert world.start(token=token) == run_id
    assert world.ended(world.start()).run_id != run_id


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
