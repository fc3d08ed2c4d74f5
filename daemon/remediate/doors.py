"""What a remediation may touch outside, and what a step of it answers."""

from dataclasses import dataclass
from pathlib import Path

from daemon.domain.remediation import Remediation, State
from daemon.ports import Jobs, Registry, Serving


@dataclass(frozen=True, slots=True)
class Doors:
    """What a remediation may touch outside."""

    serving: Serving
    registry: Registry
    jobs: Jobs
    scratch: Path


@dataclass(frozen=True, slots=True)
class Stepped:
    """What one call did, for the log and the metrics."""

    remediation: Remediation
    state: State
    sentence: str
    waits: bool = False
    """Nothing was done or written: the next in line may have its turn."""
