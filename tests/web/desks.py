"""The listener on a real desk and a real store, and whoever comes to it: a stranger, a person with the token."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime
from pathlib import Path

import httpx
from sqlalchemy import select

from daemon.config.endpoint import EndpointSettings
from daemon.config.settings import Safety, Settings, Web
from daemon.desk import Desk
from daemon.domain.event import Event
from daemon.domain.remediation import Remediation
from daemon.report import waits_for
from daemon.store import events, remediations
from daemon.store.engine import Store
from daemon.store.tables import event as event_table
from daemon.store.tables import metadata
from daemon.telemetry.metrics import Metrics
from daemon.web.desk import Credentials
from daemon.web.link import Link, link_to, written
from daemon.web.listener import Listener
from tests.remediate.waiting import NOW

TOKEN = "a token that nobody guesses, 0123456789"
KEY = "a key that nobody guesses either, 0123456789"
SECRET = "a secret of MLflow's webhooks, 0123456789"


class House:
    """A daemon as the listener knows it. Its clock stands still unless a test moves it."""

    def __init__(self, store: Store, folder: Path) -> None:
        self.store, self.now = store, NOW
        names = ("flights", "delays")
        self.settings = Settings(
            safety=Safety(kill_file=folder / "KILL"),
            web=Web(port=0),
            endpoints=tuple(EndpointSettings(name=n, table="/t", model="m") for n in names),
        )
        self.hastened: list[str] = []
        self.desk = Desk(lambda: self.settings, lambda: nullcontext(store), self.clock)
        self.desk.hasten = self.hastened.extend
        self.desk.credentials = Credentials(TOKEN, KEY, SECRET)

    def clock(self) -> datetime:
        return self.now

    @contextmanager
    def listening(self) -> Iterator[httpx.Client]:
        """Give a client that has no credentials."""
        listener = Listener(
            "127.0.0.1", 0, metrics=Metrics(), stalled=list, unready=list, desk=self.desk, now=self.clock
        ).start()
        self.desk.url = listener.url
        try:
            with httpx.Client(base_url=listener.url, trust_env=False, timeout=20) as client:
                yield client
        finally:
            listener.stop()

    def link(self, one: Remediation, verb: str = "approve", *, key: str = KEY, **changes: object) -> str:
        """Return path and query of the link that a message would hold, or of a changed one."""
        with self.store.read() as tx:
            gate = waits_for(tx, one, self.settings)
        assert gate
        plain = link_to(verb, one.id, gate.name, gate.plan_hash, gate.closes_at)
        fields = {name: changes.get(name, getattr(plain, name)) for name in Link.__dataclass_fields__}
        return written(Link(**fields), key)  # type: ignore[arg-type]

    def rows(self) -> dict[str, list[object]]:
        """Return everything that is stored, but for events."""
        with self.store.read() as tx:
            tables = [t for t in metadata.sorted_tables if t is not event_table]
            return {t.name: [tuple(row) for row in tx.execute(select(t))] for t in tables}

    def events(self, kind: str) -> list[Event]:
        with self.store.read() as tx:
            return [e for e in events.history(tx, limit=1000) if e.kind.startswith(kind)]

    def state(self, one: Remediation) -> str:
        with self.store.read() as tx:
            found = remediations.get(tx, one.id)
        assert found
        return str(found.state)
