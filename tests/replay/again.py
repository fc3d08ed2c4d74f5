"""Replays of a world."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from daemon.config import settings as config
from daemon.config.endpoint import EndpointSettings
from daemon.config.settings import Safety
from daemon.ports import InferenceLog
from daemon.replay.cycle import Stage, replay
from daemon.replay.outcome import Outcome
from daemon.replay.past import past_of
from daemon.store.engine import Store
from daemon.watch.cycle import Doors
from tests.watch.traffic import window
from tests.watch.world import FLIGHTS, World


class Replays:
    """Each on a copy of the empty database."""

    def __init__(self, template: Path, folder: Path) -> None:
        self._template, self._folder, self._n = template, folder, 0
        self.store: Store | None = None
        """That of the last replay."""
        self.log: InferenceLog | None = None
        """What is read in the place of the world's own."""

    @contextmanager
    def stage(self, world: World | None) -> Iterator[Stage]:
        self._n += 1
        home = self._folder / f"replay-{self._n}"
        home.mkdir()
        file = shutil.copy(self._template, home / "replay.db")
        if self.store:
            self.store.close()
        self.store = Store.open(config.Store(url=f"sqlite:///{file}"))
        log = self.log or (world.log if world else None)
        doors = None if world is None or log is None else _doors(world, log)
        yield Stage(self.store, home, Safety(kill_file=home / "KILL"), doors)

    def of(
        self,
        world: World,
        first: int,
        last: int,
        *,
        settings: EndpointSettings | None = None,
        reads: bool = False,
        **more: Any,
    ) -> Outcome:
        """Replay windows `first` to `last`; with `reads`, what the store does not keep comes from the table."""
        rules = settings or world.settings[FLIGHTS]
        since, until = window(first).start, window(last).end
        with self.stage(world if reads else None) as stage:
            return replay(rules, past_of(world.store, rules, since, until), stage, since, until, **more)


def _doors(world: World, log: InferenceLog) -> Callable[[], Doors]:
    return lambda: Doors(log, world.serving, world.registry, world.tables)


def forget(world: World) -> None:
    """Leave a store that knows nothing, as of an endpoint that nobody has watched."""
    from sqlalchemy import text

    with world.store.begin() as tx:
        for table in (
            "finding",
            "profile",
            "baseline",
            "endpoint",
            "version_verdict",
            "remediation",
            "event",
            "served_entity",
        ):
            tx.execute(text(f"DELETE FROM {table}"))
