"""What the machine found, each reduced to the shortest story that shows it."""

from daemon.domain.remediation import Remedy, State
from daemon.store import events
from tests.remediate.conftest import Tell
from tests.remediate.stories import START


def test_the_record_shows_that_a_lost_answer_was_found_out(tell: Tell) -> None:
    """The second `executing` had the key of the first, so the event was dropped, and the record had a hole."""
    story = tell()
    story.propose(Remedy.PROMOTE, to=story.register())
    story.live(until=State.EXECUTING)
    story.serving.lose_reply("update")
    story.live()
    with story.memory.read() as tx:
        told = [e.kind.removeprefix("remediation.") for e in events.history(tx, limit=99)[::-1] if e.at > START]
    after = told[told.index("indeterminate") :]
    assert after[:2] == ["indeterminate", "executing"]
