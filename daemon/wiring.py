"""Settings in, jobs out: which adapter stands behind which door, and which loop runs how often."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from daemon.adapters.channels import AppriseChannel
from daemon.adapters.databricks import (
    DatabricksClient,
    DatabricksJobs,
    DatabricksRuns,
    DatabricksServing,
    UnityRegistry,
    WorkspaceRegistry,
)
from daemon.adapters.mlflow import Client, MlflowRegistry, MlflowRuns, vended_files
from daemon.adapters.readers import Readers
from daemon.config.endpoint import EndpointSettings
from daemon.config.mlflow import Mlflow, RegistryKind
from daemon.config.settings import Settings
from daemon.domain.remediation import OPEN, Mode, Remedy, State
from daemon.iteration import Told, Work
from daemon.lead import alarm
from daemon.notify import cycle as notify
from daemon.notify.cycle import NO_HINTS, Hints
from daemon.ports import Channel, Fence, Jobs, PlatformError, Registry, Serving
from daemon.remediate import archive
from daemon.remediate import cycle as remediate
from daemon.remediate.circumstances import mode_of
from daemon.remediate.doors import Doors, Lately
from daemon.remediate.overdue import sweep
from daemon.remediate.storm import watch_storm
from daemon.remediate.switch import kill_switch
from daemon.store import retention, thinning
from daemon.store.engine import Store
from daemon.telemetry import log
from daemon.telemetry.metrics import Metrics
from daemon.tell import told_of_look
from daemon.watch import cycle as watch

RETENTION_EVERY = timedelta(hours=6)
WAITING = (State.BLOCKED, State.AWAITING_APPROVAL, State.SCHEDULED, State.VERIFYING)
"""States in which a round after the other finds nothing new to say."""
MOST_GROUPS = 20
"""Messages that one round of notify sends: what is left waits for the next, an interval later."""


@dataclass(frozen=True, slots=True)
class World:
    """The doors that all endpoints share."""

    serving: Serving
    registry: Registry
    jobs: Jobs
    channels: tuple[Channel, ...]
    scratch: Path
    readers: Readers = field(default_factory=Readers)
    follows: Callable[[], str] = lambda: ""
    """Why this daemon may not act; empty where it leads."""


@dataclass(frozen=True, slots=True)
class Round:
    """A loop on one subject, and how often it goes round."""

    loop: str
    endpoint: str
    every: timedelta
    work: Work
    aside: bool = False
    after: timedelta | None = None
    """How long after every multiple of `every` since the epoch; None: wherever it happens to fall."""


def build_world(settings: Settings, scratch: Path, *, follows: Callable[[], str] = lambda: "") -> World:
    """Make the adapters. Nothing is connected yet: a workspace that is away must not hold up the start."""
    fence = fenced(settings.safety.kill_file, follows)
    client = DatabricksClient(settings.workspace, fence=fence)
    return World(
        serving=DatabricksServing(client),
        registry=_registry(settings.mlflow, client, fence),
        jobs=DatabricksJobs(client),
        channels=tuple(AppriseChannel(c) for c in settings.notify.channels),
        scratch=scratch,
        readers=Readers(settings.workspace, client),
        follows=follows,
    )


def _registry(mlflow: Mlflow, client: DatabricksClient, fence: Fence) -> Registry:
    """Return the registry that the URIs mean. Runs may be on an MLflow server, and models in the workspace."""
    if mlflow.registry is RegistryKind.MLFLOW:
        return MlflowRegistry(mlflow, fence=fence)
    runs = DatabricksRuns(client) if mlflow.runs_on_databricks else MlflowRuns(Client(mlflow))
    if mlflow.registry is RegistryKind.UNITY:
        return UnityRegistry(client, runs, vended_files)
    return WorkspaceRegistry(client, runs)


def fenced(kill_file: Path, follows: Callable[[], str]) -> Fence:
    """Let a request out only where the kill switch is not pulled and this daemon leads; frozen meanwhile, it ends."""

    @contextmanager
    def ask() -> Iterator[None]:
        if held := kill_switch(kill_file) or follows():
            raise PlatformError(f"nothing was sent: {held}", permanent=False)
        with alarm.heard():
            yield

    return ask


def watch_doors(endpoint: EndpointSettings, world: World) -> watch.Doors:
    log, labels, tables = world.readers.of(endpoint)
    return watch.Doors(log, world.serving, world.registry, tables, labels)


def rounds(
    settings: Settings, world: World, store: Store, metrics: Metrics, hints: Hints = NO_HINTS
) -> Iterator[Round]:
    """Yield every loop that the settings ask for. `hints` says what people can do about an event."""
    for endpoint in settings.endpoints:
        yield _watch(endpoint, world, store, metrics)
        yield _remediate(settings, endpoint, world, store, metrics)
        if mode_of(endpoint, Remedy.ARCHIVE) is not Mode.OFF:
            yield _housekeep(endpoint, world, store)
    yield Round("oversee", "", settings.schedule.remediate, _oversee(settings, store, metrics), aside=True)
    yield Round("notify", "", settings.notify.interval, _notify(settings, world, store, metrics, hints), aside=True)
    yield Round("retention", "", RETENTION_EVERY, _retain(settings, store), aside=True)


def _watch(endpoint: EndpointSettings, world: World, store: Store, metrics: Metrics) -> Round:
    doors = watch_doors(endpoint, world)

    def work(now: datetime) -> Told:
        seen = watch.look(endpoint, doors, store, now=now, scratch=world.scratch)
        return told_of_look(seen, metrics, now=now)

    # windows lie on the same grid: a look comes as soon as one has settled, and not up to an interval later
    return Round("watch", endpoint.name, endpoint.watch.interval, work, after=endpoint.watch.settle)


def _remediate(settings: Settings, endpoint: EndpointSettings, world: World, store: Store, metrics: Metrics) -> Round:
    doors = Doors(
        world.serving,
        world.registry,
        world.jobs,
        world.scratch,
        fleet=fleet(settings),
        safety=settings.safety,
        stopped=lambda: kill_switch(settings.safety.kill_file),
        follows=world.follows,
    )

    def work(now: datetime) -> Told | None:
        stepped = remediate.step(endpoint, doors, store, now=now)
        if stepped is None:
            metrics.remediation_seen(endpoint.name, is_open=False)
            return None
        one, state = stepped.remediation, stepped.state
        moved = state is not one.state
        if moved:
            metrics.remediation_moved(endpoint.name, one.remedy, state, is_open=state in OPEN)
        sentence = f"{endpoint.name}: {one.remedy} {one.id} {state}: {stepped.sentence}"
        return Told(sentence, {}, quiet=not moved and state in WAITING)

    return Round("remediate", endpoint.name, settings.schedule.remediate, work)


def fleet(settings: Settings) -> dict[str, Lately]:
    """Return every endpoint, and how long what was found on it speaks for the present."""
    return {e.name: _lately(e) for e in settings.endpoints}


def _lately(endpoint: EndpointSettings) -> Lately:
    watch, labels = endpoint.watch, endpoint.labels
    windows = endpoint.decide.of * watch.window + watch.settle + 2 * watch.interval
    return Lately(windows, labels.fresh_for if labels.table is not None else timedelta())


def _oversee(settings: Settings, store: Store, metrics: Metrics) -> Callable[[datetime], Told | None]:
    """See to what no endpoint's own loop sees to: deadlines that passed, and trouble of many at once."""
    known = fleet(settings)

    def work(now: datetime) -> Told | None:
        seen = watch_storm(store, known, settings.safety, now=now)
        moved = [one for one in sweep(store, known.keys(), now=now) if one.state is not one.remediation.state]
        for one in moved:
            about = one.remediation
            metrics.remediation_moved(about.endpoint, about.remedy, one.state, is_open=one.state in OPEN)
        words = [f"{m.remediation.remedy} {m.remediation.id} {m.state}: {m.sentence}" for m in moved]
        if len(seen.ill) >= seen.many:
            words.append(f"a storm: {', '.join(sorted(seen.ill))}")
        return Told("; ".join(words), {}) if words else None

    return work


def _housekeep(endpoint: EndpointSettings, world: World, store: Store) -> Round:
    def work(now: datetime) -> Told | None:
        found = archive.housekeep(endpoint, world.serving, world.registry, store, now=now)
        if found.refused:
            return Told(f"{endpoint.name}: nothing archived: {found.refused}", {})
        if found.mark or found.archive:
            return Told(f"{endpoint.name}: stale versions", {"mark": found.mark, "archive": found.archive})
        return None

    return Round("housekeep", endpoint.name, endpoint.archive.every, work)


def _notify(
    settings: Settings, world: World, store: Store, metrics: Metrics, hints: Hints
) -> Callable[[datetime], Told | None]:
    send = partial(notify.run, store, world.channels, settings.notify, metrics, log.get("daemon.notify"), hints=hints)

    def work(now: datetime) -> Told | None:
        groups = 0
        while groups < MOST_GROUPS and send(now=now):
            groups += 1
        return None

    return work


def _retain(settings: Settings, store: Store) -> Callable[[datetime], Told | None]:
    def work(now: datetime) -> Told | None:
        removed = 0
        while True:
            with store.begin() as tx:
                merged = thinning.thin(tx, before=now - settings.store.merge_profiles)
                pruned = retention.prune(
                    tx,
                    profiles_before=now - settings.store.keep_profiles,
                    events_before=now - settings.store.keep_events,
                )
            if not pruned.rows + merged:
                return Told(f"{removed} old records removed or merged", {}, quiet=True)
            removed += pruned.rows + merged

    return work
