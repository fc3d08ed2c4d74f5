"""One workspace, shared by all threads: requests in, JSON or `PlatformError` out."""

import json
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from daemon.adapters.dataset import CHUNK_BYTES, fetch_url
from daemon.config.settings import Workspace
from daemon.ports import Fence, PlatformError

if TYPE_CHECKING:
    from daemon.adapters.databricks.connection import Connection

T = TypeVar("T")
Json = Mapping[str, Any]
PAUSES_SECONDS = (1.0, 3.0)
LONGEST_TEXT_BYTES = 8 * 2**20


@dataclass(frozen=True, slots=True)
class Terms:
    """How a request was let in. Never the credentials themselves."""

    host: str
    kind: str
    date: str
    """The answer's header, empty without one."""
    token_until: float | None
    """Seconds since the epoch, where the access token says so itself."""


class DatabricksClient:
    """Connects at its first request, and again with a rotated secret once the old one is refused."""

    def __init__(
        self, settings: Workspace, *, pauses: Sequence[float] = PAUSES_SECONDS, fence: Fence = nullcontext
    ) -> None:
        self._settings, self._fence = settings, fence
        self._pauses = pauses
        """Seconds between the attempts of a GET that met a 500, 502 or 504."""
        self._connecting, self._lock = threading.Lock(), threading.Lock()
        self._connection: Connection | None = None
        self._secret: str | None = None
        self._failures = 0
        self._failure: Exception | None = None

    def get(self, path: str, read: Callable[[Json], T], *, what: str, query: Json | None = None) -> T:
        """Return what `read` makes of the answer. `what` completes "could not ...", for a person."""
        return self._ask(what, lambda it: _patiently(lambda: _do(it, "GET", path, read, query=query), self._pauses))

    def meet(self, path: str, read: Callable[[Json, "Terms"], T], *, what: str) -> T:
        """GET, and tell besides on which terms the workspace was met."""
        return self._ask(what, lambda it: _patiently(lambda: _meet(it, path, read), self._pauses))

    def ask(self, path: str, body: Json, read: Callable[[Json], T], *, what: str) -> T:
        """POST what only reads, and repeat it like a GET. Only for paths that the fence lets pass (`ONLY_ASK`)."""
        return self._ask(what, lambda it: _patiently(lambda: _do(it, "POST", path, read, question=body), self._pauses))

    def send(self, method: str, path: str, body: Json, read: Callable[[Json], T], *, what: str) -> T:
        return self._ask(what, lambda it: _do(it, method, path, read, body=body))

    def fetch(self, path: str, target: Path, *, what: str) -> Path:
        """GET a file of the workspace into `target`."""
        return self._ask(what, lambda it: _patiently(lambda: _fetch(it, path, target), self._pauses))

    def text(self, path: str, read: Callable[[str], T], *, what: str) -> T | None:
        """GET what is no JSON, and return what `read` makes of it; None where nothing is there."""
        return self._ask(what, lambda it: _patiently(lambda: _text(it, path, read), self._pauses))

    def pull(self, url: str, headers: Mapping[str, str], target: Path, *, what: str) -> Path:
        """GET a file from an address that the workspace has signed: it is shown none of our credentials."""
        return self._ask(what, lambda it: fetch_url(url, target, headers, it.config.http_timeout_seconds))

    def measure(self, path: str, body: Json, *, what: str) -> tuple[int, float]:
        """POST once, and return status and milliseconds: a refusal by whoever answers is an answer, too."""
        return self._ask(what, lambda it: _measure(it, path, body))

    def _ask(self, what: str, request: Callable[["Connection"], T]) -> T:
        from daemon.adapters.databricks import errors

        try:
            connection = self._connect()
            try:
                return request(connection)
            except Exception as error:
                if not self._renewable(connection, error):
                    raise
                return request(self._connect())
        except PlatformError:
            raise
        except Exception as error:
            # Not chained: the SDK's own text may quote what was sent.
            raise errors.platform_error(what, error, secret=self._secret) from None

    def _connect(self) -> "Connection":
        from daemon.adapters.databricks import connection, errors, patience

        failures = self._failures
        if not self._connecting.acquire(timeout=patience.grace(self._settings.timeout.total_seconds())):
            raise errors.BusyError("another request is connecting already")
        try:
            if (known := self._connection) is not None:
                return known
            if self._failure is not None and failures != self._failures:
                # Another thread failed while this one waited. A try for each, one after the other, would take minutes.
                raise self._failure
            try:
                self._secret = connection.secret_of(self._settings)
                made = connection.connect(self._settings, self._secret, self._fence)
            except Exception as error:
                self._failures, self._failure = self._failures + 1, error
                raise
            with self._lock:
                self._connection = made
            return made
        finally:
            self._connecting.release()

    def _renewable(self, stale: "Connection", error: Exception) -> bool:
        """Say whether the same request may fare better on a new connection, and give the old one up where so."""
        from daemon.adapters.databricks import connection, errors

        if isinstance(error, errors.BusyError):
            return False
        if isinstance(error, errors.IssuerError):
            # The thread left behind holds the connection's lock on its token.
            self._forget(stale)
            return False
        if not errors.locked_out(error):
            return False
        if stale.secret is None or connection.secret_of(self._settings) != stale.secret:
            self._forget(stale)
        return self._connection is not stale

    def _forget(self, stale: "Connection") -> None:
        with self._lock:
            if self._connection is stale:
                self._connection = None


def _do(
    connection: "Connection",
    method: str,
    path: str,
    read: Callable[[Json], T],
    *,
    query: Json | None = None,
    body: Json | None = None,
    question: Json | None = None,
    told: Sequence[str] = (),
) -> T:
    from daemon.adapters.databricks.errors import GarbledError

    if body is None:
        asked = None if question is None else dict(question)
        answer = connection.api.do(
            method,
            path,
            query=dict(query) if query else None,
            body=asked,
            headers=connection.headers,
            response_headers=list(told),
        )
    else:
        answer = _do_once(connection, method, path, body)
    try:
        if isinstance(answer, dict):
            return read(answer)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise GarbledError(f"the answer is not in the form we know: {error!r}") from None
    raise GarbledError("the answer is no JSON object")


def _meet(connection: "Connection", path: str, read: Callable[[Json, Terms], T]) -> T:
    config = connection.config

    def terms(answer: Json) -> Terms:
        date, until = str(answer.get("date") or ""), connection.token_until()
        return Terms(str(config.host), str(config.auth_type), date, until)

    return _do(connection, "GET", path, lambda answer: read(answer, terms(answer)), told=("date",))


def _fetch(connection: "Connection", path: str, target: Path) -> Path:
    headers = connection.headers | {"Accept": "application/octet-stream"}
    answer: Any = connection.api.do("GET", path, headers=headers, raw=True)
    with answer["contents"] as contents, target.open("wb") as file:
        while chunk := contents.read(CHUNK_BYTES):
            file.write(chunk)
    return target


def _text(connection: "Connection", path: str, read: Callable[[str], T]) -> T | None:
    from daemon.adapters.databricks.errors import GarbledError, nothing_there

    try:
        answer: Any = connection.api.do("GET", path, headers=connection.headers | {"Accept": "text/plain"}, raw=True)
    except Exception as error:
        if nothing_there(error):
            return None
        raise
    content = b""
    with answer["contents"] as contents:
        while chunk := contents.read(CHUNK_BYTES):
            content += chunk
            if len(content) > LONGEST_TEXT_BYTES:
                raise GarbledError("the answer does not end")
    try:
        return read(content.decode())
    except ValueError:
        # not its own words: they quote the text
        raise GarbledError("the answer is no text that we know") from None


def _do_once(connection: "Connection", method: str, path: str, body: Json) -> Any:
    """Send what changes the world a single time, and leave it to whoever asked to find out what became of it.

    The SDK repeats any request that got no answer, a PUT as well: an update that was taken, and whose reply was lost,
    would be made twice. It does not repeat what it cannot read again.
    """
    from daemon.adapters.databricks.connection import Once

    headers = connection.headers | {"Content-Type": "application/json"}
    return connection.api.do(method, path, data=Once(json.dumps(body, allow_nan=False).encode()), headers=headers)


def _patiently(ask: Callable[[], T], pauses: Sequence[float]) -> T:
    from daemon.adapters.databricks.errors import hiccup

    for pause in pauses:
        try:
            return ask()
        except Exception as error:
            if not hiccup(error):
                raise
        time.sleep(pause)
    return ask()


def _measure(connection: "Connection", path: str, body: Json) -> tuple[int, float]:
    from daemon.adapters.databricks.errors import refusal

    began = time.perf_counter()
    response = connection.session.post(
        f"{connection.config.host}{path}",
        # Not `json=`, which refuses the NaN that an input example may hold and MLflow's server understands.
        data=json.dumps(body),
        headers=connection.headers | {"Content-Type": "application/json"},
        timeout=connection.config.http_timeout_seconds,
        # A login page behind a redirect would look like a good answer.
        allow_redirects=False,
    )
    took = time.perf_counter() - began
    if response.status_code in (401, 403):
        raise refusal(response.status_code, response.text)
    return response.status_code, took * 1000
