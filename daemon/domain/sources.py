"""Two witnesses of an endpoint's traffic: its own gauges, and its inference table. Neither sees everything.

Who is turned away before a model is asked (401, 403, 429) is in no inference table as far as is known, and the gauges
tell of single minutes, of which a look hears one.
"""

from dataclasses import dataclass
from datetime import datetime

from daemon.domain.window import Window


@dataclass(frozen=True, slots=True)
class EndpointMetrics:
    """What an endpoint says of one minute of its own. None: it does not say."""

    at: datetime | None = None
    """The end of that minute; None where it is not told, and the minute before the asking is meant."""
    requests: float | None = None
    errors_4xx: float | None = None
    errors_5xx: float | None = None
    cpu_percent: float | None = None
    """Of 100, of the busiest served entity."""
    memory_percent: float | None = None
    provisioned_concurrency: float | None = None
    """Requests that can be worked on at once."""


@dataclass(frozen=True, slots=True)
class TableCount:
    """What an inference table holds of one window."""

    window: Window
    requests: int
    errors_4xx: int
    errors_5xx: int


@dataclass(frozen=True, slots=True)
class Sources:
    """What both said lately."""

    readings: tuple[EndpointMetrics, ...] = ()
    """Of the endpoint's gauges, each with its minute, oldest first."""
    table: TableCount | None = None
    """Of the newest window with rows."""
