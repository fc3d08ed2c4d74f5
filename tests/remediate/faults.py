"""Ways for the daemon to die, to be left without an answer or without room, each at a chosen moment."""

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, event

from daemon.ports import PlatformError
from daemon.store.engine import Store, StoreError, Tx
from tests.fakes import Crash, Effect, Ledger


@dataclass
class Faults:
    """When a store goes wrong, counted in transactions from the start."""

    begun: int = 0
    crash_after: frozenset[int] = frozenset()
    """The process dies when one of these has just been committed."""
    refuse: frozenset[int] = frozenset()
    """These are not committed: the disk is full."""


class FaultyStore(Store):
    """A real store that counts its transactions. Reading is not counted: it leaves nothing behind."""

    def __init__(self, engine: Engine, *, place: str) -> None:
        super().__init__(engine, place=place)
        self.faults = Faults()
        self.undisturbed = Store(engine, place=place)
        """The same database to somebody else: nothing goes wrong there, and nothing is counted."""
        if engine.dialect.name == "sqlite":
            event.listen(engine, "connect", _hurry)

    @contextmanager
    def begin(self) -> Iterator[Tx]:
        self.faults.begun += 1
        n = self.faults.begun
        with super().begin() as tx:
            yield tx
            if n in self.faults.refuse:
                raise StoreError("the disk is full", transient=True)
        if n in self.faults.crash_after:
            raise Crash(f"died after transaction {n}")


class LossyLedger(Ledger):
    """Loses the reply of the n-th effect, and shows every effect to whoever watches."""

    def __init__(self, *, lose: int = 0, watch: Callable[[Effect], None] | None = None) -> None:
        super().__init__()
        self.lose = lose
        self.watch = watch

    def record(self, effect: Effect) -> None:
        if self.watch:
            self.watch(effect)
        super().record(effect)
        if len(self.effects) == self.lose:
            self.lose = 0
            raise PlatformError(f"no answer to {effect.call}", permanent=False)


@contextmanager
def full_disk(at: int) -> Iterator[None]:
    """Let no file grow beyond so many bytes, as on a disk that has no more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (at, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def _hurry(connection: Any, _record: object) -> None:
    # processes die here, the power does not fail: a thousand stories need not wait for the disk
    connection.execute("PRAGMA synchronous = OFF")
