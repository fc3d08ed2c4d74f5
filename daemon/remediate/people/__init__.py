"""What people do to remediations and restraints, and the record of it; the same for the command line and over HTTP.

In: an open transaction, what is asked for, and who asks. Out: one sentence of what came of it, or `Refused`. Whatever
is done leaves an event `person.<verb>` in the very same transaction.
"""

from daemon.domain.event import Event, Severity
from daemon.domain.person import Done, Who
from daemon.store import events
from daemon.store.engine import Tx


def record(tx: Tx, done: Done, who: Who, endpoint: str, *, told: Severity | None = None) -> Done:
    """Leave the event: for the record only, or `told` to people. Return what was done."""
    key = f"person:{done.verb}:{endpoint}:{who.now.isoformat()}" if told else ""
    numbers = {**done.numbers, "by": who.by, "reason": who.reason, "via": who.via}
    sentence = f"{who.by}: {done.sentence} ({who.reason})"
    kind, severity = f"person.{done.verb}", told or Severity.INFO
    events.append(tx, Event(kind, severity, sentence, who.now, endpoint, numbers, dedup_key=key))
    return done
