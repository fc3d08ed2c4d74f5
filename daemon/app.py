"""The composition root: build, start, reload, stop. The only file that knows every room, and the clock."""

import os
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from daemon import __version__
from daemon.config.endpoint import EndpointSettings
from daemon.config.fields import SecretError
from daemon.config.load import ConfigError, load
from daemon.config.settings import Settings
from daemon.desk import Desk
from daemon.domain.event import Event, Severity
from daemon.iteration import Clock, Iteration
from daemon.lead.keeper import Keeper
from daemon.schedule import Job, Schedule
from daemon.store import events, lock
from daemon.store.engine import Store, StoreError, sqlite_file
from daemon.telemetry import log
from daemon.telemetry.heartbeat import Heartbeats
from daemon.telemetry.metrics import Metrics
from daemon.telemetry.sd_notify import Notifier
from daemon.watch import cycle as watch
from daemon.web.desk import Credentials
from daemon.web.listener import Listener
from daemon.wiring import World, build_world, rounds, watch_doors

CLOCK = Clock(now=lambda: datetime.now(UTC), monotonic=time.monotonic)
SOCKET_TIMEOUT_S = 120
"""For sockets of libraries that set none: the SDK fetches OAuth tokens without a timeout of its own."""
PULSE_S = 1.0
HASTENED = ("watch", "remediate")
"""The loops that a hint of the registry has look now."""
STOP_WITHIN_S = 30


class App:
    """The daemon. `start` and `stop` undo each other; `run` does both, with signals in between.

    On PostgreSQL it may find another one that leads. Then it stands by: it answers, and tries for the lease.
    """

    def __init__(self, file: Path, settings: Settings) -> None:
        self._file, self._settings = file, settings
        self._log = log.get(__name__)
        self._metrics, self._notifier = Metrics(), Notifier()
        self._heartbeats = Heartbeats(workers=settings.schedule.workers)
        self._iterations: list[Iteration] = []
        self._scratch = tempfile.TemporaryDirectory(prefix="mlsteward-")
        self._lock: lock.Lock | None = None
        self._keeper: Keeper | None = None
        self._leads, self._waits = False, ""
        self._stop, self._reload = threading.Event(), threading.Event()
        self._desk = Desk(lambda: self._settings, lambda: nullcontext(self._counter), CLOCK.now)
        self._desk.hasten = self._hasten

    def run(self) -> int:
        """Run until SIGTERM or SIGINT; take a new configuration at SIGHUP. Return the exit status."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_reload)
        self.start()
        try:
            while not self._stop.wait(PULSE_S):
                if self._reload.is_set():
                    self._reload.clear()
                    self.reload()
                self._schedule.heed(now=CLOCK.now())
                self._pulse()
        finally:
            self.stop()
        return 0

    def start(self) -> None:
        """Open what must be there: the store and the listener. Raise StoreError or OSError where one is not.

        A PostgreSQL that is away for the moment is waited for, as a standby waits.
        """
        socket.setdefaulttimeout(SOCKET_TIMEOUT_S)
        settings = self._settings
        self._desk.credentials = Credentials.read(settings.web)
        self._store = self._opened(settings)
        # people are heard by a standby as well: what they say is written past the fence, as on the command line
        self._counter = Store.connect(settings.store) if self._keeper else self._store
        self._listener = Listener(
            settings.web.host,
            settings.web.port,
            metrics=self._metrics,
            stalled=lambda: self._heartbeats.stalled(CLOCK.monotonic()),
            unready=self._unready,
            desk=self._desk,
            now=CLOCK.now,
        ).start()
        self._desk.url = self._listener.url
        self._metrics.started(__version__)
        self._metrics.config_reloaded(ok=True, now=CLOCK.now())
        self._schedule = Schedule(workers=settings.schedule.workers, jitter=settings.schedule.jitter)
        self._metrics.led(False)
        self._try()
        self._notifier.ready()

    def _opened(self, settings: Settings) -> Store:
        file = sqlite_file(settings.store)
        if file is not None:
            self._lock = lock.hold(file)
            return Store.open(settings.store)
        self._keeper = Keeper.of(
            settings.store,
            # goes on while the machine sleeps, as the lease does
            clock=lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
            # what another daemon has sent by the end of its lease has arrived by then, or never will
            settle=settings.workspace.timeout,
        )
        store = Store.connect(settings.store)
        store.fence(self._keeper.check)
        return store

    def _try(self) -> None:
        """Lead if nobody else does, else say why not."""
        try:
            if self._keeper is None or self._keeper.term or self._keeper.take():
                self._lead()
                return
            waits = self._keeper.follows()
        except StoreError as error:
            if not error.transient:
                if self._keeper:
                    self._keeper.give_back()
                raise
            waits = f"this daemon stands by: {error}"
        if waits != self._waits:
            self._waits = waits
            self._log.info(waits, listening=self._listener.url, config=str(self._file))
        self._notifier.status(waits)

    def _lead(self) -> None:
        settings, now = self._settings, CLOCK.now()
        if self._keeper:
            self._store.agree_on_tables(migrate=True)
            self._keeper.tell(self._store, now)
        self._schedule.start(self._jobs(settings), now=now)
        self._leads = True
        self._metrics.led(True)
        self._log.info(
            f"mlsteward {__version__} watches {len(settings.endpoints)} endpoints",
            endpoints=",".join(e.name for e in settings.endpoints),
            listening=self._listener.url,
            config=str(self._file),
        )

    def reload(self) -> bool:
        """Take the file's new settings, or keep the old ones and say why. All that can fail comes first."""
        self._notifier.reloading(time.monotonic_ns() // 1000)
        try:
            settings = load(self._file)
            if _fixed(settings) != _fixed(self._settings):
                raise ConfigError(self._file, ["store and web are taken at the start only: restart to change them"])
            credentials = Credentials.read(settings.web)
            jobs = self._jobs(settings) if self._leads else []
        except SecretError as error:
            self._refuse(ConfigError(self._file, [str(error)]))
            return False
        except ConfigError as error:
            self._refuse(error)
            return False
        finally:
            self._notifier.ready()
        self._settings, self._desk.credentials = settings, credentials
        log.configure(settings.log.level, settings.log.format)
        if self._leads:
            self._schedule.replace(jobs, now=CLOCK.now())
        self._metrics.config_reloaded(ok=True, now=CLOCK.now())
        self._log.info("configuration reloaded", config=str(self._file), endpoints=len(settings.endpoints))
        return True

    def stop(self) -> None:
        """Take no new work, let what runs come to its end, close everything."""
        self._notifier.stopping()
        self._log.info("stopping")
        ended = threading.Thread(target=self._schedule.stop, daemon=True)
        ended.start()
        ended.join(STOP_WITHIN_S)
        # not where something of ours may still be under way: then the next one has to wait for it
        if self._keeper and not ended.is_alive():
            self._keeper.give_back()
        self._listener.stop()
        self._store.close()
        self._scratch.cleanup()
        if self._lock:
            self._lock.release()
        self._log.info("stopped")
        if ended.is_alive():
            self._log.warning("a loop hangs in a remote call and is left behind; its journal tells the next start")
            os._exit(0)

    def _jobs(self, settings: Settings) -> list[Job]:
        world = self._world(settings)
        before = {i.name: i for i in self._iterations}
        around = list(rounds(settings, world, self._store, self._metrics, self._desk.hints))
        iterations = [
            Iteration(
                one.loop,
                one.endpoint,
                one.work,
                every=one.every,
                aside=one.aside,
                clock=CLOCK,
                metrics=self._metrics,
                heartbeats=self._heartbeats,
                store=self._store,
            )
            for one in around
        ]
        for gone in before.keys() - {i.name for i in iterations}:
            self._heartbeats.clear(gone)
        for endpoint in {e.name for e in self._settings.endpoints} - {e.name for e in settings.endpoints}:
            self._metrics.forget(endpoint)
        self._iterations = iterations
        pairs = zip(iterations, around, strict=True)
        return [Job(i.name, i.every, i, aside=i.aside, after=one.after) for i, one in pairs]

    def _hasten(self, endpoints: Sequence[str]) -> None:
        """Have endpoints looked at now. A standby looks at nothing."""
        if self._leads:
            self._schedule.hasten([f"{loop}:{e}" for e in endpoints for loop in HASTENED], now=CLOCK.now())

    def _world(self, settings: Settings) -> World:
        return build_world(settings, Path(self._scratch.name), follows=self._follows)

    def _follows(self) -> str:
        return self._keeper.follows() if self._keeper else ""

    def _unready(self) -> list[str]:
        if not self._leads:
            return [self._waits]
        return [i.name for i in self._iterations if i.name.startswith("watch:") and not i.ran]

    def _refuse(self, error: ConfigError) -> None:
        self._metrics.config_reloaded(ok=False, now=CLOCK.now())
        for problem in error.problems:
            self._log.error(f"the new configuration is refused, the old one stays: {problem}", config=str(error.file))
        event = Event(
            "config.refused",
            Severity.WARNING,
            f"the new configuration is refused, the old one stays: {'; '.join(error.problems)}",
            CLOCK.now(),
            dedup_key=f"config:{CLOCK.now().isoformat()}",
        )
        try:
            with self._store.begin() as tx:
                events.append(tx, event)
        except StoreError as lost:
            self._log.error(str(lost))

    def _pulse(self) -> None:
        """Feed the watchdog while every loop goes round, and say so. A standby has none: it tries for the lease."""
        if not self._leads:
            self._try()
        if not self._leads:
            self._notifier.watchdog()
            return
        stalled = self._heartbeats.stalled(CLOCK.monotonic())
        if stalled:
            self._notifier.status(f"standing still: {', '.join(stalled)}")
        else:
            self._notifier.watchdog()
            self._notifier.status(f"watching {len(self._settings.endpoints)} endpoints")

    def _on_stop(self, _number: int, _frame: FrameType | None) -> None:
        self._stop.set()

    def _on_reload(self, _number: int, _frame: FrameType | None) -> None:
        self._reload.set()


def _fixed(settings: Settings) -> tuple[object, ...]:
    """Return what is taken at the start only."""
    return settings.store.url, settings.store.password, settings.store.lease, settings.web


def look_once(settings: Settings, endpoint: EndpointSettings, scratch: Path) -> watch.Look:
    """Look at one endpoint now, and write down what was seen, as the daemon does."""
    store = Store.open(settings.store)
    try:
        doors = watch_doors(endpoint, build_world(settings, scratch))
        return watch.look(endpoint, doors, store, now=CLOCK.now(), scratch=scratch)
    finally:
        store.close()


def reading_doors(settings: Settings, endpoint: EndpointSettings, scratch: Path) -> watch.Doors:
    """Return what a look reads, for whoever only wants to read."""
    return watch_doors(endpoint, build_world(settings, scratch))


def upload(settings: Settings, model: str, version: int, folder: Path) -> None:
    """Put restored artifacts back into the registry."""
    build_world(settings, folder).registry.upload(model, version, folder)
