"""A workspace that is a local server, and clients of little patience."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.adapters.databricks import DatabricksClient
from daemon.config.fields import Secret
from daemon.config.settings import Workspace
from tests.adapters.local_server import LocalServer

TOKEN = "dapi0123456789abcdef0123456789abcdef"
SECOND = timedelta(seconds=1)
ClientOf = Callable[[str], DatabricksClient]


@pytest.fixture
def token(tmp_path: Path) -> Path:
    """The file that holds the access token."""
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    return path


@pytest.fixture
def client_of(token: Path) -> ClientOf:
    def build(url: str) -> DatabricksClient:
        settings = Workspace(host=url, token=Secret(file=token), timeout=SECOND, retry_for=SECOND)
        return DatabricksClient(settings, pauses=(0.0, 0.0))

    return build


@pytest.fixture
def client(server: LocalServer, client_of: ClientOf) -> DatabricksClient:
    return client_of(server.url)
