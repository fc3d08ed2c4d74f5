"""Asked between any two calls of a loop (`always`), or once everything has been let run to its end (`ends`)."""

from collections import Counter
from collections.abc import Callable

from daemon.domain.remediation import State
from daemon.domain.states import IN_FLIGHT, MOVES
from daemon.remediate.overdue import GRACE
from tests.machine.invariants.book import Book, BrokenError


def i1_one_in_flight(book: Book) -> None:
    """The index forbids it; this asks the rows."""
    counts = Counter(one.endpoint for one in book.fleet.opened() if one.state in IN_FLIGHT)
    if over := {name: n for name, n in counts.items() if n > 1}:
        raise BrokenError(f"I1: in flight at once: {over}")


def i8_traffic_is_whole(book: Book) -> None:
    for name in book.fleet.sites:
        if sum(book.fleet.serving.serves(name).values()) != 100:
            raise BrokenError(f"I8: {name} serves {book.fleet.serving.serves(name)}")


def i15_nothing_is_forgotten_past_its_deadline(book: Book) -> None:
    """Asked after the rounds have gone round."""
    for one in book.fleet.opened():
        if book.fleet.now > one.deadline_at + GRACE:
            raise BrokenError(f"I15: {one.remedy} {one.id} is {one.state} past {one.deadline_at}")


def i15_everything_comes_to_an_end(book: Book) -> None:
    """After fair ticks nothing is open but what waits for a person."""
    for one in book.fleet.opened():
        if one.state is not State.NEEDS_HUMAN and one.id in book.to_end:
            raise BrokenError(f"I15: {one.remedy} {one.id} is still {one.state}: {one.outcome}")


def i17_everybody_was_told_once(book: Book) -> None:
    """Nothing is left untold where nobody asked for silence, or told again but where noting it was cut off."""
    quiet = any(r.kind.forbids_telling for r in book.fleet.restraints())
    left = [e for e in book.fleet.events() if e.dedup_key and e.delivered_at is None]
    if left and not quiet:
        raise BrokenError(f"I17: never told: {[e.sentence for e in left][:3]}")
    spoken = Counter(sent.event.dedup_key for sent in book.fleet.channel.sent)
    again = sum(times - 1 for times in spoken.values())
    if again > book.repeats:
        raise BrokenError(f"I17: {again} messages told again, {book.repeats} could have been")


def i22_the_events_replay_to_the_same_states(book: Book) -> None:
    """Each remediation's events are a path through the table of moves, and end where its row stands."""
    states = {one.id: State.PROPOSED for one in book.fleet.history(limit=10_000)}
    for event in book.fleet.events("remediation."):
        name, to = str(event.numbers.get("remediation")), event.kind.removeprefix("remediation.")
        if to not in set(State):
            continue
        if State(to) not in MOVES.get(states[name], ()):
            raise BrokenError(f"I22: the record moves {name} from {states[name]} to {to}")
        states[name] = State(to)
    for one in book.fleet.history(limit=10_000):
        if states[one.id] is not one.state:
            raise BrokenError(f"I22: {one.remedy} {one.id} is {one.state}; its events end at {states[one.id]}")


Check = Callable[[Book], None]
ALWAYS: tuple[Check, ...] = (i1_one_in_flight, i8_traffic_is_whole)
ROUND: tuple[Check, ...] = (i15_nothing_is_forgotten_past_its_deadline,)
ENDS: tuple[Check, ...] = (
    i15_everything_comes_to_an_end,
    i17_everybody_was_told_once,
    i22_the_events_replay_to_the_same_states,
)
