"""The last question before each call that changes the world, asked in the very transaction that counts the call."""

from datetime import datetime

from daemon.domain.remediation import Remediation
from daemon.remediate.doors import Doors
from daemon.store import remediations, restraints
from daemon.store.engine import Tx


def refusal(tx: Tx, one: Remediation, doors: Doors, *, now: datetime) -> str:
    """Say why nothing may be sent now, empty where it may.

    Whoever pulls the kill switch, pauses or holds the endpoint has the last word as soon as it is written down: either
    before the call is counted, and then it is not made, or after. So has whoever moved the remediation on meanwhile: a
    look at the world can hang for hours.
    """
    found = remediations.get(tx, one.id)
    if found is None or found.state is not one.state:
        return f"it is {found.state if found else 'gone'} by now"
    stopped = doors.stopped() or doors.follows()
    if stopped:
        return stopped
    return "; ".join(r.words() for r in restraints.in_force(tx, now, one.endpoint) if r.kind.stops_what_runs)
