"""An event: something that people are told, and that the record keeps."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    PAGE = "page"


@dataclass(frozen=True, slots=True)
class Event:
    kind: str
    """A dotted word: `remediation.succeeded`, `watch.blind`, `incident.upstream`."""
    severity: Severity
    sentence: str
    at: datetime
    endpoint: str = ""
    """Empty where it concerns the whole fleet."""
    numbers: Mapping[str, object] = field(default_factory=dict)
    dedup_key: str = ""
    """Two events with one key are one message. Empty: the event is for the record only and is not sent."""
    id: int | None = None
    delivered_at: datetime | None = None
    attempts: int = 0
    tried_at: datetime | None = None
    """The start of the last attempt; the next one counts from there."""
    taken: tuple[str, ...] = ()
    """The channels that took it: they do not get it again when another one is tried again."""
