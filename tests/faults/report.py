"""The cases behind the promises, and the table of what was tried and what held.

A module that has cases has a function `cases()`, and its name stands in `tests.faults.promises.MODULES`. It returns a
`Case` for each thing tried by hand, a `Family` where a look must show which there are, and `Tests` where pytest tests
that are there already show a promise.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.faults.ground import Ground


class NotReachedError(Exception):
    """It did not come to what was to be tried: the case counts neither as tried nor as held."""


Numbers = Mapping[str, int]
"""Further counts of a case, such as {"steps": 40000}; they are summed up over the row."""


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that is tried. It holds where `run` returns, and does not where `run` raises, whatever it raises."""

    promise: str
    """`P1` to `P18`, as in `tests.faults.promises.PROMISES`."""
    tried: str
    """What the cases of this row try, in one line: cases with the same words are counted together."""
    name: str
    """This case's own name, unique within the row."""
    run: "Callable[[Ground], Numbers | None]"
    """Given the ground: a playground and a PostgreSQL, started when first asked for."""
    short: bool = False
    """Whether it is part of the short form, which `make test` runs."""
    alone: bool = False
    """Whether it must not run beside others in this process: what it counts is counted for all of it."""

    @property
    def id(self) -> str:
        return f"{self.promise}/{self.tried}/{self.name}"


@dataclass(frozen=True, slots=True)
class Family:
    """Cases that are known only after a look at the ground, such as one for each instant that occurs."""

    promise: str
    tried: str
    members: "Callable[[Ground], Iterable[Case]]"


@dataclass(frozen=True, slots=True)
class Tests:
    """pytest tests that show a promise: each test is a case. One that is skipped is none."""

    __test__ = False
    promise: str
    tried: str
    nodes: tuple[str, ...]
    """As on pytest's command line: files, folders, node ids."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Set for the run, e.g. for a longer form of the same tests."""


@dataclass(slots=True)
class Row:
    """One line of the table."""

    promise: str
    tried: str
    cases: int = 0
    held: int = 0
    seconds: float = 0.0
    numbers: dict[str, int] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    """Of each case that did not hold: why."""

    def pass_over(self) -> None:
        """Note a case that did not come to what it was to try."""
        self.numbers["not_reached"] = self.numbers.get("not_reached", 0) + 1

    def count(self, name: str, why: str, seconds: float, numbers: Numbers | None = None) -> None:
        """Count a case: it held where there is no `why`."""
        self.cases += 1
        self.held += not why
        self.seconds += seconds
        if why:
            self.broken[name] = why
        for noun, number in (numbers or {}).items():
            self.numbers[noun] = self.numbers.get(noun, 0) + number

    def as_json(self) -> dict[str, Any]:
        return {
            "promise": self.promise,
            "what": self.tried,
            "tried": self.cases,
            "held": self.held,
            "seconds": round(self.seconds, 1),
            **({"numbers": self.numbers} if self.numbers else {}),
            **({"broken": self.broken} if self.broken else {}),
        }


class Report:
    """All rows, in the order of their promises."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], Row] = {}

    def row(self, promise: str, tried: str) -> Row:
        return self._rows.setdefault((promise, tried), Row(promise, tried))

    def forget_untried(self) -> None:
        """Drop the rows of which nothing was asked for."""
        self._rows = {key: row for key, row in self._rows.items() if row.cases}

    @property
    def rows(self) -> list[Row]:
        return sorted(self._rows.values(), key=lambda row: int(row.promise.removeprefix("P")))

    @property
    def held(self) -> bool:
        """Whether something was tried, and everything tried held."""
        return bool(self._rows) and all(row.cases and row.held == row.cases for row in self._rows.values())

    def write(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps([row.as_json() for row in self.rows], indent=2) + "\n")


Tried = Case | Family | Tests


def wanted(cases: Iterable[Tried], *, promises: frozenset[str], short: bool) -> list[Tried]:
    """Return what belongs to these promises (none named: to all), and to the short form where that is asked for."""
    mine = [c for c in cases if not promises or c.promise in promises]
    return [c for c in mine if isinstance(c, Case) and c.short] if short else mine
