"""Jobs and their runs: what can be run, and where one execution stands."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from pathlib import Path

Command = Callable[[dict[str, str]], list[str]]
"""The command line for given job parameters."""


class RunState(Enum):
    """Where a run stands: old life cycle and result, new state, termination code and type."""

    PENDING = ("PENDING", None, "PENDING", None, None)
    RUNNING = ("RUNNING", None, "RUNNING", None, None)
    TERMINATING = ("TERMINATING", None, "TERMINATING", None, None)
    SUCCESS = ("TERMINATED", "SUCCESS", "TERMINATED", "SUCCESS", "SUCCESS")
    FAILED = ("TERMINATED", "FAILED", "TERMINATED", "RUN_EXECUTION_ERROR", "CLIENT_ERROR")
    CANCELED = ("TERMINATED", "CANCELED", "TERMINATED", "USER_CANCELED", "SUCCESS")
    SKIPPED = (
        "SKIPPED",
        "MAXIMUM_CONCURRENT_RUNS_REACHED",
        "TERMINATED",
        "MAX_CONCURRENT_RUNS_EXCEEDED",
        "CLIENT_ERROR",
    )

    @property
    def active(self) -> bool:
        """Whether the run has not ended yet."""
        return self in (RunState.PENDING, RunState.RUNNING, RunState.TERMINATING)


@dataclass(frozen=True)
class Job:
    """What can be run: the command for given parameters. One run at a time, and no queue."""

    job_id: int
    name: str
    parameters: dict[str, str]
    """Declared parameters with their defaults."""
    command: Command


@dataclass
class Run:
    """One execution of a job."""

    run_id: int
    job: Job
    parameters: dict[str, str]
    started_at: datetime
    log: Path
    state: RunState = RunState.PENDING
    message: str = ""
    ended_at: datetime | None = None
    process: asyncio.subprocess.Process | None = None
    canceled: bool = False
