"""Who is told of which move, and how loudly."""

import pytest

from daemon.domain.event import Severity
from daemon.domain.remediation import MOVES, Remedy, State
from daemon.remediate.moves import move
from daemon.store import events
from tests.remediate.stories import Story

QUIET = None
INFO, WARNING, PAGE = Severity.INFO, Severity.WARNING, Severity.PAGE
TOLD = {
    State.BLOCKED: QUIET,
    State.SHADOWED: INFO,
    State.EXECUTING: INFO,
    State.VERIFYING: QUIET,
    State.COMPENSATING: WARNING,
    State.SUCCEEDED: INFO,
    State.FAILED: WARNING,
    State.SUPERSEDED: WARNING,
    State.EXPIRED: QUIET,
    State.CANCELLED: QUIET,
    State.NEEDS_HUMAN: PAGE,
}


@pytest.mark.parametrize("remedy", Remedy)
def test_people_are_told_as_loudly_as_it_concerns_them(story: Story, remedy: Remedy) -> None:
    for n, (before, to) in enumerate((a, b) for a, moves in MOVES.items() for b in sorted(moves)):
        one = story.propose(remedy, id=str(n), state=before, endpoint=str(n), to=2)
        with story.memory.begin() as tx:
            assert move(tx, one, to, "so it is", now=story.now) is not None
            (told,) = events.history(tx, str(n), limit=9)
        loud = WARNING if (remedy, to) == (Remedy.ROLLBACK, State.BLOCKED) else TOLD[to]
        assert told.severity is (loud or INFO)
        assert told.dedup_key == (f"{n}:{to}" if loud else "")
        assert told.sentence == f"{remedy} of {n}: so it is"
        assert told.numbers == {"remediation": str(n), "from": 1, "to": 2}
