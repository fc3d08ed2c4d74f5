"""The last question before each call that changes the world, asked in the very transaction that counts the call."""

from datetime import datetime

from daemon.config.endpoint import EndpointSettings
from daemon.domain.remediation import Remediation
from daemon.domain.window import EPOCH
from daemon.remediate.doors import Doors
from daemon.remediate.guards.evidence import FROM_FINDINGS
from daemon.store import endpoints, remediations, restraints
from daemon.store.engine import Store, Tx


def outlived(one: Remediation, settings: EndpointSettings, store: Store, *, now: datetime) -> str:
    """Say why what a remedy was let through for is no ground for its first call any more, empty where it still is.

    A pause, or a workspace that is away, can hold it up for hours after the guards have spoken. Once something has been
    done, the rest must follow however late it is.
    """
    if one.remedy not in FROM_FINDINGS:
        return ""
    with store.read() as tx:
        begun = any(step.calls for step in remediations.steps(tx, one.id))
        newest = endpoints.watermark(tx, one.endpoint)
    let_through, seen = one.began_at or EPOCH, newest or EPOCH
    if begun or now - min(let_through, seen) <= settings.watch.stale_after:
        return ""
    return f"held up until what it rests on was old: let through {let_through:%F %T}, traffic seen to {seen:%F %T} UTC"


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
