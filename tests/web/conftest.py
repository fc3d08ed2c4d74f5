"""One house a test, with its listener."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from daemon.store.engine import Store
from tests.web.desks import House


@pytest.fixture
def house(sqlite_store: Store, tmp_path: Path) -> House:
    return House(sqlite_store, tmp_path)


@pytest.fixture
def stranger(house: House) -> Iterator[httpx.Client]:
    """A client without credentials."""
    with house.listening() as client:
        yield client
