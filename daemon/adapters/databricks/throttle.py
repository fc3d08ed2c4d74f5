"""Where the workspace asks for less, the whole daemon asks less, and not only the worker that was told."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import requests
from requests.adapters import BaseAdapter

log = logging.getLogger(__name__)

TOO_MANY = 429
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 1.0, 60.0
"""Where no Retry-After says how long: doubled with each refusal in a row, so that rate limits are found from below."""


class Throttle:
    """When the next request may go, for all sessions of one client."""

    def __init__(
        self,
        longest_seconds: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._longest_seconds = longest_seconds
        """No request waits longer, whatever is asked for: what it is needed for has a deadline of its own."""
        self._clock, self._sleep = clock, sleep
        self._lock = threading.Lock()
        self._until = 0.0
        self._pause_seconds = FIRST_PAUSE_SECONDS

    def wait(self) -> None:
        """Wait until a request may go. Many may then go at once: the workspace says again if that is too many."""
        with self._lock:
            left = self._until - self._clock()
        if left > 0:
            self._sleep(min(left, self._longest_seconds))

    def heard(self, status: int, retry_after: str | None) -> None:
        """Take in an answer."""
        with self._lock:
            if status != TOO_MANY:
                self._pause_seconds = FIRST_PAUSE_SECONDS
                return
            asked = _seconds(retry_after)
            pause = self._pause_seconds if asked is None else asked
            if asked is None:
                self._pause_seconds = min(2 * self._pause_seconds, LONGEST_PAUSE_SECONDS)
            now = self._clock()
            begins = now >= self._until
            self._until = max(self._until, now + min(pause, LONGEST_PAUSE_SECONDS))
        if begins:
            log.warning(
                "the workspace asks for fewer requests: none is sent for %.0f s", min(pause, LONGEST_PAUSE_SECONDS)
            )


class Throttled(BaseAdapter):
    """Waits before each request, also before what the SDK sends again by itself."""

    def __init__(self, behind: BaseAdapter, throttle: Throttle) -> None:
        super().__init__()
        self._behind, self._throttle = behind, throttle

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        self._throttle.wait()
        response = self._behind.send(request, *args, **kwargs)
        self._throttle.heard(response.status_code, response.headers.get("Retry-After"))
        return response

    def close(self) -> None:
        self._behind.close()


def _seconds(retry_after: str | None) -> float | None:
    """Read whole seconds; a date, which Databricks does not send, is as good as nothing."""
    return float(retry_after) if retry_after is not None and retry_after.strip().isdecimal() else None
