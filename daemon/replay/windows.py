"""Where the windows of a replay come from: the store, or else the inference table, in portions of `catch_up`."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby
from pathlib import Path

from daemon.config.endpoint import EndpointSettings
from daemon.domain.baseline import Baseline
from daemon.domain.finding import Check
from daemon.domain.profile import Profile
from daemon.domain.serving import EndpointState, Update
from daemon.domain.trail import Trail
from daemon.domain.window import Window
from daemon.ports import PlatformError
from daemon.replay.facts import Facts
from daemon.replay.past import Past
from daemon.store.engine import Store
from daemon.watch import cycle as watch

Counted = tuple[Profile, Baseline | None]


@dataclass(frozen=True, slots=True)
class Table:
    """The inference table, and what else a look reads."""

    doors: Callable[[], watch.Doors]
    """Asked for once something has to be read."""
    store: Store
    scratch: Path
    now: datetime


class Windows:
    def __init__(self, settings: EndpointSettings, past: Past, facts: Facts, table: Table | None) -> None:
        self._settings, self._past, self._facts, self._table = settings, past, facts, table
        self._doors: watch.Doors | None = None
        self.notes: dict[str, None] = {}
        """What could not be read, each sentence once."""
        self.read: set[Window] = set()
        """Windows with traffic that the store does not keep."""

    def portions(self, windows: Sequence[Window]) -> Iterator[tuple[list[Window], dict[Window, list[Counted]]]]:
        """Yield the windows in order, some at a time, with the profiles of each and their baselines."""
        for kept, run in groupby(windows, self._past.keeps):
            held = list(run)
            most = len(held) if kept else self._settings.watch.catch_up
            for start in range(0, len(held), most):
                portion = held[start : start + most]
                yield portion, {w: self._stored(w) for w in portion} if kept else self._read(portion)

    def _stored(self, window: Window) -> list[Counted]:
        recorded = self._past.profiles.get(window, ())
        copies = self._facts.copied(recorded)
        return [(c, self._facts.baseline(r.baseline_id)) for c, r in zip(copies, recorded, strict=True)]

    def _read(self, portion: Sequence[Window]) -> dict[Window, list[Counted]]:
        """Read the portion as a look that has to catch up would. What cannot be read is told, and left out."""
        if self._table is None:
            self.notes["some windows are not kept in the store, and the inference table was not read"] = None
            return {}
        try:
            seen = self._look(portion, self._table)
        except PlatformError as error:
            self.notes[f"the inference table cannot be read: {error}"] = None
            return {}
        self.notes |= dict.fromkeys(seen.notes)
        if unknown := sum(seen.unknown.values()):
            self.notes[
                f"nobody can tell which version answered {unknown} requests from {portion[0].start:%F %T} on"
            ] = None
        found: dict[Window, list[Counted]] = {}
        for one in seen.profiles:
            found.setdefault(one.window, []).append((one, seen.baselines.get(one.version)))
        self.read |= found.keys()
        return found

    def _look(self, portion: Sequence[Window], table: Table) -> watch.Seen:
        known = self._past.known
        assert known is not None
        if self._doors is None:
            # labels have come since that nobody had then
            self._doors = replace(table.doors(), labels=None)
            self._facts.newest_baselines()
        told = {**known.learned, **self._doors.log.entities()}
        # every version may have a baseline, not only those that serve today
        trails: dict[int, dict[Check, Trail]] = {
            version: {} for model, version in told.values() if model == self._settings.model
        }
        fresh = replace(known, requests={}, watermark=None, trails=trails)
        state = self._past.state or EndpointState(self._settings.name, 0, (), True, Update.NONE)
        return watch.read(
            self._settings, self._doors, table.store, portion, state, fresh, now=table.now, scratch=table.scratch
        )
