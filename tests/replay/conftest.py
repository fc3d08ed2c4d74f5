"""A world that was lived in, and replays of it on databases of their own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.replay.again import Replays
from tests.watch.conftest import begin, world

__all__ = ["begin", "world"]


@pytest.fixture
def again(sqlite_template: Path, tmp_path: Path) -> Iterator[Replays]:
    made = Replays(sqlite_template, tmp_path)
    yield made
    if made.store:
        made.store.close()
