"""A story about one endpoint, on a SQLite file of its own."""

import shutil
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.remediate.stories import Story

Tell = Callable[..., Story]


@pytest.fixture
def tell(sqlite_template: Path, tmp_path: Path) -> Iterator[Tell]:
    """Begin as many stories as a test wants."""
    told: list[Story] = []
    numbers = count()

    def begin(**about: object) -> Story:
        folder = tmp_path / f"story-{next(numbers)}"
        folder.mkdir()
        shutil.copy(sqlite_template, folder / "mlsteward.db")
        told.append(Story(folder, **about))  # type: ignore[arg-type]
        return told[-1]

    yield begin
    for story in told:
        story.close()


@pytest.fixture
def story(tell: Tell) -> Story:
    return tell()
