"""A replay: open this first.

    the record -> one look after the other, by a virtual clock -> guards -> what came of it

Each look is the daemon's own, from what it knows to what it writes down, and so are the guards, in `observe`. Both work
on a throw-away database. Of the world nothing is asked but what a look reads, where the store keeps no profiles.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path

from daemon.config.endpoint import EndpointSettings
from daemon.config.remedies import Modes
from daemon.config.settings import Safety
from daemon.domain.event import Severity
from daemon.domain.profile import Profile
from daemon.domain.remediation import Mode, Remedy, State
from daemon.domain.serving import EndpointState
from daemon.domain.window import EPOCH, Window, closed_windows, floor
from daemon.remediate import cycle as remediate
from daemon.remediate.circumstances import mode_of
from daemon.replay.facts import Facts
from daemon.replay.labels import Labels
from daemon.replay.outcome import Budget, Outcome, Proposed, proposed
from daemon.replay.past import Past
from daemon.replay.served import Served
from daemon.replay.still import Still, doors
from daemon.replay.told import Told
from daemon.replay.windows import Counted, Table, Windows
from daemon.store import events, remediations
from daemon.store.engine import Store, Tx
from daemon.watch import cycle as watch
from daemon.watch import memory

YEAR = timedelta(days=365.25)
WARM_UP = 168
"""Windows before the first that are looked at as well, and not told of, where the store keeps them: what fires at the
beginning has begun before it."""
MOST_STEPS = 10
"""Of remediations after one look; each of them moves at most a few times."""
MOST_TOLD = 10_000


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a replay is played."""

    store: Store
    """Empty at first, and thrown away."""
    scratch: Path
    safety: Safety
    doors: Callable[[], watch.Doors] | None
    """What a look reads; None: nothing is read that the store does not keep."""


def replay(
    settings: EndpointSettings,
    past: Past,
    stage: Stage,
    since: datetime,
    until: datetime,
    *,
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Outcome:
    """Look at every window of `[since, until)` once more, each as soon as it had settled.

    `progress` is called with the windows done, and all of them.
    """
    length = settings.watch.window
    first = floor(since, length)
    early = [w.start for w in past.profiles if first - WARM_UP * length <= w.start < first]
    windows = list(closed_windows(min(early, default=first), until, length))
    facts = Facts(settings, past, stage.store)
    facts.begin(windows[0].start if windows else first)
    table = Table(stage.doors, stage.store, stage.scratch, until) if stage.doors else None
    source = Windows(settings, past, facts, table)
    played = _Played(observing(settings), past, stage, facts)
    for portion, counted in source.portions(windows):
        played.learn(counted)
        for now, together in groupby(portion, lambda window: looked_at(window, settings)):
            looked = list(together)
            played.look(looked, [c for w in looked for c in counted.get(w, ())], now, counts=looked[0].start >= first)
            progress(windows.index(looked[-1]) + 1, len(windows))
    return played.outcome(settings, source, first, until)


def looked_at(window: Window, settings: EndpointSettings) -> datetime:
    """Return when the daemon looks at a window: looks lie on a grid, and come as soon as a window has settled."""
    every = settings.watch.interval
    return EPOCH - ((EPOCH - window.end) // every) * every + settings.watch.settle


def observing(settings: EndpointSettings) -> EndpointSettings:
    """Let every remedy go as far as its first effect, and no further."""
    modes = {r.value: Mode.OFF if mode_of(settings, r) is Mode.OFF else Mode.OBSERVE for r in Remedy}
    return settings.model_copy(update={"mode": Modes(**modes)})


class _Played:
    """The looks until now, and what came of them."""

    def __init__(self, settings: EndpointSettings, past: Past, stage: Stage, facts: Facts) -> None:
        self._settings, self._store, self._facts = settings, stage.store, facts
        self._served = Served(settings.name, settings.model, changes=past.changes, length=settings.watch.window)
        self._labels = Labels(settings, past, stage.store)
        self._still = Still()
        self._doors = doors(self._still, stage.safety, stage.scratch)
        self._told, self._let_through = Told(), dict[str, datetime]()
        self._began: datetime | None = None
        self._windows: set[Window] = set()

    def learn(self, counted: Mapping[Window, Sequence[Counted]]) -> None:
        for window, held in counted.items():
            self._served.learn(window.start, {p.version: p.health.requests for p, _ in held})

    def look(self, windows: Sequence[Window], counted: Sequence[Counted], now: datetime, *, counts: bool) -> None:
        """Look at one window, or at some that settled at once, and ask the guards of what follows from it."""
        self._facts.advance(now)
        state = self._served.at(windows[-1].start, now)
        known = memory.recall(self._store, self._settings, state, now=now)
        held: list[Profile] = [p for p, _ in counted]
        newest = max((p.window.end for p in held), default=known.watermark)
        seen = watch.Seen(
            state=state,
            profiles=held,
            baselines={p.version: baseline for p, baseline in counted if baseline is not None},
            newest=newest,
            counted=sum(p.health.requests for p in held),
            labelled=self._labels.at(state, now),
            quiet=memory.silence_since(self._store, self._settings, newest, (), now=now),
        )
        look = watch.finish(self._settings, self._store, seen, known, now=now)
        self._told.hear(look, now, counts=counts)
        self._weigh(state, now)
        if counts:
            self._began = self._began or now
            self._windows |= {p.window for p in held}

    def _weigh(self, state: EndpointState, now: datetime) -> None:
        self._still.now = state
        for _ in range(MOST_STEPS):
            stepped = remediate.step(self._settings, self._doors, self._store, now=now)
            if stepped is None or stepped.waits:
                return
            if stepped.state is State.SHADOWED:
                self._let_through[stepped.remediation.id] = now

    def outcome(self, settings: EndpointSettings, source: Windows, since: datetime, until: datetime) -> Outcome:
        """Sum up. `settings` are those of the question: here every mode was `observe`."""
        began = self._began or until
        with self._store.read() as tx:
            told = [e for e in reversed(events.history(tx, limit=MOST_TOLD)) if e.at >= began]
            proposals = list(self._proposed(tx, settings, began))
        allowed = settings.drift.false_alarms_per_year * ((until - since) / YEAR)
        read = self._windows & source.read
        return Outcome(
            endpoint=settings.name,
            since=since,
            until=until,
            windows=len(self._windows),
            stored=len(self._windows - read),
            episodes=self._told.all_episodes(began),
            decisions=self._told.decisions,
            proposed=proposals,
            told=[e for e in told if e.severity is not Severity.INFO],
            budget=Budget(settings.drift.false_alarms_per_year, allowed, self._told.alarms, self._told.answers),
            notes=[*source.notes, *filter(None, [self._labels.note])],
        )

    def _proposed(self, tx: Tx, settings: EndpointSettings, since: datetime) -> Iterator[Proposed]:
        for one in reversed(remediations.history(tx, limit=MOST_TOLD)):
            if one.updated_at >= since:
                yield proposed(one, settings.mode.of(one.remedy), self._let_through.get(one.id))
