"""The worlds behind the contracts: the playground with the real adapters, and the fakes."""

import os
import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from daemon.adapters.databricks import DatabricksClient
from daemon.config.fields import Secret
from daemon.config.settings import Workspace
from playground.process import Playground
from tests.small_workspace import SmallWorkspace

DEADLINE_SECONDS = 40.0
Until = Callable[[Callable[[], bool]], None]


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """Undo what adapters settle for their whole process: it would forbid others to load models."""
    before = dict(os.environ)
    os.environ["NO_PROXY"] = "127.0.0.1"
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def client(playground: Playground, tmp_path_factory: pytest.TempPathFactory) -> DatabricksClient:
    token = tmp_path_factory.mktemp("secrets") / "token"
    token.write_text(playground.address.token)
    patience = timedelta(seconds=10)
    return DatabricksClient(
        Workspace(host=playground.address.host, token=Secret(file=token), timeout=patience, retry_for=patience)
    )


@pytest.fixture(scope="session")
def until() -> Until:
    """Wait for something that really has to happen."""

    def wait(happened: Callable[[], bool]) -> None:
        deadline = time.monotonic() + DEADLINE_SECONDS
        while not happened():
            assert time.monotonic() < deadline, f"has not happened in {DEADLINE_SECONDS} s"
            time.sleep(0.05)

    return wait


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallWorkspace]:
    """Tables, a catalog and a warehouse."""
    with SmallWorkspace(tmp_path_factory.mktemp("workspace")) as running:
        yield running
