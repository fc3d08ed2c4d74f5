"""The hour of the week: which windows a seasonal baseline compares with each other. Pure."""

from datetime import datetime, timedelta

HOURS_OF_DAY, HOURS_OF_WEEK = 24, 168
SATURDAY = 5
PHASES = {True: HOURS_OF_WEEK, False: 2 * HOURS_OF_DAY}
"""Weekly or not -> how many phases there are."""
BY_DAY_AFTER, BY_WEEK_AFTER = timedelta(days=14), timedelta(days=28)
"""Two full cycles at least: of working days and weekends, and twice that of single weekdays."""


def phase_of(moment: datetime, *, weekly: bool) -> int:
    """Return the phase of a window that begins at the moment, in UTC: of 168, or of 48 (working day or weekend)."""
    day = moment.weekday()
    return moment.hour + HOURS_OF_DAY * (day if weekly else int(day >= SATURDAY))
