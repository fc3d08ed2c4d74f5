"""A line of the diagnosis: what was looked for, whether it is there, and what to do where it is not."""

from dataclasses import dataclass
from enum import StrEnum

WORKSPACE = "workspace"


class Verdict(StrEnum):
    OK = "ok"
    MISSING = "missing"
    UNKNOWN = "unknown"
    """The workspace does not tell. Never read as there, nor as missing."""
    WARNING = "warning"
    """It works, and will not for ever, or not as well as it could."""


@dataclass(frozen=True, slots=True)
class Line:
    subject: str
    """The endpoint, or `workspace`."""
    what: str
    verdict: Verdict
    why: str
    remedy: str = ""
    """What a person types or clicks; empty where there is nothing to do."""
    purposes: tuple[str, ...] = ("observe",)
    now: bool = True
    """Whether the configured modes need it."""

    @property
    def stops(self) -> bool:
        """Say whether the daemon cannot do what it is configured to."""
        return self.now and self.verdict is Verdict.MISSING
