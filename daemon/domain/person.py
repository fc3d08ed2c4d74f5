"""What a person does to the daemon: who did it, what came of it, and why it could not be done."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Who:
    by: str
    reason: str
    now: datetime
    via: str = "the command line"
    """The way that the word came in: nobody checks the name there, so the way belongs to the record."""


@dataclass(frozen=True, slots=True)
class Done:
    verb: str
    sentence: str
    """What came of it, and what happens next."""
    numbers: Mapping[str, object] = field(default_factory=dict)


class Refused(Exception):  # noqa: N818 - an answer to a person, not a fault
    """It cannot be done, in one sentence."""


class Unknown(Refused):
    """There is no such endpoint or remediation; the sentence says what there is."""


class Unclear(Refused):
    """What was asked for cannot be understood."""
