"""A channel that remembers what went out."""

from dataclasses import dataclass

from daemon.domain.event import Event
from tests.fakes.ledger import Fake, Ledger


@dataclass(frozen=True, slots=True)
class Sent:
    title: str
    body: str
    event: Event


class FakeChannel(Fake):
    def __init__(self, name: str = "ops", ledger: Ledger | None = None) -> None:
        super().__init__("channel", ledger)
        self.name = name
        self.sent: list[Sent] = []

    def send(self, title: str, body: str, event: Event) -> None:
        self._ask("send")
        self.sent.append(Sent(title, body, event))
        self._did("send", self.name, title=title)
