"""`make bench-detection`: false alarms, delays and costs of mlsteward and its peers, in one run, on the same windows.

`python -m tests.benchmarks.detection [--quick] [--cells WORDS ...] [--weeks N] [--starts N] [--minutes N]
[--without-peers]`
"""

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import asdict, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from tests.benchmarks.detection.compared import lost, missed, standings, uncompared
from tests.benchmarks.detection.contenders import CONTENDERS, ROOT, Answer, Contender, Job, installed
from tests.benchmarks.detection.plan import FULL, QUICK, Planted, Size, Still, cells
from tests.benchmarks.detection.results import Results
from tests.benchmarks.detection.run import Asked, Watched, judged, watch, written
from tests.benchmarks.detection.table import show

OUTPUT = ROOT / "build" / "detection.json"
FILES = ROOT / "build" / "detection"
AT_ONCE = 2

Cells = Mapping[str, Still | Planted]


def main() -> None:
    """Judge everything that was asked for."""
    options = _options()
    console = Console(width=None if sys.stdout.isatty() else 230)
    size = _size(options)
    still, drifting = cells(size, options.cells)
    columns = (TextColumn("{task.description:60.60}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        line = bar.add_task("getting ready", total=None)
        pythons = {} if options.without_peers else installed(CONTENDERS, lambda d: bar.update(line, description=d))
        here = [c for c in CONTENDERS if isinstance(pythons.get(c.name), Path)]
        results = _run(
            still,
            drifting,
            here,
            pythons,
            options.minutes and 60 * options.minutes,
            lambda what, done, of: bar.update(line, description=what, completed=done, total=of),
        )
    shutil.rmtree(FILES, ignore_errors=True)
    show(console, results, still, drifting, here)
    for contender in CONTENDERS if not options.without_peers else ():
        if contender not in here:
            console.print(f"{contender.name} is not part of this: {pythons[contender.name]}", markup=False)
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps(_told(size, results, still, drifting, here), indent=1), encoding="utf-8")
    console.print(f"written to {OUTPUT}")


def _run(
    still: Sequence[Still],
    drifting: Sequence[Planted],
    contenders: Sequence[Contender],
    pythons: Mapping[str, Path | str],
    seconds: float | None,
    tell: Callable[[str, int, int | None], None],
) -> Results:
    asked: dict[str, Still | Planted] = {c.name: c for c in still if c.peer_weeks}
    asked |= {c.name: c for c in drifting}
    FILES.mkdir(parents=True, exist_ok=True)
    # a process that was forked beside the thread of the progress bar might wait for its locks
    with ProcessPoolExecutor(AT_ONCE, mp_context=get_context("spawn")) as pool:
        waiting: dict[Future[Any], str] = {}
        everything: list[Still | Planted] = [*still, *drifting]
        for cell in sorted(everything, key=_cost, reverse=True):
            waiting[pool.submit(watch, cell)] = f"mlsteward: {cell.name}"
        if contenders:
            jobs = [written(cell, FILES) for cell in asked.values()]
            for contender in contenders:
                for batch in _batches(jobs, asked):
                    python = Path(pythons[contender.name])
                    waiting[pool.submit(judged, contender, python, batch)] = f"{contender.name}: {batch[0].name} ..."
        try:
            for done, future in enumerate(as_completed(waiting, timeout=seconds), start=1):
                tell(waiting[future], done, len(waiting))
                # what went wrong is told now, and not when all is done
                future.result()
        except TimeoutError:
            pool.shutdown(wait=True, cancel_futures=True)
    return _taken_in(waiting, asked)


def _taken_in(waiting: Mapping[Future[Any], str], asked: Cells) -> Results:
    results = Results()
    answers: dict[str, dict[str, Answer]] = {}
    for future, name in waiting.items():
        if future.cancelled():
            results.unfinished.append(name)
            continue
        found: Watched | Asked = future.result()
        if isinstance(found, Watched):
            results.add_watched(found)
        else:
            results.add_asked(found, asked)
            answers.setdefault(found.contender, {}).update(found.answers)
    for name, mine in answers.items():
        results.sweep(name, mine, asked)
    return results


def _batches(jobs: Sequence[Job], cells: Cells) -> list[list[Job]]:
    """Put jobs of equal windows together: a peer takes seconds to wake up, and reads a baseline once."""
    found: dict[tuple[bool, int], list[Job]] = {}
    for job in jobs:
        found.setdefault((isinstance(cells[job.name], Planted), cells[job.name].rows), []).append(job)
    return [sorted(batch, key=lambda job: job.reference) for batch in found.values()]


def _cost(cell: Still | Planted) -> float:
    if isinstance(cell, Planted):
        return cell.starts
    return cell.weeks * (10 if cell.seasonal else 1)


def _told(
    size: Size, results: Results, still: Sequence[Still], drifting: Sequence[Planted], here: Sequence[Contender]
) -> dict[str, Any]:
    rules = [contender.name for contender in here]
    return {
        "size": asdict(size),
        "peers": {c.name: {"requirements": c.peer.requirements, "rule": c.rule} for c in here},
        "drifts": {c.name: {"distance": c.drift.distance, "stated": c.drift.stated} for c in drifting},
        "false_alarms": [asdict(row) for row in results.still],
        "delays": [asdict(row) for row in results.planted],
        "swept": results.swept,
        "cpu_ms": results.cpu_ms,
        "standings": [asdict(one) for one in standings(results, drifting, rules)],
        "missed": missed(results, drifting),
        "lost": lost(results, still, drifting),
        "failed": results.failed,
        "uncompared": uncompared(results, still, drifting),
        "unfinished": results.unfinished,
    }


def _size(options: argparse.Namespace) -> Size:
    size = QUICK if options.quick else FULL
    if options.weeks is not None:
        size = replace(size, weeks=options.weeks, peer_weeks=min(size.peer_weeks, options.weeks))
    return size if options.starts is None else replace(size, starts=options.starts)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.detection", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="minutes instead of more than half an hour")
    parser.add_argument("--cells", nargs="*", default=[], help="only cells with one of these words in their names")
    parser.add_argument("--weeks", type=int, help="weeks that mlsteward watches in each simulated world")
    parser.add_argument("--starts", type=int, help="how often each drift is planted")
    parser.add_argument("--minutes", type=float, help="what has not begun by then is left out, and named")
    parser.add_argument("--without-peers", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
