"""What every test may ask for: one running playground, shared by all tests of a run."""

import fcntl
import json
import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from playground.process import Playground

pytest_plugins = ["tests.fixtures_store"]

# how long an example takes says more about the machine than about the code
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(autouse=True)
def _as_it_was_found() -> Iterator[None]:
    """Put back what commands run in this process, and MLflow, change for all of it: variables and levels of logs."""
    variables, daemon, root = dict(os.environ), logging.getLogger("daemon"), logging.getLogger()
    levels = daemon.level, root.level
    yield
    daemon.setLevel(levels[0])
    root.setLevel(levels[1])
    if dict(os.environ) != variables:
        os.environ.clear()
        os.environ.update(variables)


@pytest.fixture(scope="session")
def playground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    """One workspace in a box. Change endpoints and tokens of your own, not those that the others use."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        with Playground(tmp_path_factory.mktemp("playground")) as box:
            yield box
        return
    folder = tmp_path_factory.getbasetemp().parent
    root = _join(folder)
    try:
        yield Playground.attach(root)
    finally:
        _leave(folder)


def _join(folder: Path) -> Path:
    """Return the playground of all workers, which the first one starts."""
    with _state(folder) as state:
        if not state.get("users"):
            root = Path(tempfile.mkdtemp(prefix="playground-", dir=folder))
            # The workers' parent, so that it also ends when a worker is killed and cannot count itself out.
            Playground(root, guardian=os.getppid()).start()
            state |= {"root": str(root), "users": 0}
        state["users"] += 1
        return Path(state["root"])


def _leave(folder: Path) -> None:
    """Stop the playground with its last user."""
    with _state(folder) as state:
        state["users"] -= 1
        if not state["users"]:
            Playground.attach(Path(state["root"])).stop()


@contextmanager
def _state(folder: Path) -> Iterator[dict[str, Any]]:
    with (folder / "playground.state").open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        state = json.loads(file.read() or "{}")
        yield state
        file.seek(0)
        file.truncate()
        json.dump(state, file)
