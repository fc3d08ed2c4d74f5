"""What the registry and the jobs service answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

JOB_PARAMETERS = (
    "endpoint",
    "model",
    "reason",
    "remediation",
    "finding",
    "champion_version",
    "baseline",
    "window_start",
    "window_end",
)
"""What a training job can be told. It is told those that it declares: Databricks refuses any other.
`docs/training-job.md` says what each means."""


class Stage(StrEnum):
    """The stages that the workspace's registry knows, in its own words. Unity Catalog has none, and says so."""

    NONE = "None"
    STAGING = "Staging"
    PRODUCTION = "Production"
    ARCHIVED = "Archived"


@dataclass(frozen=True, slots=True)
class ModelVersion:
    model: str
    version: int
    created_at: datetime
    ready: bool
    run_id: str | None
    tags: Mapping[str, str] = field(default_factory=dict)
    aliases: tuple[str, ...] = ()
    stage: Stage = Stage.NONE


class Deployment(StrEnum):
    """Where the deployment job's run for one version stands."""

    NONE = "none"
    """There was no run, or it has ended."""
    WAITS = "waits"
    """It waits for a person's approval."""
    RUNS = "runs"
    """It is at work or about to be, or in a state that we do not know."""


@dataclass(frozen=True, slots=True)
class DeploymentJob:
    """A job that Databricks itself starts for each new version of a model: it may move alias and traffic by itself."""

    job_id: str
    connected: bool
    """The next version will start it."""
    run: Deployment = Deployment.NONE
    words: str = ""
    """Databricks' own words for where the run stands."""


class RunState(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    """A state we do not know. Never read as an end."""

    @property
    def ended(self) -> bool:
        return self in (RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED)


@dataclass(frozen=True, slots=True)
class JobRun:
    run_id: int
    state: RunState
    message: str = ""
