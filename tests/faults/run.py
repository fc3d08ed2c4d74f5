"""Runs cases, several at a time: most of what they do is to wait for a daemon."""

import subprocess
import sys
import time
import traceback
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from os import environ
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.faults.ground import Ground
from tests.faults.report import Case, Family, NotReachedError, Numbers, Report, Tests, Tried

AT_ONCE = 5
"""On two cores, the most that leaves every daemon time to keep its own appointments."""
LONGEST = 4_000
"""Characters of a reason that are kept."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a case: it held where there is no `why`."""

    why: str
    seconds: float
    numbers: Numbers
    reached: bool = True


Tell = Callable[[str, str, int, int], None]
"""Told what was just tried, why it did not hold (empty: it did), how many cases are done, and how many there are."""


def run(tried: Sequence[Tried], ground: Ground, report: Report, *, only: str, at_once: int, tell: Tell) -> None:
    """Try everything whose name has the words `only` in it."""
    for one in tried:
        if not isinstance(one, Family):
            report.row(one.promise, one.tried)
    with ThreadPoolExecutor(at_once) as pool:
        cases = [c for c in _known(tried, ground, report, pool) if only in c.id]
        try:
            for n, (case, result) in enumerate(_results(cases, ground, pool), start=1):
                row = report.row(case.promise, case.tried)
                if result.reached:
                    row.count(case.name, result.why, result.seconds, result.numbers)
                else:
                    row.pass_over()
                tell(case.id, result.why if result.reached else "", n, len(cases))
        except KeyboardInterrupt:
            ground.given_up.set()
            pool.shutdown(cancel_futures=True)
            raise
    # pytest has workers of its own, and wants the machine for itself
    for tests in (t for t in tried if isinstance(t, Tests) and only in f"{t.promise}/{t.tried}"):
        tell(tests.tried, "", 0, 0)
        count_tests(tests, report)
    report.forget_untried()


def _results(cases: Sequence[Case], ground: Ground, pool: ThreadPoolExecutor) -> Iterator[tuple[Case, Result]]:
    """Yield each result as it comes: those of the cases that may run side by side, then of those that must not."""
    running = {pool.submit(attempt, case, ground): case for case in cases if not case.alone}
    for done in as_completed(running):
        yield running[done], done.result()
    for case in cases:
        if case.alone:
            yield case, attempt(case, ground)


def attempt(case: Case, ground: Ground) -> Result:
    """Run one case."""
    began = time.monotonic()
    try:
        numbers = case.run(ground) or {}
    except NotReachedError as error:
        return Result(str(error), time.monotonic() - began, {}, reached=False)
    except Exception as error:
        return Result(_told(error)[:LONGEST], time.monotonic() - began, {})
    return Result("", time.monotonic() - began, numbers)


def _told(error: BaseException) -> str:
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(last.filename).name}:{last.lineno} ({last.line}): {error}"


def count_tests(tests: Tests, report: Report) -> None:
    """Run pytest tests, and count each as a case."""
    row = report.row(tests.promise, tests.tried)
    with TemporaryDirectory() as folder:
        found = Path(folder) / "tests.xml"
        words = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-n",
            "2",
            "--dist",
            "loadfile",
            f"--junitxml={found}",
            *tests.nodes,
        ]
        ended = subprocess.run(words, env={**environ, **tests.environment}, capture_output=True, text=True, check=False)
        if not found.exists() or ended.returncode not in (0, 1):
            row.count("pytest itself", ended.stdout[-LONGEST:] + ended.stderr[-LONGEST:], 0.0)
            return
        for case in ET.parse(found).iter("testcase"):
            if case.find("skipped") is None:
                wrong = case.find("failure") if case.find("failure") is not None else case.find("error")
                why = "" if wrong is None else (wrong.get("message") or wrong.text or "failed")[:LONGEST]
                row.count(f"{case.get('classname')}.{case.get('name')}", why, float(case.get("time") or 0))


def _known(tried: Sequence[Tried], ground: Ground, report: Report, pool: ThreadPoolExecutor) -> Iterator[Case]:
    """Yield all cases, those of families after a look; a family whose look fails counts as a case that did not hold."""
    looks: dict[int, Future[list[Case]]] = {
        n: pool.submit(lambda family: list(family.members(ground)), one)
        for n, one in enumerate(tried)
        if isinstance(one, Family)
    }
    for n, one in enumerate(tried):
        if isinstance(one, Case):
            yield one
        elif isinstance(one, Family):
            try:
                yield from looks[n].result()
            except Exception as error:
                report.row(one.promise, one.tried).count(
                    f"the look at it ({n})", f"{type(error).__name__}: {error}", 0.0
                )
