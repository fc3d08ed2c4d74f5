"""Waiting for whoever may never answer: given up after some seconds, and by one worker at a time."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from databricks.sdk.core import Config
from databricks.sdk.credentials_provider import CredentialsProvider, CredentialsStrategy, DefaultCredentials

from daemon.adapters.databricks.errors import BusyError, IssuerError

T = TypeVar("T")
GRACE_SECONDS = 10.0


def grace(seconds: float) -> float:
    """Return how long others wait for the one who waits: a token takes a second, a connection a few."""
    return min(GRACE_SECONDS, seconds / 4)


class Patient(CredentialsStrategy):
    """The SDK's own ways to credentials, given up after some seconds.

    The SDK fetches OAuth tokens without any timeout (databricks-sdk-py #1338): a dead identity provider would hold
    one worker after the other for ever. Only the fetching is left behind in a thread of its own, never a request: an
    effect that happens long after it was given up would be worse than a thread.
    """

    def __init__(self, seconds: float) -> None:
        self._ways = DefaultCredentials()
        self._seconds = seconds
        self._waits = threading.Lock()

    def auth_type(self) -> str:
        return self._ways.auth_type()

    def __call__(self, cfg: Config) -> CredentialsProvider:
        if cfg.auth_type == "oauth-m2m" and not cfg.discovery_url:
            raise IssuerError(f"{cfg.host} does not say who issues its tokens")
        provider = within(self._seconds, lambda: self._ways(cfg))
        if provider is None or self.auth_type() == "pat":
            return provider
        return lambda: self._alone(provider)

    def _alone(self, provider: CredentialsProvider) -> dict[str, str]:
        """Fetch, where nobody else has been fetching for long: a dead issuer must not hold all workers at once."""
        if not self._waits.acquire(timeout=grace(self._seconds)):
            raise BusyError("another request waits for credentials already")
        try:
            return within(self._seconds, provider)
        finally:
            self._waits.release()


def within(seconds: float, call: Callable[[], T], *, what: str = "no credentials came") -> T:
    """Return what the call returns, or raise IssuerError after some seconds and leave its thread behind."""
    answer: Future[T] = Future()
    threading.Thread(target=_fulfil, args=(answer, call), name="patience", daemon=True).start()
    try:
        return answer.result(seconds)
    except TimeoutError:
        raise IssuerError(f"{what} within {seconds:g} s") from None


def _fulfil(answer: Future[T], call: Callable[[], T]) -> None:
    try:
        answer.set_result(call())
    except Exception as error:
        answer.set_exception(error)
