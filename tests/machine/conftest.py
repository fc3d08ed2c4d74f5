"""Stories of one endpoint, as in `tests/remediate`, and plays of a whole fleet."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from shutil import copy

import pytest

from tests.machine.play import Play
from tests.remediate.conftest import tell

__all__ = ["Stage", "stage", "tell"]

Stage = Callable[..., Play]


@pytest.fixture
def stage(sqlite_template: Path, tmp_path: Path) -> Iterator[Stage]:
    """Begin as many plays as a test wants, each on a database of its own."""
    begun: list[Play] = []
    numbers = count()

    def begin(**about: object) -> Play:
        folder = tmp_path / f"play-{next(numbers)}"
        folder.mkdir()
        file = copy(sqlite_template, folder / "mlsteward.db")
        begun.append(Play(folder, f"sqlite:///{file}", **about))  # type: ignore[arg-type]
        return begun[-1]

    yield begin
    for play in begun:
        play.fleet.close()
