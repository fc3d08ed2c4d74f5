"""What a person can do about an event, in the message that tells of it: links to follow, commands to type."""

from daemon import report
from daemon.config.settings import Settings
from daemon.domain.event import Event
from daemon.domain.remediation import Remediation, State
from daemon.remediate.people.answer import Gate
from daemon.store import remediations
from daemon.store.engine import Tx
from daemon.web.link import VERBS, link_to, written

NEEDS_HUMAN = "remediation.needs_human"
KINDS = ("remediation.awaiting_approval", "remediation.asks", NEEDS_HUMAN)


def about(tx: Tx, event: Event, settings: Settings, *, key: str | None, base: str) -> list[str]:
    """Return a line for each thing that can be done; without a key, no links."""
    one = remediations.get(tx, str(event.numbers.get("remediation", "")))
    if one is None:
        return []
    if event.kind == NEEDS_HUMAN:
        command = f"when it has been looked at: {report.release_command(one)}"
        return [command] if one.state is State.NEEDS_HUMAN else [f"over meanwhile: it is {one.state}"]
    gate = report.waits_for(tx, one, settings)
    if gate is None:
        return [f"answered or over meanwhile: it is {one.state}"]
    links = _links(one, gate, key, base) if key else []
    typed = [f"to {verb}, type: {words}" for verb, words in zip(VERBS, report.answer_commands(one), strict=True)]
    until = f"answer by {gate.closes_at:%F %T} UTC; all about it: mlsteward explain {one.id}"
    return [*links, *typed, until]


def _links(one: Remediation, gate: Gate, key: str, base: str) -> list[str]:
    made = [link_to(verb, one.id, gate.name, gate.plan_hash, gate.closes_at) for verb in VERBS]
    return [f"{link.verb}: {base.rstrip('/')}{written(link, key)}" for link in made]
