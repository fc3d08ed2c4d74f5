"""What a person forbids for a while, and the end of it."""

from collections.abc import Collection
from datetime import datetime

from daemon.domain.event import Severity
from daemon.domain.person import Done, Refused, Who
from daemon.domain.remediation import IN_FLIGHT, State
from daemon.domain.restraint import Restraint, RestraintKind
from daemon.remediate.people import record
from daemon.store import remediations, restraints
from daemon.store.engine import Tx

MEANS = {
    RestraintKind.KILL: "nothing is done in the world any more",
    RestraintKind.PAUSE: "nothing is done, and nobody is told",
    RestraintKind.MAINTENANCE: "nothing is done; people are told as ever",
    RestraintKind.HOLD: "nothing is done; people are told as ever",
    RestraintKind.STORM: "nothing new is begun",
    RestraintKind.SILENCE: "nobody is told; what remedies do goes on",
}
RESUMED = (RestraintKind.PAUSE, RestraintKind.MAINTENANCE, RestraintKind.SILENCE, RestraintKind.STORM)
"""What `resume` ends: whatever would end by itself. A hold and the kill switch want a word of their own."""
TOLD = {RestraintKind.KILL: Severity.PAGE, RestraintKind.HOLD: Severity.WARNING}


def impose(
    tx: Tx,
    kind: RestraintKind,
    endpoint: str,
    who: Who,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Done:
    """Forbid something at an endpoint, or (empty) of the whole fleet."""
    begins = since or who.now
    if until is not None and until <= who.now:
        raise Refused(f"that {kind} would have ended already, at {until:%F %T} UTC")
    one = restraints.impose(tx, Restraint(kind, endpoint, who.by, who.reason, begins, until))
    start = f"from {begins:%F %T} UTC " if begins > who.now else ""
    end = f"until {until:%F %T} UTC" if until else "until it is lifted"
    sentence = f"{kind} of {place(endpoint)} {start}{end}: {MEANS[kind]}{_under_way(tx, one)}"
    numbers = {"restraint": one.id, "kind": str(kind), "since": begins, "until": until}
    return record(tx, Done(str(kind), sentence, numbers), who, endpoint, told=TOLD.get(kind))


def lift(
    tx: Tx, kinds: Collection[RestraintKind], endpoint: str, who: Who, *, verb: str, told: Severity | None = None
) -> Done:
    """End what is in force, or still to come, of these kinds at exactly this endpoint (empty: the fleet's own)."""
    lifted = restraints.lift(tx, kinds, endpoint, by=who.by, now=who.now)
    here = endpoint or None
    left = "; ".join(r.words() for r in restraints.unlifted(tx, who.now) if here is None or r.concerns(here))
    if not lifted:
        rest = f"in force there: {left}" if left else "nothing else is in force there"
        raise Refused(f"there is no {' or '.join(kinds)} of {place(endpoint)} to be lifted; {rest}")
    ended = ", ".join(f"the {r.kind} by {r.owner} ({r.reason})" for r in lifted)
    sentence = f"lifted at {place(endpoint)}: {ended}" + (f"; still in force: {left}" if left else "")
    numbers = {"lifted": [r.id for r in lifted], "kinds": [str(r.kind) for r in lifted]}
    return record(tx, Done(verb, sentence, numbers), who, endpoint, told=told)


def place(endpoint: str) -> str:
    return endpoint or "the whole fleet"


def _under_way(tx: Tx, one: Restraint) -> str:
    if not one.kind.stops_what_runs:
        return ""
    opened = remediations.opened(tx, one.endpoint or None)
    running = [f"{r.remedy} {r.id}" for r in opened if r.state in IN_FLIGHT - {State.NEEDS_HUMAN}]
    return f"; {', '.join(running)} stops before its next call" if running else ""
