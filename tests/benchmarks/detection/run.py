"""The work, cut into tasks that processes share: files for the peers, peers, and mlsteward."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from daemon.config.detection import BaselineSettings
from tests.benchmarks.detection import steward
from tests.benchmarks.detection.contenders import Answer, Contender, Job, ask
from tests.benchmarks.detection.plan import Planted, Still, baseline_of, per_week, sampling, starts, world_of
from tests.benchmarks.detection.rows import Rows, joined

Alarms = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Watched:
    """What mlsteward said in a cell: of a still one (windows, columns), of a planted one (starts, windows)."""

    cell: Still | Planted
    act: Alarms
    warn: Alarms
    count_ms: float
    look_ms: float
    """CPU time of a window, counting it and judging it."""
    learn_ms: float
    """CPU time of learning a history, once each time the number of calm windows has doubled."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a peer said in some cells, by their names; or why it said nothing."""

    contender: str
    answers: dict[str, Answer] = field(default_factory=dict)
    failed: str = ""


def watch(cell: Still | Planted) -> Watched:
    """Let mlsteward look at every window of a cell."""
    seasonal = isinstance(cell, Still) and cell.seasonal
    world = world_of(cell)
    baseline = baseline_of(world)
    settings = steward.settings_of(world.window, baseline=BaselineSettings(kind="seasonal" if seasonal else "training"))
    one = steward.watching(world, settings, baseline, steward.sampled(baseline, sampling()))
    if isinstance(cell, Planted):
        found = [steward.follow(one, rows, cell.drift.column) for rows in starts(cell)]
        act, warn = np.stack([a for a, _ in found]), np.stack([w for _, w in found])
    else:
        weeks = range(world.baseline_weeks, world.baseline_weeks + cell.weeks)
        found = [steward.judge(one, world.week(week), week * per_week(world)) for week in weeks]
        act, warn = np.concatenate([a for a, _ in found]), np.concatenate([w for _, w in found])
    return Watched(cell, act, warn, *one.cost.each())


def written(cell: Still | Planted, folder: Path) -> Job:
    """Write what the peers judge: the baseline once for each world, and the windows. Of a drift, its column alone."""
    world = world_of(cell)
    known = folder / f"{world.name}-{getattr(cell, 'rows', 0)}-baseline.npz".replace(" ", "_")
    if not known.exists():
        baseline = baseline_of(world)
        baseline.save(known, sample=steward.sampled(baseline, sampling()))
    if isinstance(cell, Planted):
        column = cell.drift.column
        rows = joined([Rows({column: one.columns[column]}, one.ends) for one in starts(cell)])
    else:
        rows = joined([world.week(world.baseline_weeks + week) for week in range(cell.peer_weeks)])
    plain = "".join(c if c.isalnum() else "_" for c in cell.name)
    return Job(cell.name, known, rows.save(folder / f"{plain}.npz"), folder / f"{plain}-answer.npz")


def judged(contender: Contender, python: Path, jobs: Sequence[Job]) -> Asked:
    """Let a peer judge some cells. What makes it fail is told, and does not end the benchmark."""
    plain = "".join(c if c.isalnum() else "_" for c in contender.name)
    mine = [Job(j.name, j.reference, j.current, j.answer.with_name(f"{plain}-{j.answer.name}")) for j in jobs]
    try:
        return Asked(contender.name, ask(contender, python, mine))
    except (RuntimeError, OSError) as error:
        return Asked(contender.name, failed=str(error))
