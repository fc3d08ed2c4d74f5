"""What is past its deadline and was not seen to by its own loop: that one may hang, or its endpoint may be gone.

It asks nobody but the store, so that it works when the workspace is away and when a worker hangs in a call for ever.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from daemon.domain.remediation import Remediation
from daemon.domain.states import OVERDUE, PROPOSALS, State
from daemon.remediate.doors import Stepped
from daemon.remediate.moves import move, stepped
from daemon.store import remediations
from daemon.store.engine import Store

GRACE = timedelta(minutes=2)
"""The remediation's own loop, which knows better what to do, goes first."""


def sweep(store: Store, configured: Collection[str], *, now: datetime, grace: timedelta = GRACE) -> list[Stepped]:
    """Move every open remediation whose time is up, or whose endpoint nobody looks after any more."""
    done = []
    with store.begin() as tx:
        for one in remediations.opened(tx):
            found = due(one, configured, now=now, grace=grace)
            if found is not None:
                to, sentence = found
                done.append(stepped(one, move(tx, one, to, sentence, now=now), sentence))
    return done


def due(one: Remediation, configured: Collection[str], *, now: datetime, grace: timedelta) -> tuple[State, str] | None:
    """Say where a remediation is to go, and why; None where its own loop sees to it. Pure."""
    if one.endpoint not in configured and one.state is not State.NEEDS_HUMAN:
        to = State.CANCELLED if one.state in PROPOSALS else State.NEEDS_HUMAN
        return to, f"{one.endpoint} is not configured any more"
    if one.state is State.NEEDS_HUMAN:
        # said again in the same words: the first ones tell what to look at
        return (State.NEEDS_HUMAN, one.outcome) if now > one.deadline_at else None
    if now > one.deadline_at + grace:
        late = f"it was {one.state} and should have gone on by {one.deadline_at:%F %T} UTC"
        return OVERDUE[one.state], late if one.state in PROPOSALS else f"{late}: please look at it"
    return None
