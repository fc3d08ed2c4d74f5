"""What is printed: false alarms, delays, what a window costs, and who is ahead. Lost cells as plainly as won ones."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from tests.benchmarks.detection.compared import lost, missed, standings, uncompared
from tests.benchmarks.detection.contenders import Contender
from tests.benchmarks.detection.plan import Planted, Still
from tests.benchmarks.detection.results import ACT, DEFAULT, MATCHED, MATCHED_IID, SEASONAL, WARN, Results

MISSES = {False: "only mlsteward finds it", True: "only the peer finds it"}


def show(
    console: Console, results: Results, still: Sequence[Still], drifting: Sequence[Planted], judged: Sequence[Contender]
) -> None:
    """Print everything."""
    rules = [contender.name for contender in judged]
    console.print(_false_alarms(results, still, rules))
    for threshold in (DEFAULT, MATCHED, MATCHED_IID):
        console.print(_delays(results, drifting, rules, threshold))
    console.print(_costs(results, still, rules))
    _tell_standing(console, results, still, drifting, rules)


def _false_alarms(results: Results, still: Sequence[Still], rules: Sequence[str]) -> Table:
    made = Table(
        title="False alarms by default: hours a year, episodes a year (their 95 % interval)",
        caption="Nothing drifts in these worlds, or nothing that matters: D = 0.02 in the harmless one. In the "
        "flights as they went, what is raised about blizzards and holidays counts as well",
    )
    shown = [ACT, WARN, ACT + SEASONAL, *rules]
    for heading in ("", "years (peers)", *shown):
        made.add_column(heading, justify="left" if not heading else "right")
    for cell in (c for c in still if not c.seasonal):
        numbers = [results.of(results.still, cell.name, rule) for rule in shown]
        known = [n["hours"]["years"] for n in numbers if n]
        years = f"{max(known):.2f} ({min(known):.2f})" if known else ""
        made.add_row(cell.name, years, *(_false(n) for n in numbers))
    return made


def _false(numbers: dict[str, Any] | None) -> str:
    if numbers is None:
        return "-"
    hours, episodes = numbers["hours"], numbers["episodes"]
    if not episodes["count"]:
        return f"0 (<= {episodes['high']:,.1f})"
    return f"{hours['a_year']:,.0f}, {episodes['a_year']:,.0f} ({episodes['low']:,.0f}-{episodes['high']:,.0f})"


def _delays(results: Results, drifting: Sequence[Planted], rules: Sequence[str], threshold: str) -> Table:
    how = "by default" if threshold == DEFAULT else f"peers at a threshold of {threshold}"
    made = Table(
        title=f"Windows until a drift is told of, {how}: median / 90 %, and how many of all were missed",
        caption="D: true distance of the column at the end. *: within the tolerance, to be left alone. "
        "What a rule that alarms all the time finds at once, it did not find",
    )
    for heading in ("", "D", "starts", ACT, WARN, *rules):
        made.add_column(heading, justify="left" if not heading else "right")
    for cell in drifting:
        own = [results.of(results.planted, cell.name, rule) for rule in (ACT, WARN)]
        theirs = [results.of(results.planted, cell.name, rule, threshold) for rule in rules]
        name = cell.name + ("" if cell.drift.stated else " *")
        made.add_row(name, f"{cell.drift.distance:.3f}", str(cell.starts), *(_delay(n) for n in (*own, *theirs)))
    return made


def _delay(numbers: dict[str, Any] | None) -> str:
    if numbers is None:
        return "-"
    if numbers["missed"] == numbers["starts"]:
        return "never"
    parts = ["-" if numbers[part] is None else f"{numbers[part]:.0f}" for part in ("median", "most")]
    return " / ".join(parts) + (f" ({numbers['missed']} missed)" if numbers["missed"] else "")


def _costs(results: Results, still: Sequence[Still], rules: Sequence[str]) -> Table:
    made = Table(title="CPU milliseconds of a window of ten columns (six of flights): counted, judged")
    shown = ["mlsteward", "mlsteward" + SEASONAL, *_with_preset(results, rules), "mlsteward: learn"]
    for heading in ("", *shown):
        made.add_column(heading, justify="left" if not heading else "right")
    for cell in (c for c in still if not c.seasonal):
        costs = results.cpu_ms.get(cell.name, {})
        made.add_row(cell.name, *(f"{costs[name]:,.1f}" if name in costs else "-" for name in shown))
    return made


def _with_preset(results: Results, rules: Sequence[str]) -> Iterator[str]:
    known = {name for costs in results.cpu_ms.values() for name in costs}
    for rule in rules:
        yield rule
        if f"{rule}: its preset" in known:
            yield f"{rule}: its preset"


def _tell_standing(
    console: Console, results: Results, still: Sequence[Still], drifting: Sequence[Planted], rules: Sequence[str]
) -> None:
    acts = [results.of(results.still, c.name, ACT + SEASONAL * c.seasonal) for c in still]
    held = [numbers for numbers in acts if numbers]
    episodes = sum(n["episodes"]["count"] for n in held)
    years = sum(n["hours"]["years"] for n in held)
    _say(
        console, f"False alarms that would have been acted upon: {episodes} in {years:.1f} endpoint-years. To reach: 0."
    )
    for one in standings(results, drifting, rules):
        middle = f"{one.middle:+.0f} windows" if np.isfinite(one.middle) else MISSES[one.middle > 0]
        _say(
            console,
            f"Against {one.rule}, its threshold at {one.threshold}: sooner in {one.ahead} cells, level in {one.level}, "
            f"later in {one.behind}; in the median cell {middle}",
        )
    overlooked = missed(results, drifting)
    _say(console, f"Missed beyond the tolerance: {'; '.join(overlooked) or 'none'}. To reach: none.")
    behind, silent = lost(results, still, drifting), uncompared(results, still, drifting)
    cells = len(drifting) + sum(cell.peer_weeks > 0 for cell in still)
    compared = f"{cells - len(silent)} of {cells} cells have a peer to be compared with"
    _say(console, f"{compared}. mlsteward loses in these ways, {len(behind)} in all:" if behind else f"{compared}.")
    if not behind and len(silent) < cells:
        _say(console, "It loses none of them.")
    for sentence in behind:
        _say(console, f"  {sentence}")
    if silent and len(silent) < cells:
        _say(console, f"Nothing is compared in: {'; '.join(silent)}")
    if results.unfinished:
        _say(console, f"Left out for want of time: {'; '.join(results.unfinished)}")
    for rule, why in results.failed.items():
        _say(console, f"{rule} is left out of some cells: {why}")


def _say(console: Console, sentence: str) -> None:
    console.print(sentence, markup=False, highlight=False, soft_wrap=True)
