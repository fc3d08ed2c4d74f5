"""What every fake shares: the record of effects, a crash to order, and switches to fail."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from daemon.ports import PlatformError

CHANGES = frozenset({"update", "start", "set_alias", "set_tag", "upload", "remove_artifacts"})


class Crash(BaseException):
    """The process died here. No `except Exception` catches it."""


@dataclass(frozen=True, slots=True)
class Effect:
    """One change of the world."""

    call: str
    subject: str
    detail: Mapping[str, object] = field(default_factory=dict)


class Ledger:
    """Effects in the order in which they happened, over all fakes that share it."""

    def __init__(self) -> None:
        self.effects: list[Effect] = []
        self.crash_after: int | None = None
        """Raise `Crash` once this many effects have happened, instead of the last one's reply."""
        self.meanwhile: Callable[[str], None] | None = None
        """Called as each call to a door comes in: what happens elsewhere while the caller waits."""
        self.fence: Callable[[], str] = lambda: ""
        """Says why no request that changes anything is let out; empty where it is. The real adapters have one, too."""

    def of(self, call: str) -> list[Effect]:
        return [effect for effect in self.effects if effect.call == call]

    def record(self, effect: Effect) -> None:
        self.effects.append(effect)
        if self.crash_after is not None and len(self.effects) >= self.crash_after:
            self.crash_after = None
            raise Crash(f"died after {effect}")


class Fake:
    """`_ask` stands at the top of every call, `_did` at the end of every effect."""

    def __init__(self, room: str, ledger: Ledger | None) -> None:
        self.ledger = Ledger() if ledger is None else ledger
        self._room = room
        self._failures: list[tuple[str | None, PlatformError]] = []
        self._losses: list[str | None] = []

    def fail_next(self, error: PlatformError, *, call: str | None = None, times: int = 1) -> None:
        """Let the next such calls raise the error, and do nothing else."""
        self._failures += [(call, error)] * times

    def lose_reply(self, call: str | None = None) -> None:
        """Let the next such effect happen, and its reply be lost."""
        self._losses.append(call)

    def calm(self) -> None:
        """Let nothing that was ordered go wrong any more."""
        self._failures.clear()
        self._losses.clear()

    def _ask(self, call: str) -> None:
        if self.ledger.meanwhile is not None:
            self.ledger.meanwhile(f"{self._room}.{call}")
        if call in CHANGES and (held := self.ledger.fence()):
            raise PlatformError(f"nothing was sent: {held}", permanent=False)
        for n, (name, error) in enumerate(self._failures):
            if name in (None, call):
                del self._failures[n]
                raise error

    def _did(self, call: str, subject: str, **detail: object) -> None:
        self.ledger.record(Effect(f"{self._room}.{call}", subject, detail))
        for n, name in enumerate(self._losses):
            if name in (None, call):
                del self._losses[n]
                raise PlatformError(f"{call}: the answer was lost", permanent=False)
