"""A web server for odd answers, and an environment that adapters may settle as they like."""

import os
from collections.abc import Iterator

import pytest

from tests.adapters.local_server import LocalServer


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as running:
        yield running


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    before = dict(os.environ)
    os.environ["NO_PROXY"] = "127.0.0.1"
    yield
    os.environ.clear()
    os.environ.update(before)
