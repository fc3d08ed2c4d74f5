"""Events to be told, with everything said that a test does not care about."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from daemon.domain.event import Event, Severity

T0 = datetime(2026, 3, 1, 12, tzinfo=UTC)


def event(n: int = 0, endpoint: str = "flights", *, at: float = 0, **changes: Any) -> Event:
    """Return event number n, `at` seconds after T0."""
    plain = Event(
        kind="watch.drifted",
        severity=Severity.WARNING,
        sentence=f"sentence {n}",
        at=T0 + timedelta(seconds=at),
        endpoint=endpoint,
        dedup_key=f"{endpoint}/{n}",
    )
    return replace(plain, **changes)


def page(n: int = 0, endpoint: str = "flights", *, at: float = 0, **changes: Any) -> Event:
    return event(n, endpoint, at=at, severity=Severity.PAGE, **changes)
