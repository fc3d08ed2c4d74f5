"""`make faults`: every promise tried, a table of what held, and the same as build/faults.json.

`python -m tests.faults [--short] [--promise P2] [--only WORDS] [--at-once N]` ends with 1 where anything did not hold.
"""

import argparse
import sys
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from tests.faults.ground import Ground
from tests.faults.promises import PROMISES, all_cases
from tests.faults.report import Report, wanted
from tests.faults.run import AT_ONCE, run

OUTPUT = Path("build/faults.json")


def main() -> int:
    """Try everything that was asked for."""
    options = _options()
    console, report = Console(), Report()
    tried = wanted(all_cases(), promises=frozenset(options.promise), short=options.short)
    stopped = False
    columns = (TextColumn("{task.description:50.50}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Ground() as ground, Progress(*columns, console=console, transient=True) as bar:
        line = bar.add_task("getting ready", total=None)

        def tell(what: str, why: str, done: int, of: int) -> None:
            bar.update(line, description=what, completed=done, total=of or None)
            if why:
                console.print(f"did not hold: {what}\n  {why}\n", markup=False, highlight=False)

        try:
            run(tried, ground, report, only=options.only, at_once=options.at_once, tell=tell)
        except KeyboardInterrupt:
            console.print("stopped before the end: what follows is what was tried until then", style="yellow")
            report.forget_untried()
            stopped = True
    console.print(_table(report))
    for row in report.rows:
        for name, why in row.broken.items():
            console.print(
                f"{row.promise}/{row.tried}/{name}\n  {why[:300]}\n", markup=False, highlight=False, style="red"
            )
    report.write(OUTPUT)
    console.print(f"written to {OUTPUT}")
    return 130 if stopped else 0 if report.held else 1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--short", action="store_true", help="the part that `make test` runs")
    parser.add_argument("--promise", action="append", default=[], choices=list(PROMISES), help="only this one")
    parser.add_argument("--only", default="", help="only cases with these words in promise/tried/name")
    parser.add_argument("--at-once", type=int, default=AT_ONCE, help="cases under way at the same time")
    return parser.parse_args()


def _table(report: Report) -> Table:
    table = Table(title="What was tried, and what held")
    for name in ("promise", "what was tried"):
        table.add_column(name, overflow="fold")
    for name in ("cases tried", "cases held", "seconds"):
        table.add_column(name, justify="right")
    promise = ""
    for row in report.rows:
        words = "" if row.promise == promise else f"{row.promise} {PROMISES[row.promise]}"
        promise = row.promise
        more = "".join(f"; {number:,} {noun}" for noun, number in row.numbers.items())
        style = "" if row.held == row.cases else "bold red"
        seconds = f"{row.seconds:,.0f}"
        table.add_row(words, row.tried + more, str(row.cases), str(row.held), seconds, style=style)
    cases, held = (sum(getattr(row, name) for row in report.rows) for name in ("cases", "held"))
    table.add_section()
    table.add_row("", "all together", str(cases), str(held), "")
    return table


if __name__ == "__main__":
    sys.exit(main())
