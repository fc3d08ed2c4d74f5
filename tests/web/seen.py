"""Windows of version 3 as the daemon would have left them, so that there is something to draw."""

from daemon.domain.finding import Against
from daemon.domain.profile import Coverage, Health, Profile
from daemon.store import findings, profiles
from daemon.store.engine import Store
from tests.watch.stories import ERRORS, firing, window

FINDING = "flights:3:error_rate_5xx"


def failing(store: Store) -> dict[str, object]:
    """Leave three windows with errors, and return their finding as a remediation's evidence holds it."""
    trail = firing(ERRORS, version=3, against=Against.NOTHING)
    with store.begin() as tx:
        findings.save(tx, [trail])
        counted = [(window(n), Health(1000, 0, 300)) for n in range(3)]
        profiles.save(tx, [Profile("flights", 3, w, h, Coverage(1000), None, {}) for w, h in counted])
    return trail.last.numbers()
