"""The world and the record at the moment of the question: all that a guard may look at."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from daemon.domain.registry import DeploymentJob
from daemon.domain.remediation import Approval, Mode, Remediation, VersionVerdict
from daemon.domain.restraint import Restraint
from daemon.domain.serving import EndpointState
from daemon.domain.trail import Trail


@dataclass(frozen=True, slots=True)
class Spent:
    """Remediations that began in the last 24 hours, or are under way; or how many may."""

    endpoint: int
    remedy: int
    """Of this remedy, on this endpoint."""
    fleet: int
    at_once: int


@dataclass(frozen=True, slots=True)
class Fleet:
    """How all endpoints are doing."""

    size: int
    ill: frozenset[str]
    """Endpoints in trouble of their own or under treatment."""
    many: int
    """So many at once are a storm."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    now: datetime
    mode: Mode
    stopped: str
    """What the kill switch's file says; empty where there is none."""
    follows: str
    """Why this daemon may not act though it runs: another one leads. Empty where it leads itself."""
    restraints: Sequence[Restraint]
    """What is in force here."""
    hours: Sequence[str]
    """Hours that the remedy must keep to."""
    in_flight: Sequence[Remediation]
    """Other remediations under way on this endpoint."""
    ended: Sequence[datetime]
    """Ends of earlier runs of this remedy on this endpoint, newest first."""
    cooldown: timedelta
    spent: Spent
    budget: Spent
    trouble: Sequence[Trail]
    """The checks of `from_version` that fire or are not over yet, of the cause that this remedy cures."""
    broken: Sequence[str]
    """Data quality checks of `from_version` that are in trouble."""
    requests: int
    """Fewer requests than this in a window say nothing."""
    new_rows: int | None
    """Requests since the last training began; None where there was none."""
    rows_wanted: int
    stale_after: timedelta
    newest: datetime | None
    """How far the endpoint's traffic was read: rows of any version, judged or not."""
    ill_elsewhere: Sequence[str]
    fleet: Fleet
    state: EndpointState
    alias_version: int | None
    record: Sequence[VersionVerdict]
    target_lacks: str
    """Why the version to go to cannot be served: gone, not ready, archived, without artifacts. Empty where it can."""
    keeps_champion: bool
    """The version in charge stays served until its successor has been seen to be healthy."""
    rules: Mapping[str, object]
    """The settings that the plan would be made by now."""
    approval: Approval | None = None
    deployment: DeploymentJob | None = None
    """Databricks' own job that deploys versions of the model, and where its run stands; None also where the settings
    say that it does not deploy."""


Guard = Callable[[Remediation, Circumstances], tuple[bool, str]]
