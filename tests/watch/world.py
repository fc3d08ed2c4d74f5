"""Endpoints with traffic, the doors a look goes through, a real store, and a clock that the test turns.

Traffic is even, not random: the n-th request of a window always says the same, so calm is calm and drift is certain.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
from sqlalchemy import Engine, event, select

from daemon.config.endpoint import BaselineSettings, Decide, Drift, EndpointSettings, Health, Modes, Retrain, Watch
from daemon.domain.event import Event
from daemon.domain.finding import Phase, Trail
from daemon.domain.profile import Profile
from daemon.domain.remediation import Mode, Remediation, VersionVerdict
from daemon.domain.schema import Column, Kind, Role, Signature
from daemon.domain.window import Window
from daemon.store import baselines, endpoints, events, findings, profiles, remediations, verdicts
from daemon.store.engine import Store, StoreError, Tx
from daemon.store.tables import metadata
from daemon.watch.cycle import Doors, Look, look
from tests.fakes import FakeInferenceLog, FakeRegistry, FakeServing, LoggedRequest
from tests.fakes.ledger import Fake

START = datetime(2026, 3, 1, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
SETTLE = timedelta(minutes=5)
MODEL = "prod.ml.flight_delay"
FLIGHTS, AIR_TIME = "flights", "air-time"
SIGNATURE = Signature(
    (Column("distance", Kind.NUMERIC), Column("carrier", Kind.CATEGORICAL)),
    (Column("prediction", Kind.NUMERIC, Role.PREDICTION),),
)
CARRIERS = ("AA", "B6", "DL", "UA")
REQUESTS = 100


def settings(name: str = FLIGHTS, **changes: Any) -> EndpointSettings:
    """Return settings under which 100 even requests a window are enough to tell."""
    plain: dict[str, Any] = {
        "watch": Watch(window=QUARTER, settle=SETTLE, interval=SETTLE, overlap=timedelta(hours=1), rows=200),
        "drift": Drift(tolerance=0.3, psi=0.5, missing=0.05),
        "health": Health(requests=50),
        "decide": Decide(breaches=3, of=5, clear=3, good=3),
        "baseline": BaselineSettings(rows=1000),
        "retrain": Retrain(job_id=7),
        "mode": Modes(retrain=Mode.AUTO, rollback=Mode.AUTO),
    }
    return EndpointSettings(name=name, table="/t", model=MODEL, **{**plain, **changes})


def window(n: int) -> Window:
    return Window(START + n * QUARTER, START + (n + 1) * QUARTER)


def after(n: float) -> datetime:
    """Return the moment at which the n-th window has settled."""
    return START + (n + 1) * QUARTER + SETTLE


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
        doors = Doors(self.logs[name], self.serving, self.registry, self.tables)
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

    def profiles(self, version: int = 1, name: str = FLIGHTS) -> list[Profile]:
        with self.store.read() as tx:
            baseline = baselines.current(tx, name, version)
            return profiles.load(tx, name, version, since=START - 99 * QUARTER, until=after(9999), baseline=baseline)

    def trail(self, check: str, version: int = 1, name: str = FLIGHTS) -> Trail:
        with self.store.read() as tx:
            return {c.name: t for c, t in findings.trails(tx, name, version).items()}[check]

    def trouble(self, name: str = FLIGHTS) -> dict[str, Phase]:
        """Return the checks that are in trouble."""
        with self.store.read() as tx:
            found = findings.recent(tx, name)
        return {t.last.check.name: t.phase for t in found if t.phase in (Phase.PENDING, Phase.FIRING)}

    def events(self, kind: str = "") -> list[Event]:
        with self.store.read() as tx:
            return [e for e in reversed(events.history(tx, limit=100)) if e.kind.startswith(kind)]

    def told(self) -> list[str]:
        return [e.kind for e in self.events()]

    def proposals(self) -> list[Remediation]:
        with self.store.read() as tx:
            return remediations.history(tx, limit=100)[::-1]

    def record(self, name: str = FLIGHTS) -> list[VersionVerdict]:
        with self.store.read() as tx:
            return verdicts.record(tx, name)

    def watermark(self, name: str = FLIGHTS) -> datetime | None:
        with self.store.read() as tx:
            return endpoints.watermark(tx, name)


SORTED = metadata.sorted_tables


def entity(version: int) -> str:
    return f"entity-{version}"


def requests(
    n: int,
    version: int = 1,
    *,
    count: int = REQUESTS,
    shift: float = 0.0,
    nulls: float = 0.0,
    refused: float = 0.0,
    failed: float = 0.0,
    ms: int = 20,
    name: str = "",
    **payload: str | None,
) -> list[LoggedRequest]:
    """Return `count` even requests of the n-th window.

    `shift` is added to the distance, which lies between 0 and 100; `nulls`, `refused` (400), `failed` (500) are shares.
    """
    step = QUARTER / count
    rows = []
    for i in range(count):
        share = _scattered(i, count)
        status = 400 if share < refused else 500 if share < refused + failed else 200
        row = LoggedRequest(f"{name or version}-{n}-{i}", window(n).start + i * step, entity(version), status, ms)
        distance = None if _scattered(i + 1, count) < nulls else 100 * (i + 0.5) / count + shift
        rows.append(replace(row, **{**_payload(distance, CARRIERS[i % 4], status), **payload}))  # type: ignore[arg-type]
    return rows


def _scattered(i: int, count: int) -> float:
    """Spread 0 .. 1 evenly, but not in the order of i: 7 has no divisor in common with what tests count in."""
    return (i * 7 % count) / count


def _payload(distance: float | None, carrier: str, status: int) -> dict[str, str]:
    asked = {"dataframe_records": [{"distance": distance, "carrier": carrier}]}
    answered = {"predictions": [0.5 if distance is None else distance / 100]} if status == 200 else {"message": "no"}
    return {"request": json.dumps(asked), "response": json.dumps(answered)}


def trained_on(path: Path, query: str = "") -> Path:
    """Write a dataset like the calm traffic."""
    calm = (
        "SELECT (i % 1000 + 0.5) / 10 AS distance, ['AA', 'B6', 'DL', 'UA'][i % 4 + 1] AS carrier, "
        "(i % 1000 + 0.5) / 1000 AS prediction FROM range(4000) t(i)"
    )
    duckdb.connect().execute(f"COPY ({query or calm}) TO '{path}' (FORMAT parquet)")
    return path
