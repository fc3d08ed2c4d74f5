"""What was said, summed up: one row for each rule in each cell, and what follows from them. Plain values, for JSON."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks.detection import tally
from tests.benchmarks.detection.contenders import Answer
from tests.benchmarks.detection.drifts import HORIZON
from tests.benchmarks.detection.plan import IID, Planted, Still, world_of
from tests.benchmarks.detection.run import Asked, Watched

Alarms = NDArray[np.bool_]

ACT, WARN = "mlsteward, act", "mlsteward, warn"
SEASONAL = ", seasonal"
DEFAULT = "default"
MATCHED = "no false alarm in any still world"
MATCHED_IID = "no false alarm in the iid world"
"""How a peer's threshold was set: so high that it would not have alarmed once in the windows that it was given."""
STEPS = 12


@dataclass(frozen=True, slots=True)
class Row:
    """A rule in a cell."""

    cell: str
    rule: str
    threshold: str
    numbers: dict[str, Any]


@dataclass(slots=True)
class Results:
    """All that is known; `still` and `planted` hold rows of `tally.FalseAlarms` and of `tally.Delay`."""

    still: list[Row] = field(default_factory=list)
    planted: list[Row] = field(default_factory=list)
    swept: list[dict[str, Any]] = field(default_factory=list)
    cpu_ms: dict[str, dict[str, float]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    unfinished: list[str] = field(default_factory=list)

    def add_watched(self, found: Watched) -> None:
        """Take in what mlsteward said of a cell."""
        cell = found.cell
        more = SEASONAL if isinstance(cell, Still) and cell.seasonal else ""
        for rule, alarms in ((ACT, found.act), (WARN, found.warn)):
            if isinstance(cell, Planted):
                self.planted.append(Row(cell.name, rule, DEFAULT, asdict(tally.delay(alarms, cell.rows))))
            else:
                self.still.append(Row(cell.name, rule + more, DEFAULT, asdict(_false(cell, alarms))))
        costs = {"count": found.count_ms, "look": found.look_ms, "learn": found.learn_ms}
        self.cpu_ms.setdefault(cell.name, {})["mlsteward" + more] = found.count_ms + found.look_ms
        self.cpu_ms[cell.name] |= {f"mlsteward{more}: {part}": cost for part, cost in costs.items()}

    def add_asked(self, found: Asked, cells: Mapping[str, Still | Planted]) -> None:
        """Take in what a peer said of its cells by default."""
        if found.failed:
            self.failed[found.contender] = found.failed
        for name, answer in found.answers.items():
            cell = cells[name]
            costs = self.cpu_ms.setdefault(name, {})
            costs[found.contender] = answer.cpu_ms
            if answer.preset_cpu_ms is not None:
                costs[f"{found.contender}: its preset"] = answer.preset_cpu_ms
            if isinstance(cell, Planted):
                self.planted.append(Row(name, found.contender, DEFAULT, _delay(cell, answer.alarms)))
            else:
                self.still.append(Row(name, found.contender, DEFAULT, asdict(_false(cell, answer.alarms))))

    def sweep(self, contender: str, answers: Mapping[str, Answer], cells: Mapping[str, Still | Planted]) -> None:
        """Judge a peer's drifts again, with thresholds that it would not have exceeded, and with some that it would."""
        for rows in sorted({c.rows for n, c in cells.items() if n in answers and isinstance(c, Planted)}):
            still = [c for n, c in cells.items() if isinstance(c, Still) and c.rows == rows and n in answers]
            drifting = [c for n, c in cells.items() if isinstance(c, Planted) and c.rows == rows and n in answers]
            for threshold, calm in ((MATCHED, still), (MATCHED_IID, [c for c in still if c.world == IID])):
                highest = [tally.threshold_without(part) for part in _by_kind(calm, answers)]
                for cell in drifting:
                    beyond = _beyond(cell, answers[cell.name], highest)
                    self.planted.append(Row(cell.name, contender, threshold, _delay(cell, beyond)))
            steps = [tally.thresholds(part, STEPS) for part in _by_kind(still, answers)]
            for step in zip(*steps, strict=True):
                self.swept.append(_swept(contender, rows, step, still, drifting, answers))

    def of(self, rows: Sequence[Row], cell: str, rule: str, threshold: str = DEFAULT) -> dict[str, Any] | None:
        """Return the numbers of a rule in a cell."""
        return next((r.numbers for r in rows if (r.cell, r.rule, r.threshold) == (cell, rule, threshold)), None)


def _false(cell: Still, alarms: Alarms) -> tally.FalseAlarms:
    return tally.false_alarms(alarms, world_of(cell).window.total_seconds() / 3600)


def _delay(cell: Planted, alarms: Alarms) -> dict[str, Any]:
    return asdict(tally.delay(alarms.reshape(cell.starts, HORIZON), cell.rows))


def _is_label(cell: Still) -> Alarms:
    """Tell for each column, by name, whether it holds labels: those have tests and thresholds of their own."""
    names = sorted(world_of(cell).week(0).columns)
    return np.array([name in cell.labels for name in names])


def _by_kind(still: Sequence[Still], answers: Mapping[str, Answer]) -> Iterator[NDArray[np.float64]]:
    """Yield the scores of numbers, and those of labels."""
    for labels in (False, True):
        parts = [answers[c.name].scores[:, _is_label(c) == labels].ravel() for c in still]
        yield np.concatenate([np.empty(0), *parts])


def _beyond(cell: Planted, answer: Answer, thresholds: Sequence[float]) -> Alarms:
    beyond: Alarms = answer.scores[:, 0] > thresholds[cell.drift.column.startswith("label")]
    return beyond


def _swept(
    contender: str,
    rows: int,
    thresholds: tuple[float, float],
    still: Sequence[Still],
    drifting: Sequence[Planted],
    answers: Mapping[str, Answer],
) -> dict[str, Any]:
    """Return a point of the curve: what a threshold costs in false alarms, and what in delay."""
    hours = {}
    for cell in still:
        highest = np.where(_is_label(cell), thresholds[1], thresholds[0])
        hours[cell.world] = asdict(_false(cell, answers[cell.name].scores > highest))["hours"]["a_year"]
    delays = {cell.drift.name: _delay(cell, _beyond(cell, answers[cell.name], thresholds)) for cell in drifting}
    return {
        "rule": contender,
        "rows": rows,
        "threshold": {"numbers": thresholds[0], "labels": thresholds[1]},
        "false_alarm_hours_a_year": hours,
        "median_delay": {name: delay["median"] for name, delay in delays.items()},
        "missed": {name: delay["missed"] for name, delay in delays.items()},
    }
