"""The effects log: every call that changes the workspace, whether granted or refused, in order.

It is the tests' truth about what a client of this workspace did.
"""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Effect:
    """One mutating call, and what came of it."""

    seq: int
    time: str
    method: str
    path: str
    body: Any
    what: str
    status: int


@dataclass
class Effects:
    """Append-only; sequence numbers start at 1 and have no gaps."""

    _all: list[Effect] = field(default_factory=list)

    def record(self, *, now: datetime, method: str, path: str, body: Any, what: str, status: int) -> None:
        """Append one call."""
        self._all.append(Effect(len(self._all) + 1, now.isoformat(), method, path, body=body, what=what, status=status))

    def after(self, seq: int) -> list[dict[str, Any]]:
        """Return the calls behind a sequence number, oldest first."""
        return [asdict(effect) for effect in self._all[max(seq, 0) :]]
