"""What a remediation may touch outside, what all endpoints share, and what a step of it answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from daemon.config.settings import Safety
from daemon.domain.remediation import Remediation, State
from daemon.ports import Jobs, Registry, Serving


@dataclass(frozen=True, slots=True)
class Lately:
    """How long what was found on an endpoint speaks for the present."""

    windows: timedelta
    cohorts: timedelta = timedelta()
    """Of what labels say, which come late; nothing where there are none."""


@dataclass(frozen=True, slots=True)
class Doors:
    """What a remediation may touch outside."""

    serving: Serving
    registry: Registry
    jobs: Jobs
    scratch: Path
    fleet: Mapping[str, Lately] = field(default_factory=dict)
    """Every endpoint that is looked after."""
    safety: Safety = field(default_factory=Safety)
    stopped: Callable[[], str] = lambda: ""
    """What the kill switch's file says; empty where there is none."""
    follows: Callable[[], str] = lambda: ""
    """Why this daemon may not act: another one leads, or its lease is about to end. Empty where it may."""


@dataclass(frozen=True, slots=True)
class Stepped:
    """What one call did, for the log and the metrics."""

    remediation: Remediation
    state: State
    sentence: str
    waits: bool = False
    """Nothing was done or written: the next in line may have its turn."""
