"""A world to look at, on a SQLite file of its own."""

import shutil
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from daemon.config import settings
from tests.watch.world import RefusingStore, World

Begin = Callable[..., World]


@pytest.fixture
def begin(sqlite_template: Path, tmp_path: Path) -> Iterator[Begin]:
    """Begin as many worlds as a test wants."""
    stores: list[RefusingStore] = []
    numbers = count()

    def world(**rules: object) -> World:
        folder = tmp_path / f"world-{next(numbers)}"
        folder.mkdir()
        shutil.copy(sqlite_template, folder / "mlsteward.db")
        stores.append(RefusingStore.open(settings.Store(url=f"sqlite:///{folder}/mlsteward.db")))
        return World(folder, stores[-1], **rules)

    yield world
    for store in stores:
        store.close()


@pytest.fixture
def world(begin: Begin) -> World:
    return begin()
