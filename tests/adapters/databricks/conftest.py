"""A workspace that is a local server, and clients with much or little patience."""

from datetime import timedelta
from pathlib import Path
from typing import Protocol

import pytest

from daemon.adapters.databricks import DatabricksClient
from daemon.config.fields import Secret
from daemon.config.settings import Workspace
from tests.adapters.local_server import LocalServer

TOKEN = "dapi0123456789abcdef0123456789abcdef"


class ClientOf(Protocol):
    def __call__(self, url: str, *, seconds: int = 20) -> DatabricksClient: ...


@pytest.fixture
def token(tmp_path: Path) -> Path:
    """The file that holds the access token."""
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    return path


@pytest.fixture
def client_of(token: Path) -> ClientOf:
    def build(url: str, *, seconds: int = 20) -> DatabricksClient:
        patience = timedelta(seconds=seconds)
        settings = Workspace(host=url, token=Secret(file=token), timeout=patience, retry_for=patience)
        return DatabricksClient(settings, pauses=(0.0, 0.0))

    return build


@pytest.fixture
def client(server: LocalServer, client_of: ClientOf) -> DatabricksClient:
    return client_of(server.url)


@pytest.fixture
def impatient(server: LocalServer, client_of: ClientOf) -> DatabricksClient:
    """A client for what never answers: it waits for a second, and tries again for another."""
    return client_of(server.url, seconds=1)
