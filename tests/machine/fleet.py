"""A fleet of endpoints, the world around it, daemons with the real loops, and a clock that the test turns.

Time is true time: traffic is written by it. The daemons' clock may be wrong (`skew`). Whatever a daemon does goes
through `attempt`, after which everything that moved is held against the invariants.
"""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import select

from daemon.config import settings as config
from daemon.config.detection import BaselineSettings, Decide, Drift, Health, Watch
from daemon.config.endpoint import EndpointSettings
from daemon.config.remedies import Approve, Archive, Budget, Gate, Modes, Promote, Retrain, Rollback
from daemon.config.settings import Notify, Safety
from daemon.domain.decision import Decision
from daemon.domain.event import Event
from daemon.domain.remediation import Mode, Remediation, VersionVerdict
from daemon.domain.restraint import Restraint
from daemon.notify import cycle as notify
from daemon.ports import PlatformError
from daemon.remediate import archive
from daemon.remediate import cycle as remediate
from daemon.remediate.doors import Lately
from daemon.remediate.overdue import sweep
from daemon.remediate.storm import watch_storm
from daemon.remediate.switch import kill_switch
from daemon.store import events, remediations, restraints, verdicts
from daemon.store.engine import Store, StoreError
from daemon.store.tables import remediation as table
from daemon.telemetry.metrics import Metrics
from daemon.watch import cycle as watch
from tests.fakes import Crash, Effect, FakeChannel, FakeInferenceLog, FakeJobs, FakeRegistry, FakeServing
from tests.machine.site import SLICE, Site
from tests.machine.tally import Tally
from tests.remediate.faults import FaultyStore, LossyLedger
from tests.watch.traffic import QUARTER, SETTLE, START
from tests.watch.world import FakeTables

HOUR, MOMENT = timedelta(hours=1), timedelta(milliseconds=3)
QUIET = structlog.wrap_logger(None, wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
AUTO = Modes(retrain=Mode.AUTO, promote=Mode.AUTO, rollback=Mode.AUTO, archive=Mode.AUTO)
OBSERVE = Modes(retrain=Mode.OBSERVE, promote=Mode.OBSERVE, rollback=Mode.OBSERVE, archive=Mode.OBSERVE)
APPROVE = Modes(retrain=Mode.APPROVE, promote=Mode.APPROVE, rollback=Mode.APPROVE, archive=Mode.APPROVE)


class Daemon:
    """One process: an open store, and nothing else that outlives a call."""

    def __init__(self, store: FaultyStore, *, late: timedelta) -> None:
        self.store = store
        self.late = late
        """No two clocks agree to the microsecond."""
        self.follows = ""
        """Why it may not act though it runs; empty where it leads, or believes so."""
        self.metrics, self.log = Metrics(), QUIET


class Fleet:
    """Endpoints that serve version 1 each; nothing has been asked of them yet."""

    def __init__(self, folder: Path, url: str, *, size: int = 2, daemons: int = 1, **rules: Any) -> None:
        self.folder, self.url = folder, url
        self.true, self.skew = START, timedelta()
        self.tally = Tally()
        self.ledger = LossyLedger(watch=self._effect)
        self.ledger.fence = self._fence
        self.serving = FakeServing(self.ledger, looks=2)
        self.jobs = FakeJobs(self.ledger)
        self.registry = FakeRegistry(folder / "registry", self.ledger)
        self.channel, self.tables = FakeChannel(), FakeTables()
        self.safety = Safety(kill_file=folder / "KILL", per_day=20, storm_calm=timedelta(minutes=30))
        self.notify = Notify(group_wait=timedelta(minutes=1))
        self.sites = {f"ep{n}": self._site(n, **rules) for n in range(size)}
        self.daemons = [Daemon(self._store(), late=n * MOMENT) for n in range(daemons)]
        self.eyes = Store.open(config.Store(url=url))
        """The same database to the test: it reads, and writes what people do."""
        self.acting = self.daemons[0]
        """Whose call is under way."""
        self.effects: list[Callable[[Effect], None]] = []
        self.moves: list[Callable[[Remediation | None, Remediation], None]] = []
        self.decisions: list[tuple[str, Decision]] = []
        """What every look came to, in order."""
        self._known: dict[str, Remediation] = {}
        self._states: dict[str, str] = {}
        for site in self.sites.values():
            site.open(self.true)

    @property
    def now(self) -> datetime:
        """The time by the daemons' clock."""
        return self.true + self.skew

    def tick(self) -> None:
        """Let five minutes pass."""
        for site in self.sites.values():
            site.serve(self.true)
        self.true += SLICE

    def live(self, windows: int = 1) -> None:
        """Let quarters of an hour pass, as they do for a daemon: a look once each has settled, a step every slice."""
        for _ in range(windows * int(QUARTER / SLICE)):
            self.tick()
            # one that stands by has no loops
            for daemon in [it for it in self.daemons if not it.follows]:
                if (self.true - START) % QUARTER == SETTLE:
                    for name in self.sites:
                        self.look(name, daemon)
                for name in self.sites:
                    self.step(name, daemon)
                self.oversee(daemon)
            self.tell(self.daemons[0])

    def look(self, name: str, daemon: Daemon | None = None) -> None:
        site, it = self.sites[name], daemon or self.daemons[0]
        doors = watch.Doors(site.log, self.serving, self.registry, self.tables)

        def work() -> None:
            seen = watch.look(site.settings, doors, it.store, now=self.now + it.late, scratch=self.folder / "scratch")
            self.decisions.append((name, seen.decision))

        self.attempt("look", it, work)

    def step(self, name: str, daemon: Daemon | None = None) -> None:
        it = daemon or self.daemons[0]
        self.attempt(
            "step",
            it,
            lambda: remediate.step(self.sites[name].settings, self.doors(it), it.store, now=self.now + it.late),
        )

    def oversee(self, daemon: Daemon | None = None) -> None:
        it = daemon or self.daemons[0]
        doors = self.doors(it)

        def work() -> None:
            watch_storm(it.store, doors.fleet, self.safety, now=self.now + it.late)
            sweep(it.store, doors.fleet.keys(), now=self.now + it.late)

        self.attempt("oversee", it, work)

    def housekeep(self, name: str, daemon: Daemon | None = None) -> None:
        it, settings = daemon or self.daemons[0], self.sites[name].settings
        self.attempt(
            "housekeep",
            it,
            lambda: archive.housekeep(settings, self.serving, self.registry, it.store, now=self.now + it.late),
        )

    def tell(self, daemon: Daemon | None = None) -> None:
        it = daemon or self.daemons[0]

        def work() -> None:
            while notify.run(it.store, [self.channel], self.notify, it.metrics, it.log, now=self.now + it.late):
                pass

        self.attempt("tell", it, work)

    def doors(self, daemon: Daemon) -> remediate.Doors:
        return remediate.Doors(
            self.serving,
            self.registry,
            self.jobs,
            self.folder / "scratch",
            fleet={n: _speaks_for(s.settings) for n, s in self.sites.items()},
            safety=self.safety,
            stopped=lambda: kill_switch(self.safety.kill_file),
            follows=lambda: daemon.follows,
        )

    def attempt(self, loop: str, daemon: Daemon, work: Callable[[], object]) -> None:
        """Do what a loop does. What fails is left for later; what dies is started again on the same database."""
        self.tally.add(f"loop {loop}")
        before, self.acting = self.acting, daemon
        try:
            self._endure(daemon, work)
            # what has moved was moved by this daemon, and by its clock
            self.observe()
        finally:
            self.acting = before

    def observe(self) -> None:
        """Hold everything that has moved since the last time against the invariants."""
        query = select(table.c.id, table.c.state).order_by(table.c.created_at, table.c.id)
        with self.eyes.read() as tx:
            moved = [row.id for row in tx.execute(query) if self._states.get(row.id) != row.state]
            found = [one for name in moved if (one := remediations.get(tx, name))]
        for one in found:
            before, self._known[one.id] = self._known.get(one.id), one
            self._states[one.id] = one.state
            self._moved(before, one)

    def history(self, name: str | None = None, *, limit: int = 200) -> list[Remediation]:
        """Return remediations, newest first."""
        with self.eyes.read() as tx:
            return remediations.history(tx, name, limit=limit)

    def opened(self, name: str | None = None) -> list[Remediation]:
        with self.eyes.read() as tx:
            return remediations.opened(tx, name)

    def events(self, kind: str = "", *, limit: int = 5000) -> list[Event]:
        """Return events, oldest first."""
        with self.eyes.read() as tx:
            found = events.history(tx, limit=limit)
        return sorted((e for e in found if e.kind.startswith(kind)), key=lambda e: e.id or 0)

    def standings(self, name: str) -> list[VersionVerdict]:
        with self.eyes.read() as tx:
            return verdicts.record(tx, name)

    def restraints(self, name: str | None = None) -> list[Restraint]:
        """Return what is in force by the clock of the daemon that acts."""
        with self.eyes.read() as tx:
            return restraints.in_force(tx, self.now + self.acting.late, name)

    def change(self, name: str, **sections: Any) -> None:
        """Reload the configuration of one endpoint."""
        site = self.sites[name]
        site.settings = EndpointSettings.model_validate({**dict(site.settings), **sections})

    def close(self) -> None:
        self.eyes.close()
        for daemon in self.daemons:
            daemon.store.close()

    def _site(self, n: int, **rules: Any) -> Site:
        settings = settings_of(f"ep{n}", f"prod.ml.m{n}", 7 + n, self.folder / "vault", **rules)
        return Site(settings, self.serving, self.registry, self.jobs, FakeInferenceLog(), self.folder)

    def _store(self) -> FaultyStore:
        return FaultyStore.open(config.Store(url=self.url))

    def _endure(self, daemon: Daemon, work: Callable[[], object]) -> None:
        try:
            work()
        except Crash:
            self.tally.add("crash")
            self._restart(daemon)
        except PlatformError:
            self.tally.add("workspace error")
        except StoreError as error:
            assert error.transient, error
            self.tally.add("write refused")

    def _restart(self, daemon: Daemon) -> None:
        daemon.store.close()
        faults = daemon.store.faults
        daemon.store = self._store()
        daemon.store.faults = faults

    def _fence(self) -> str:
        return kill_switch(self.safety.kill_file) or self.acting.follows

    def _effect(self, effect: Effect) -> None:
        self.tally.add(f"effect {effect.call}")
        for check in self.effects:
            check(effect)

    def _moved(self, before: Remediation | None, one: Remediation) -> None:
        self.tally.add(f"{one.remedy} {one.state}")
        for check in self.moves:
            check(before, one)


def settings_of(name: str, model: str, job: int, vault: Path, **rules: Any) -> EndpointSettings:
    """Return settings under which a story takes hours, not days, and even traffic is enough to tell."""
    plain: dict[str, Any] = {
        "watch": Watch(window=QUARTER, settle=SETTLE, interval=SETTLE, overlap=HOUR, rows=200, stale_after=HOUR),
        "drift": Drift(tolerance=0.3, psi=2.0, missing=0.23, design_effect=1, false_alarms_per_year=100),
        "health": Health(requests=30),
        "decide": Decide(breaches=2, of=3, clear=2, good=2),
        "baseline": BaselineSettings(rows=1000),
        "retrain": Retrain(job_id=job, timeout=3 * HOUR, cooldown=2 * HOUR, new_rows=100, per_day=3),
        "promote": Promote(
            gates=(Gate(metric="auc", min=0.6),),
            canary=(50,),
            windows=1,
            requests=50,
            bake=timedelta(minutes=10),
            load_requests=0,
            timeout=2 * HOUR,
            per_day=3,
        ),
        "rollback": Rollback(timeout=2 * HOUR, windows=1),
        "archive": Archive(
            folder=vault, keep=2, older_than=timedelta(hours=6), wait=timedelta(hours=2), remove=True, most=5
        ),
        "mode": AUTO,
        "approve": Approve(within=4 * HOUR),
        "budget": Budget(per_day=8),
    }
    return EndpointSettings(name=name, table="/t", model=model, **{**plain, **rules})


@contextmanager
def fleets(begin: Callable[..., Fleet]) -> Iterator[Callable[..., Fleet]]:
    """Begin as many fleets as a test wants."""
    begun: list[Fleet] = []

    def again(**about: Any) -> Fleet:
        begun.append(begin(**about))
        return begun[-1]

    yield again
    for fleet in begun:
        fleet.close()


def _speaks_for(settings: EndpointSettings) -> Lately:
    return Lately(settings.decide.of * settings.watch.window + settings.watch.settle + 2 * settings.watch.interval)
