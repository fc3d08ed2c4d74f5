"""Endpoints with traffic, the doors a look goes through, a real store, and a clock that the test turns."""

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event, select

from daemon.config import settings as config
from daemon.config.detection import BaselineSettings, Decide, Drift, Health, Watch
from daemon.config.endpoint import EndpointSettings
from daemon.config.remedies import Modes, Retrain
from daemon.domain.baseline import Baseline
from daemon.domain.event import Event
from daemon.domain.finding import Cause, Verdict
from daemon.domain.profile import Profile
from daemon.domain.remediation import Mode, Remediation, Remedy, State, VersionVerdict
from daemon.domain.trail import Phase, Trail
from daemon.ports import Labels
from daemon.store import baselines, endpoints, events, findings, profiles, remediations, verdicts
from daemon.store.engine import Store, StoreError, Tx
from daemon.store.tables import metadata
from daemon.watch.cycle import Doors, Look, look
from tests.fakes import FakeInferenceLog, FakeLabels, FakeRegistry, FakeServing, LoggedRequest
from tests.fakes.ledger import Fake
from tests.watch.traffic import MODEL, QUARTER, SETTLE, SIGNATURE, START, after, entity, requests, trained_on

FLIGHTS, AIR_TIME = "flights", "air-time"


def settings(name: str = FLIGHTS, **changes: Any) -> EndpointSettings:
    """Return settings under which 100 even requests a window are enough to tell."""
    plain: dict[str, Any] = {
        "watch": Watch(window=QUARTER, settle=SETTLE, interval=SETTLE, overlap=timedelta(hours=1), rows=200),
        "drift": Drift(tolerance=0.3, psi=2.0, missing=0.23, design_effect=1, false_alarms_per_year=100),
        "health": Health(requests=50),
        "decide": Decide(breaches=3, of=5, clear=3, good=3),
        "baseline": BaselineSettings(rows=1000),
        "retrain": Retrain(job_id=7),
        "mode": Modes(retrain=Mode.AUTO, rollback=Mode.AUTO),
    }
    return EndpointSettings(name=name, table="/t", model=MODEL, **{**plain, **changes})


class FakeTables(Fake):
    """Tables that a baseline may be kept in."""

    def __init__(self) -> None:
        super().__init__("tables", None)
        self.held: dict[str, object] = {}

    def rows(self, table: str) -> object:
        self._ask("rows")
        return self.held[table]


class RefusingStore(Store):
    """A real store whose commits can be refused, as by a full disk. Reading is not counted."""

    def __init__(self, engine: Engine, *, place: str) -> None:
        super().__init__(engine, place=place)
        self.refuse_after: int | None = None
        """Commits that are let through before one is refused, once."""
        event.listen(engine, "connect", _hurry)

    @contextmanager
    def begin(self) -> Iterator[Tx]:
        with super().begin() as tx:
            yield tx
            if self.refuse_after == 0:
                self.refuse_after = None
                raise StoreError("the disk is full", transient=True)
            if self.refuse_after is not None:
                self.refuse_after -= 1


def _hurry(connection: Any, _record: object) -> None:
    # no power fails here: a thousand looks need not wait for the disk
    connection.execute("PRAGMA synchronous = OFF")


class World:
    """Two endpoints that serve version 1, each with a log of its own; nothing has been asked of them yet."""

    def __init__(self, folder: Path, store: RefusingStore, **rules: Any) -> None:
        self.folder, self.store, self.now = folder, store, START
        self.serving, self.registry, self.tables = FakeServing(), FakeRegistry(folder / "registry"), FakeTables()
        self.labels: Labels = FakeLabels()
        self.training = trained_on(folder / "training.parquet")
        for _ in range(3):
            self.registry.add(MODEL, signature=SIGNATURE, training=self.training)
        self.logs = {name: FakeInferenceLog() for name in (FLIGHTS, AIR_TIME)}
        self.settings = {name: settings(name, **rules) for name in self.logs}
        for name, log in self.logs.items():
            self.serving.add(name, MODEL, {1: 100})
            for version in (1, 2, 3):
                log.serve(entity(version), MODEL, version)

    @property
    def log(self) -> FakeInferenceLog:
        return self.logs[FLIGHTS]

    def change(self, name: str = FLIGHTS, **sections: Any) -> None:
        self.settings[name] = self.settings[name].model_copy(update=sections)

    def look(self, name: str = FLIGHTS, *, at: datetime | None = None) -> Look:
        self.now = at or self.now
        doors = Doors(self.logs[name], self.serving, self.registry, self.tables, self.labels)
        return look(self.settings[name], doors, self.store, now=self.now, scratch=self.folder / "scratch")

    def traffic(self, n: int, version: int = 1, *, name: str = FLIGHTS, **about: Any) -> list[LoggedRequest]:
        """Write the requests of the n-th window."""
        rows = requests(n, version, **about)
        self.logs[name].write(rows)
        return rows

    def live(self, windows: Sequence[int] | range, version: int = 1, *, name: str = FLIGHTS, **about: Any) -> Look:
        """Let windows pass, a look after each, and return the last one."""
        for n in windows:
            self.traffic(n, version, name=name, **about)
            seen = self.look(name, at=after(n))
        return seen

    def register(self, **about: Any) -> int:
        """Register one more version, and let it serve alone."""
        version = self.registry.add(MODEL, **about)
        self.log.serve(entity(version), MODEL, version)
        self.deploy({version: 100})
        return version

    def deploy(self, traffic: Mapping[int, int], name: str = FLIGHTS) -> None:
        self.serving.deploy(name, traffic)

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return everything that is in the store."""
        with self.store.read() as tx:
            return {t.name: [tuple(r) for r in tx.execute(select(t).order_by(*t.primary_key))] for t in SORTED}

    def baseline(self, version: int = 1) -> Baseline | None:
        with self.store.read() as tx:
            return baselines.current(tx, FLIGHTS, version)

    def profiles(self, version: int = 1, name: str = FLIGHTS) -> list[Profile]:
        with self.store.read() as tx:
            baseline = baselines.current(tx, name, version)
            return profiles.load(tx, name, version, since=START - 99 * QUARTER, until=after(9999), baseline=baseline)

    def trail(self, check: str, version: int = 1, name: str = FLIGHTS) -> Trail:
        with self.store.read() as tx:
            return {c.name: t for c, t in findings.trails(tx, name, version).items()}[check]

    def trails(self, name: str = FLIGHTS) -> list[Trail]:
        with self.store.read() as tx:
            return findings.recent(tx, name)

    def trouble(self, name: str = FLIGHTS) -> dict[str, Phase]:
        """Return the checks that are in trouble."""
        return {t.last.check.name: t.phase for t in self.trails(name) if t.phase.trouble}

    def events(self, kind: str = "") -> list[Event]:
        with self.store.read() as tx:
            return [e for e in reversed(events.history(tx, limit=100)) if e.kind.startswith(kind)]

    def told(self) -> list[str]:
        return [e.kind for e in self.events()]

    def proposals(self) -> list[Remediation]:
        with self.store.read() as tx:
            return remediations.history(tx, limit=100)[::-1]

    def proposed(self) -> list[tuple[Remedy, int | None, int | None]]:
        return [(p.remedy, p.from_version, p.to_version) for p in self.proposals()]

    def end_proposals(self) -> None:
        with self.store.begin() as tx:
            for one in remediations.opened(tx):
                remediations.move(tx, one, State.EXPIRED, now=self.now)

    def record(self, name: str = FLIGHTS) -> list[VersionVerdict]:
        with self.store.read() as tx:
            return verdicts.record(tx, name)

    def watermark(self, name: str = FLIGHTS) -> datetime | None:
        with self.store.read() as tx:
            return endpoints.watermark(tx, name)


SORTED = metadata.sorted_tables
Begin = Callable[..., World]


@contextmanager
def worlds(template: Path, folder: Path) -> Iterator[Begin]:
    """Begin as many worlds as a test wants, each on a copy of the empty database."""
    begun: list[World] = []

    def begin(**rules: Any) -> World:
        home = folder / f"world-{len(begun)}"
        home.mkdir()
        file = shutil.copy(template, home / "mlsteward.db")
        begun.append(World(home, RefusingStore.open(config.Store(url=f"sqlite:///{file}")), **rules))
        return begun[-1]

    yield begin
    for world in begun:
        world.store.close()


def drift_verdicts(seen: Look, version: int = 1) -> set[Verdict]:
    """Return what all checks but those of health said."""
    return {f.verdict for f in seen.findings if f.check.cause is not Cause.HEALTH and f.version == version}
