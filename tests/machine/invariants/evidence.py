"""Does the truth bear it out? Held against what really happened, not against what the daemon believes."""

from datetime import datetime, timedelta

from daemon.domain.remediation import Remediation, Remedy
from tests.machine.site import Site, Slice, rows, sick

LOOKBACK = timedelta(hours=26)


def speaks_against(site: Site, one: Remediation, now: datetime) -> list[datetime]:
    """Return the ends of the windows that really showed what the remedy is to cure, oldest first.

    The one under way counts: a clock that is ahead takes it for closed, and what was seen in it was really there.
    """
    found = site.windows(one.from_version or 0, now - LOOKBACK, now)
    showing = sick if one.remedy is Remedy.ROLLBACK else _drifted
    return [window.end for window, slices in found if showing(slices)]


def well_since(site: Site, version: int, since: datetime, now: datetime) -> tuple[int, int]:
    """Return how many windows that were over by a clock a version served well since, and on how many requests."""
    found = site.windows(version, since, now)
    well = [slices for window, slices in found if window.start >= since and window.end <= now and not sick(slices)]
    return len(well), sum(rows(slices) for slices in well)


def _drifted(slices: list[Slice]) -> bool:
    return any(s.drifted for s in slices)
