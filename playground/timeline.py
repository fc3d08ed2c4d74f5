"""What happened, in order: deeds of the demo, notifications of the daemon, answers to its questions."""

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

WIDE = 150


@dataclass(frozen=True)
class Entry:
    at: datetime
    who: str
    """`demo`, `mlsteward`, or `check`."""
    what: str
    passed: bool | None = None
    """For a check: whether it held."""
    numbers: Mapping[str, object] = field(default_factory=dict)


class Timeline:
    """Prints what happens as it happens, and keeps it."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.began = datetime.now(UTC)
        self.console = Console(width=None if sys.stdout.isatty() else WIDE, highlight=False)

    def deed(self, what: str, **numbers: object) -> None:
        """Note what the demo does."""
        self._add(Entry(datetime.now(UTC), "demo", what, numbers=numbers))

    def told(self, at: datetime, what: str) -> None:
        """Note what the daemon told."""
        self._add(Entry(at, "mlsteward", what))

    def check(self, what: str, passed: bool, **numbers: object) -> bool:
        """Note whether something is as it should be."""
        self._add(Entry(datetime.now(UTC), "check", what, passed, numbers))
        return passed

    @property
    def failed(self) -> Sequence[Entry]:
        return [e for e in self.entries if e.passed is False]

    def write(self, file: Path) -> None:
        """Write the timeline as JSON."""
        rows = [{**asdict(e), "seconds": self._seconds(e)} for e in sorted(self.entries, key=lambda e: e.at)]
        file.write_text(json.dumps({"began": self.began, "entries": rows}, indent=2, default=str) + "\n")

    def show(self) -> None:
        """Print it whole, as a table."""
        grid = Table(box=None, title="The timeline", title_justify="left", header_style="bold", pad_edge=False)
        for column in ("s", "who", "what"):
            grid.add_column(column, overflow="fold", justify="right" if column == "s" else "left")
        for entry in sorted(self.entries, key=lambda e: e.at):
            grid.add_row(f"{self._seconds(entry):.1f}", entry.who, _words(entry), style=STYLE.get(entry.who, ""))
        self.console.print(grid)

    def _add(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.console.print(f"{self._seconds(entry):7.1f} s  {entry.who:<9}  {_words(entry)}", markup=False)

    def _seconds(self, entry: Entry) -> float:
        return round((entry.at - self.began).total_seconds(), 2)


STYLE = {"demo": "cyan", "check": "bold"}


def _words(entry: Entry) -> str:
    mark = {True: "ok: ", False: "NOT SO: ", None: ""}[entry.passed]
    numbers = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in entry.numbers.items())
    return f"{mark}{entry.what}" + (f" ({numbers})" if numbers else "")
