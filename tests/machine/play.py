"""A fleet that is held against every invariant while it runs, and the people around it."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from daemon.domain.remediation import Remediation, State
from daemon.domain.restraint import RestraintKind
from tests.fakes import Effect
from tests.machine.fleet import HOUR, Fleet
from tests.machine.invariants.book import Book
from tests.machine.invariants.effects import EFFECTS
from tests.machine.invariants.ends import ALWAYS, ENDS, ROUND
from tests.machine.invariants.moves import MOVES
from tests.machine.people import People
from tests.machine.site import Mood, Site
from tests.watch.traffic import QUARTER, SETTLE, START

COARSE = timedelta(minutes=30)
LONGEST = timedelta(hours=60)
"""No deadline lies farther ahead: a promotion's patience, and a day for a proposal."""


class Play:
    def __init__(self, folder: Path, url: str, *, calm: int = 3, **about: Any) -> None:
        self.fleet = Fleet(folder, url, **about)
        self.book = Book(self.fleet)
        self.people = People(self.book)
        self.fleet.effects.append(self._effect)
        self.fleet.moves.append(self._move)
        self.began = self.fleet.true
        self.live(calm)

    def live(self, windows: int = 1) -> None:
        """Let quarters of an hour pass, and ask what must hold between any two of them."""
        for _ in range(windows):
            self.fleet.live()
            self.holds()

    def holds(self) -> None:
        for check in ALWAYS:
            check(self.book)

    def round(self) -> None:
        """Let every loop of every daemon go round once, and ask what must hold then."""
        for daemon in self.fleet.daemons:
            for name in self.fleet.sites:
                self.fleet.look(name, daemon)
                self.fleet.step(name, daemon)
            self.fleet.oversee(daemon)
        self.holds()

    def meanwhile(self, call: str, work: Callable[[], None], *, after: int = 0) -> None:
        """Do something while such a call to the world is on its way, once."""
        left = [after]

        def hook(asked: str) -> None:
            if asked != call or self.book.meanwhile:
                return
            if left[0]:
                left[0] -= 1
                return
            self.fleet.ledger.meanwhile = None
            self.fleet.tally.add(f"meanwhile {call}")
            self.book.meanwhile = True
            work()
            self.fleet.observe()
            # what is on its way cannot be stopped any more: `_effect` ends this with the next effect

        self.fleet.ledger.meanwhile = hook

    def end(self) -> None:
        """Let everything be fair for long enough, and ask what must hold in the end."""
        self._heal()
        self.live(4)
        began = self.fleet.true
        # what is wrong may go on to be proposed: only what is open now must come to an end
        self.book.to_end = {one.id for one in self.fleet.opened()}
        while self._unended() and self.fleet.true - began < LONGEST:
            for _ in range(2):
                self.fleet.tick()
                self._go_round()
            self.fleet.true += COARSE - (self.fleet.true - START) % COARSE
        for _ in range(8):
            self.fleet.tick()
            self.fleet.oversee()
            self.fleet.tell()
        self.holds()
        for check in ROUND + ENDS:
            check(self.book)

    def _go_round(self) -> None:
        daemon = self.fleet.daemons[0]
        for name in self.fleet.sites:
            if (self.fleet.true - START) % QUARTER == SETTLE:
                self.fleet.look(name, daemon)
            self.fleet.step(name, daemon)
        self.fleet.oversee(daemon)

    def _heal(self) -> None:
        fleet = self.fleet
        fleet.skew = timedelta()
        fleet.ledger.meanwhile, fleet.ledger.crash_after = None, None
        self.book.meanwhile = False
        for door in (fleet.serving, fleet.registry, fleet.jobs, fleet.channel, *(s.log for s in fleet.sites.values())):
            door.calm()
        for daemon in fleet.daemons:
            daemon.store.faults.crash_after = daemon.store.faults.refuse = frozenset()
            daemon.follows = "" if daemon is fleet.daemons[0] else daemon.follows
        for name, site in fleet.sites.items():
            site.mood = Mood(shift=site.mood.shift)
            site.training("well")
            fleet.serving.looks = 2
            if fleet.serving.updating(name):
                fleet.serving.complete(name)

    def _unended(self) -> list[Remediation]:
        due = self.book.to_end
        return [one for one in self.fleet.opened() if one.id in due and one.state is not State.NEEDS_HUMAN]

    def _effect(self, effect: Effect) -> None:
        if effect.call.startswith("channel."):
            return
        deed = self.book.deed(effect)
        for check in EFFECTS:
            check(self.book, deed)
        self.book.meanwhile = False

    def _move(self, before: Remediation | None, one: Remediation) -> None:
        if one.state is State.VERIFYING:
            self.book.verifying[one.id] = self.fleet.true
        if one.state is State.AWAITING_APPROVAL:
            self.book.asked.add(one.id)
        if one.began_at is not None:
            self.book.began.setdefault(one.id, self.fleet.true)
        for check in MOVES:
            check(self.book, before, one)


def site_of(play: Play, n: int = 0) -> Site:
    return play.fleet.sites[f"ep{n}"]


__all__ = ["HOUR", "Play", "RestraintKind", "site_of"]
