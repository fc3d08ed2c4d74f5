"""What was asked of the workspace: method, path, query and body of each request, secrets left out.

Nothing is recorded before somebody asks for it: a demo's traffic would fill the memory.
"""

import re
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

MOST = 20_000
"""Requests kept; older ones go."""
SECRET = re.compile(r"token|secret|password|credential|signature", re.IGNORECASE)
HARMLESS = frozenset({"idempotency_token", "page_token"})
HIDDEN = "***"


@dataclass(frozen=True)
class Recorded:
    """One request, as it came in. Headers are not kept, but for the one that names who asks."""

    method: str
    path: str
    """As it was sent, quoted."""
    query: dict[str, str]
    body: Any
    user_agent: str


class Recorder:
    """The requests since recording began, oldest first."""

    def __init__(self) -> None:
        self._of: str | None = None
        self._kept: deque[Recorded] = deque(maxlen=MOST)

    def begin(self, *, of: str = "") -> None:
        """Forget what was recorded, and record from now on what they send whose user agent begins like this."""
        self._of = of
        self._kept.clear()

    def end(self) -> None:
        """Record no more."""
        self._of = None

    def wants(self, user_agent: str) -> bool:
        """Tell whether a request of theirs is to be kept."""
        return self._of is not None and user_agent.startswith(self._of)

    def add(self, method: str, path: str, query: dict[str, str], body: Any, user_agent: str) -> None:
        """Keep one request."""
        self._kept.append(Recorded(method, path, _open(query), _open(body), user_agent))

    def as_json(self) -> list[dict[str, Any]]:
        """Return all that was kept."""
        return [asdict(one) for one in self._kept]


def _open(value: Any) -> Any:
    """Return a body without what is nobody's business."""
    if isinstance(value, dict):
        return {name: HIDDEN if _secret(name, inner) else _open(inner) for name, inner in value.items()}
    return [_open(inner) for inner in value] if isinstance(value, list) else value


def _secret(name: str, value: Any) -> bool:
    return isinstance(value, str) and name not in HARMLESS and SECRET.search(name) is not None
