"""mlsteward under test: the daemon's own pure code over profiles, with a history learnt as the daemon learns it.

What stands here is only what the loop around it does: count a window, keep the last ones, learn when it is due.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from daemon.config.detection import BaselineSettings, Watch
from daemon.config.endpoint import EndpointSettings
from daemon.config.remedies import Promote, Rollback
from daemon.domain.baseline import Baseline
from daemon.domain.finding import Finding, Verdict
from daemon.domain.history import History
from daemon.domain.profile import Coverage, Health, Profile
from daemon.domain.sample import Batch, CategoricalColumn, NumericColumn
from daemon.domain.schema import Column, Kind, Signature
from daemon.domain.window import Window
from daemon.watch import history
from daemon.watch.baseline import from_batches
from daemon.watch.columns import TypedColumn
from daemon.watch.drift import drift
from daemon.watch.profile import count
from daemon.watch.scales import every_scale
from tests.benchmarks.detection import rows as held
from tests.benchmarks.detection.drifts import HORIZON
from tests.benchmarks.detection.rows import Rows
from tests.benchmarks.detection.worlds import World

Alarms = NDArray[np.bool_]

ENDPOINT, VERSION, BASELINE_ID = "endpoint", 1, 1
BASELINE_ROWS = BaselineSettings().rows
WORDS = tuple(f"value_{code}" for code in range(128))


def settings_of(window: timedelta, **sections: object) -> EndpointSettings:
    """Return the defaults, but for the length of a window, and for timeouts that have to be longer than that."""
    long = 100 * window
    plain: dict[str, object] = {
        "watch": Watch(window=window),
        "rollback": Rollback(timeout=long),
        "promote": Promote(timeout=long),
        **sections,
    }
    return EndpointSettings.model_validate({"name": ENDPOINT, "table": "t", "model": "m", **plain})


def sampled(rows: Rows, rng: np.random.Generator) -> NDArray[np.int64]:
    """Return which rows of a baseline all compare with."""
    return rng.permutation(int(rows.ends[-1]))[:BASELINE_ROWS].astype(np.int64)


@dataclass(slots=True)
class Cost:
    """CPU seconds, and what they were for."""

    count_s: float = 0.0
    look_s: float = 0.0
    learn_s: float = 0.0
    counted: int = 0
    looks: int = 0
    learnt: int = 0

    def each(self) -> tuple[float, float, float]:
        """Return the milliseconds of counting a window, of looking at it, and of learning."""
        pairs = ((self.count_s, self.counted), (self.look_s, self.looks), (self.learn_s, self.learnt))
        count, look, learn = (1e3 * seconds / max(1, times) for seconds, times in pairs)
        return count, look, learn


@dataclass(slots=True)
class Steward:
    """One endpoint under watch: what a look leaves behind for the next."""

    world: World
    settings: EndpointSettings
    baseline: Baseline
    history: History | None = None
    windows: list[Profile] = field(default_factory=list)
    calm: list[Profile] = field(default_factory=list)
    troubled: bool = False
    cost: Cost = field(default_factory=Cost)
    """Shared by all that start from the same baseline."""

    def reads(self, part: Rows, first: int) -> Iterator[tuple[int, Profile]]:
        """Count windows of which the first is the world's so many-th. One without a row leaves no profile."""
        typed = {name: _typed(column) for name, column in part.columns.items()}
        for number, (start, end) in enumerate(zip(part.starts, part.ends, strict=True)):
            if end > start:
                began = time.process_time()
                counts = {
                    n: count(self.baseline.columns[n].bins, _cut(c, int(start), int(end))) for n, c in typed.items()
                }
                begin = self.world.start + (first + number) * self.world.window
                window, rows = Window(begin, begin + self.world.window), int(end - start)
                found = Profile(
                    ENDPOINT, VERSION, window, Health(rows), Coverage(rows, rows, rows, rows), BASELINE_ID, counts
                )
                self.cost.count_s += time.process_time() - began
                self.cost.counted += 1
                yield number, found

    def passes(self, one: Profile) -> None:
        """Let a calm window pass, and learn if it is due."""
        self._keep(one)
        self.calm.append(one)
        now = one.window.end
        since = self.calm[0].window.start
        if not self.troubled and history.due(self.history, len(self.calm), self.settings, since=since, now=now):
            began = time.process_time()
            self.history = history.learn(self.calm[-history.MOST :], self.baseline, self.settings) or self.history
            self.cost.learn_s += time.process_time() - began
            self.cost.learnt += 1

    def looks_at(self, one: Profile) -> list[Finding]:
        """Judge the newest window, and remember it."""
        began = time.process_time()
        found = drift([*self.windows, one], self.baseline, self.history, self.settings)
        self.cost.look_s += time.process_time() - began
        self.cost.looks += 1
        self.troubled = any(f.verdict is Verdict.BREACH for f in found)
        if self.troubled:
            # what may be drift is not what a version does by itself
            self._keep(one)
        else:
            self.passes(one)
        return found

    def _keep(self, one: Profile) -> None:
        self.windows = [*self.windows[-(every_scale(self.settings)[-1] - 1) :], one]


def watching(world: World, settings: EndpointSettings, baseline_rows: Rows, sample: NDArray[np.int64]) -> Steward:
    """Return a steward that has seen the weeks of the baseline pass, and learnt from them."""
    found = Steward(world, settings, _baseline(world, baseline_rows, sample))
    for _, one in found.reads(baseline_rows, 0):
        found.passes(one)
    return found


def judge(steward: Steward, part: Rows, first: int) -> tuple[Alarms, Alarms]:
    """Look at windows, one after the other. Return what acts and what warns, shape (windows, columns by name)."""
    names = sorted(part.columns)
    act, warn = (np.zeros((part.windows, len(names)), dtype=bool) for _ in range(2))
    for number, one in steward.reads(part, first):
        for f in steward.looks_at(one):
            place = names.index(f.check.column)
            act[number, place] |= f.verdict is Verdict.BREACH
            warn[number, place] |= f.warns or f.verdict is Verdict.BREACH
    return act, warn


def follow(steward: Steward, part: Rows, column: str) -> tuple[Alarms, Alarms]:
    """Look at the windows after a column began to drift, until it is acted upon; both of shape (windows,)."""
    act, warn = (np.zeros(HORIZON, dtype=bool) for _ in range(2))
    seen = replace(steward, windows=list(steward.windows), calm=list(steward.calm))
    first = steward.world.baseline_weeks * (timedelta(days=7) // steward.world.window)
    for number, one in seen.reads(part, first):
        mine = [f for f in seen.looks_at(one) if f.check.column == column]
        act[number] = any(f.verdict is Verdict.BREACH for f in mine)
        warn[number] = act[number] or any(f.warns for f in mine)
        if act[number]:
            break
    return act, warn


def _baseline(world: World, baseline_rows: Rows, sample: NDArray[np.int64]) -> Baseline:
    columns = {name: _typed(column) for name, column in baseline_rows.taken(sample).items()}
    kinds = {n: Kind.NUMERIC if isinstance(c, NumericColumn) else Kind.CATEGORICAL for n, c in columns.items()}
    signature = Signature(tuple(Column(name, kind) for name, kind in kinds.items()), ())
    batch = Batch(np.zeros(len(sample), np.int32), columns)
    made = from_batches(
        [batch],
        signature,
        endpoint=ENDPOINT,
        version=VERSION,
        source=world.name,
        rows=BASELINE_ROWS,
        now=world.start,
    )
    return replace(made, id=BASELINE_ID)


def _typed(column: held.Column) -> TypedColumn:
    if column.dtype.kind == "f":
        null = np.isnan(column)
        return NumericColumn(np.where(null, 0.0, column), null)
    return CategoricalColumn(column.astype(np.int32), WORDS)


def _cut(column: TypedColumn, start: int, end: int) -> TypedColumn:
    if isinstance(column, NumericColumn):
        return NumericColumn(column.values[start:end], column.null[start:end])
    return CategoricalColumn(column.codes[start:end], column.dictionary)
