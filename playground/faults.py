"""Trouble on demand: which requests fail, and how, whatever family they belong to.

A fault stands before all routes, behind the check of tokens. The first that fits a request counts; one with `times`
is used up.
"""

import re
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from playground.errors import invalid

Drop = Literal["before", "after"]
CONTROL = "/_playground/"
"""No fault meets these paths: somebody has to be able to end it."""
ERROR_CODES = {
    400: "BAD_REQUEST",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "RESOURCE_DOES_NOT_EXIST",
    409: "RESOURCE_CONFLICT",
    429: "REQUEST_LIMIT_EXCEEDED",
    500: "INTERNAL_ERROR",
    501: "NOT_IMPLEMENTED",
    503: "TEMPORARILY_UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
"""What Databricks says with a status, where the fault brings no body of its own."""


@dataclass
class Fault:
    """What becomes of the requests that fit."""

    method: str | None
    """None: of any method."""
    path: re.Pattern[str]
    """Fits the whole path, which comes as it was sent, without its query."""
    status: int | None = None
    """None: the request is answered as always, if no drop forbids it."""
    body: Any = None
    """Text goes out as it is, anything else as JSON; None: an error in Databricks' own shape."""
    headers: dict[str, str] = field(default_factory=dict)
    delay_seconds: float = 0.0
    """How long nothing happens at first."""
    drop: Drop | None = None
    """The connection ends without an answer, before the effect or after it."""
    times: int | None = None
    """How many requests it is for; None: for all, until the faults are cleared."""

    def fits(self, method: str, path: str) -> bool:
        """Tell whether it is for this request."""
        return self.method in (None, method) and self.times != 0 and self.path.fullmatch(path) is not None

    @property
    def answer(self) -> Any:
        """Return the body of the answer."""
        if self.body is not None or self.status is None or self.status < 400:
            return {} if self.body is None else self.body
        message = f"The playground was told to answer with {self.status}."
        code = ERROR_CODES.get(self.status)
        return {"error_code": code, "message": message} if code else {"message": message}


class Faults:
    """All faults there are now."""

    def __init__(self) -> None:
        self._all: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Have it meet requests from now on, those before it first."""
        self._all.append(fault)

    def clear(self) -> None:
        """Let everything work again."""
        self._all.clear()

    def next(self, method: str, path: str) -> Fault | None:
        """Return the fault that this request meets, and count it as met."""
        if path.startswith(CONTROL):
            return None
        found = next((fault for fault in self._all if fault.fits(method, path)), None)
        if found is not None and found.times is not None:
            found.times -= 1
        return found


def read_fault(body: dict[str, Any]) -> Fault:
    """Read a fault, or refuse it: what was misspelt would spoil nothing, and nobody would know."""
    known = {"method", "path", "status", "body", "headers", "delay_seconds", "drop", "times"}
    if unknown := body.keys() - known:
        raise invalid(f"a fault has no {', '.join(sorted(unknown))}")
    drop, status, times = body.get("drop"), body.get("status"), body.get("times")
    if drop is not None and drop not in get_args(Drop):
        raise invalid(f"drop is one of {', '.join(get_args(Drop))}, not {drop!r}")
    if drop is not None and status is not None:
        raise invalid("a connection that is dropped answers with no status")
    if status is not None and not (isinstance(status, int) and 200 <= status <= 599):
        raise invalid(f"status is a number between 200 and 599, not {status!r}")
    if times is not None and not (isinstance(times, int) and times > 0):
        raise invalid(f"times is a number from 1 on, not {times!r}")
    method = body.get("method")
    return Fault(
        None if method is None else str(method).upper(),
        _pattern(body.get("path")),
        status,
        body.get("body"),
        {str(name): str(value) for name, value in (body.get("headers") or {}).items()},
        float(body.get("delay_seconds") or 0),
        drop,
        times,
    )


def _pattern(path: Any) -> re.Pattern[str]:
    """Read a regular expression; a path without wildcards is one that fits itself."""
    if not isinstance(path, str) or not path.startswith(("/", "^", "(", ".")):
        raise invalid("path must be given: a path, or a regular expression that fits the whole of it")
    try:
        return re.compile(path)
    except re.error as error:
        raise invalid(f"path is no regular expression: {error}") from None
