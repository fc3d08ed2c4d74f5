"""Settings in, an authenticated connection to the workspace out. Importing this imports the SDK."""

import base64
import io
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import requests
from databricks.sdk.clock import RealClock
from databricks.sdk.core import ApiClient, Config
from requests.adapters import BaseAdapter

from daemon import __version__
from daemon.adapters.databricks.patience import Patient, within
from daemon.adapters.databricks.throttle import Throttle, Throttled
from daemon.config.settings import Workspace
from daemon.ports import Fence

DISCOVERY_SECONDS = 5
"""How long building the client asks the workspace about itself. The request that follows has patience of its own."""
HARMLESS = ("GET", "HEAD")
ONLY_ASK = (
    "/api/2.0/fs/create-download-url",
    "/api/2.0/mlflow/artifacts/credentials-for-read",
    "/api/2.0/mlflow/unity-catalog/model-versions/generate-temporary-credentials",
    "/api/2.0/sql/statements",
    "/api/2.0/unity-catalog/temporary-table-credentials",
)
"""What is sent by POST and changes nothing, a SELECT for one (`warehouse/statements.py` sends no other): looking goes
on where nothing may be done."""
CANCEL = re.compile(r"/api/2\.0/sql/statements/[^/]+/cancel")
"""The end of a SELECT of our own."""
THREADS = 64
"""The most that the schedule may have: with fewer connections the SDK lets threads wait for one another."""


@dataclass(frozen=True, slots=True)
class Connection:
    config: Config
    api: ApiClient
    session: requests.Session
    """For answers that the SDK would turn into exceptions."""
    secret: str | None
    """What it was built with; None where the SDK found credentials by itself."""

    @property
    def headers(self) -> dict[str, str]:
        """Return what the SDK's own calls add where one host speaks for several workspaces."""
        workspace = self.config.workspace_id
        return {"Accept": "application/json"} | ({"X-Databricks-Workspace-Id": workspace} if workspace else {})

    def token_until(self) -> float | None:
        """Return when the access token ends, in seconds since the epoch; None where it does not say: a PAT."""
        _, _, token = self.config.authenticate().get("Authorization", "").partition(" ")
        parts = token.split(".")
        if len(parts) != 3:
            return None
        try:
            claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
            return float(claims["exp"])
        except (ValueError, KeyError, TypeError):
            return None


def secret_of(settings: Workspace) -> str | None:
    """Read the secret from its place, now: it may have been rotated."""
    named = settings.token or settings.client_secret
    return named.read() if named else None


def connect(settings: Workspace, secret: str | None, fence: Fence) -> Connection:
    """Build the client. Asks the workspace about itself, and for no token yet."""
    # The SDK asks with a patience of its own, which sleeps for as long as a Retry-After header says.
    patience = min(DISCOVERY_SECONDS, settings.retry_for.total_seconds()) + 2 * settings.timeout.total_seconds()
    return within(patience, lambda: _connected(settings, secret, fence), what="the workspace did not introduce itself")


def _connected(settings: Workspace, secret: str | None, fence: Fence) -> Connection:
    timeout, retry = settings.timeout.total_seconds(), max(1, round(settings.retry_for.total_seconds()))
    config = Config(
        host=settings.host,
        profile=settings.profile,
        **_credentials(settings, secret),
        credentials_strategy=Patient(timeout),
        clock=Impatient(retry),
        product="mlsteward",
        product_version=__version__,
        http_timeout_seconds=timeout,
        retry_timeout_seconds=min(DISCOVERY_SECONDS, retry),
        max_connection_pools=THREADS,
        max_connections_per_pool=THREADS,
        # The SDK's background refresh has no timeout either, and its threads outlive the interpreter's wish to end.
        disable_async_token_refresh=True,
    )
    config.retry_timeout_seconds = retry
    api, session = ApiClient(config), _session(config)
    throttle = Throttle(retry)
    for each in (api._api_client._session, session):
        _guarded(each, fence, throttle)
    return Connection(config, api, session, secret)


def _credentials(settings: Workspace, secret: str | None) -> dict[str, Any]:
    """Name the kind as well: otherwise the SDK refuses to choose where the environment offers another."""
    if secret is None:
        return {"auth_type": settings.auth_type} if settings.auth_type else {}
    if settings.token:
        return {"auth_type": "pat", "token": secret}
    return {"auth_type": "oauth-m2m", "client_id": str(settings.client_id), "client_secret": secret}


def _session(config: Config) -> requests.Session:
    def authenticate(request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.update(config.authenticate())
        return request

    session = requests.Session()
    session.auth = authenticate
    session.headers["User-Agent"] = config.user_agent
    return session


def _guarded(session: requests.Session, fence: Fence, throttle: Throttle) -> None:
    for prefix, adapter in list(session.adapters.items()):
        # waiting comes first: the fence is asked at the last moment
        session.mount(prefix, Throttled(Fenced(adapter, fence), throttle))


class Fenced(BaseAdapter):
    """Asks at the last moment, also before what the SDK sends again by itself."""

    def __init__(self, behind: BaseAdapter, fence: Fence) -> None:
        super().__init__()
        self._behind, self._fence = behind, fence

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        path = urlsplit(str(request.url)).path
        if request.method in HARMLESS or path in ONLY_ASK or CANCEL.fullmatch(path):
            return self._behind.send(request, *args, **kwargs)
        with self._fence():
            return self._behind.send(request, *args, **kwargs)

    def close(self) -> None:
        self._behind.close()


class Once:
    """A body that can be read once: so the SDK sends it once."""

    def __init__(self, content: bytes) -> None:
        self._content, self._stream = content, io.BytesIO(content)

    def __len__(self) -> int:
        """Let requests say how much there is, instead of sending it in chunks."""
        return len(self._content)

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)

    def read(self, size: int = -1) -> bytes:
        return self._stream.read(size)


class Impatient(RealClock):
    """Sleeps no longer than the retry budget, whatever a Retry-After header asks for, and never jumps."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def time(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        super().sleep(min(seconds, self._seconds))
