"""Nouns in, tables out. Widths follow the terminal; without one, lines are as long as they need to be."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from rich.console import Console
from rich.table import Table

WIDE = 200
"""Columns where nobody looks at a terminal: a log file or a pipe must not be cut."""


def console() -> Console:
    return Console(width=None if sys.stdout.isatty() else WIDE, highlight=False)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table, or that there is nothing to show."""
    shown = [[cell(value) for value in row] for row in rows]
    if not shown:
        console().print(f"{title}: nothing")
        return
    grid = Table(title=title, title_justify="left", title_style="bold", box=None, header_style="bold", pad_edge=False)
    for column in columns:
        grid.add_column(column, overflow="fold")
    for row in shown:
        grid.add_row(*row)
    console().print(grid)


def pairs(title: str, values: Mapping[str, object]) -> None:
    """Print names and values, one a line."""
    console().print(f"[bold]{title}[/bold]")
    width = max(map(len, values), default=0)
    for name, value in values.items():
        console().print(f"  {name:<{width}}  {cell(value)}", markup=False)


def cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return str(value)


def length(time: timedelta) -> str:
    """Write a stretch of time in the largest unit of which it is a whole number: `15 min`, `3 h`, `90 s`."""
    seconds = time.total_seconds()
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"
