"""What was seen of a workspace: each question with its answer, or with why there is none."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from daemon.domain.found import FoundEndpoint, FoundJob, FoundWarehouse, Kind, Meeting, Presence, Rights

T = TypeVar("T")
Thing = tuple[Kind, str]
"""An object that rights are held on. Endpoints and jobs go by the name that the configuration has for them."""


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    value: T | None
    why: str = ""
    """Why there is no value; empty where there is one."""
    gone: bool = False
    """There is no such thing, or it is not shown."""


@dataclass(frozen=True, slots=True)
class SeenEndpoint:
    endpoint: Answer[FoundEndpoint]
    creator: Answer[Presence] = Answer(None)
    job: Answer[FoundJob] | None = None
    """None where no job is configured."""
    newest: Answer[datetime] | None = None
    """The newest row that was found; None where the table was not read."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A workspace, as far as one configuration needs it."""

    meeting: Answer[Meeting]
    skew: timedelta | None = None
    """How far the workspace's clock is ahead of ours."""
    token_ends: Answer[list[datetime | None]] | None = None
    """None where the credentials are no access token."""
    warehouse: Answer[FoundWarehouse] | None = None
    """None where none is configured."""
    endpoints: Mapping[str, SeenEndpoint] = field(default_factory=dict)
    rights: Mapping[Thing, Answer[Rights]] = field(default_factory=dict)
