"""A world to look at, on a SQLite file of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.watch.world import Begin, World, worlds


@pytest.fixture
def begin(sqlite_template: Path, tmp_path: Path) -> Iterator[Begin]:
    with worlds(sqlite_template, tmp_path) as begin:
        yield begin


@pytest.fixture
def world(begin: Begin) -> World:
    return begin()
