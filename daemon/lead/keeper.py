"""The keeper of the lease: takes it when it is free, renews it, and ends the process when it is lost.

The time that is left is counted on this machine, from before the request that asked for it was sent, and ends early by
a margin: when the database lets another take over, this daemon has already stood still. Its clock goes on in a machine
that sleeps and does not jump with the wall clock.
"""

import os
import socket
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from secrets import token_hex
from threading import Thread
from typing import Self

from daemon.config import settings as config
from daemon.domain.event import Event, Severity
from daemon.lead import alarm
from daemon.store import events, lease
from daemon.store.engine import Store, StoreError, Tx
from daemon.store.errors import LeaseLostError
from daemon.telemetry import log

LOST = 75
"""The exit status of a daemon that lost its lease (EX_TEMPFAIL): started again, it stands by."""
RENEWED_AFTER, AGAIN_AFTER, MARGIN, PATIENCE = 1 / 3, 1 / 10, 1 / 10, 1 / 6
"""Shares of the ttl: when it is renewed, how soon again where that failed, how early it ends for us, and how long the
database has for an answer. So a renewal that hangs leaves time for another."""
PULSE_S = 1.0
TELL_S = 0.5


class Keeper:
    """One daemon's hold on the lease."""

    def __init__(
        self,
        store: Store,
        ttl: timedelta,
        *,
        clock: Callable[[], float],
        settle: timedelta,
        end: Callable[[int], object] = os._exit,
        set_alarm: Callable[[float], None] = alarm.set_for,
    ) -> None:
        self._store, self._ttl = store, ttl
        self._clock, self._settle = clock, settle
        self._end, self._set_alarm = end, set_alarm
        self._log = log.get(__name__)
        self.who = f"{socket.gethostname()} pid {os.getpid()} {token_hex(3)}"
        """Unlike that of any other daemon, also of one that had our number before a restart."""
        self.term: lease.Term | None = None
        self.led_by = ""
        """Who leads instead of us, as far as is known."""
        self._ready = False
        self._until = self._acts_from = 0.0
        self._over = threading.Event()
        """Nothing is to be kept any more."""

    @classmethod
    def of(cls, settings: config.Store, *, clock: Callable[[], float], settle: timedelta) -> Self:
        """Keep it in a connection that gives up long before the lease runs out."""
        store = Store.connect(settings, patience=settings.lease * PATIENCE)
        return cls(store, settings.lease, clock=clock, settle=settle)

    def take(self) -> bool:
        """Take the lease, and keep it from then on. Return False while another has it."""
        if not self._ready:
            self._store.agree_on_lease()
            self._ready = True
        asked = self._clock()
        with self._store.begin() as tx:
            term = lease.acquire(tx, self.who, self._ttl)
            other = None if term else lease.holder(tx)
        self.led_by = other.holder if other else ""
        if term is None:
            return False
        self._holds_from(asked)
        waits = (self._ttl + self._settle).total_seconds() if term.after else 0.0
        self._acts_from = self._clock() + waits
        self.term = term
        Thread(target=self._keep, args=(term,), name="lease", daemon=True).start()
        Thread(target=self._watch, name="lease-end", daemon=True).start()
        return True

    def follows(self) -> str:
        """Say why this daemon may not act, empty where it may."""
        if self.term is None:
            return f"this daemon stands by: {self.led_by or 'nobody'} leads"
        if self._left() <= 0:
            return "this daemon's lease has ended"
        if self._clock() < self._acts_from:
            return (
                f"this daemon took over from {self.term.after}, which did not give its lease back: "
                "it acts once nothing of that one can be under way any more"
            )
        return ""

    def check(self, tx: Tx) -> None:
        """Let a transaction go on if we lead: the store's fence."""
        try:
            lease.check(tx, self.term, self._ttl)
        except LeaseLostError as error:
            if self.term is not None:
                self._lose(str(error))
            raise

    def tell(self, store: Store, now: datetime) -> None:
        """Tell people that another daemon is gone: nobody else would, now that its work goes on."""
        if self.term is None or not self.term.after:
            return
        sentence = f"{self.who} took over from {self.term.after}, which is not heard of any more: please look at it"
        gone = Event("lease.taken_over", Severity.WARNING, sentence, now, dedup_key=f"lease:{self.term.epoch}")
        with store.begin() as tx:
            events.append(tx, gone)

    def give_back(self) -> None:
        """Let the next begin at once. Nothing of ours may be under way any more."""
        self._over.set()
        term, self.term = self.term, None
        if term is not None:
            try:
                with self._store.begin() as tx:
                    lease.release(tx, term)
            except StoreError as error:
                self._log.warning(f"the lease could not be given back, and runs out by itself: {error}")
        self._store.close()

    def _keep(self, term: lease.Term) -> None:
        """Renew, until the lease is given back or lost."""
        wait = RENEWED_AFTER
        while not self._over.wait(wait * self._ttl.total_seconds()):
            wait = RENEWED_AFTER if self._renewed(term) else AGAIN_AFTER

    def _renewed(self, term: lease.Term) -> bool:
        asked = self._clock()
        try:
            with self._store.begin() as tx:
                ours = lease.renew(tx, term, self._ttl)
        except StoreError as error:
            self._log.warning(f"the lease could not be renewed, {self._left():.1f} s are left: {error}")
            return False
        if ours:
            self._holds_from(asked)
        elif not self._over.is_set():
            self._lose("another daemon has taken over")
        return ours

    def _holds_from(self, asked: float) -> None:
        ttl = self._ttl.total_seconds()
        self._until = asked + ttl * (1 - MARGIN)
        self._set_alarm(asked + ttl - self._clock())

    def _watch(self) -> None:
        """End the process in time. This thread asks nobody and waits for nobody."""
        while not self._over.wait(min(PULSE_S, max(self._left(), 0.0))):
            if self._left() <= 0:
                self._lose("it could not be renewed in time")
                return

    def _left(self) -> float:
        return self._until - self._clock()

    def _lose(self, why: str) -> None:
        self._until = 0.0
        self._over.set()
        try:
            # the log may hang, too
            told = Thread(
                target=self._log.error, args=(f"the lease is lost, and this daemon ends: {why}",), daemon=True
            )
            told.start()
            told.join(TELL_S)
        finally:
            self._end(LOST)
