"""Did it help? Only windows that the watch loop has judged since can say. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from daemon.domain.finding import Verdict
from daemon.domain.window import Window
from daemon.remediate.journal import Outcome, Seen


@dataclass(frozen=True, slots=True)
class Judged:
    """One window of one version, as the watch loop judged its health."""

    window: Window
    verdict: Verdict
    requests: int


def verify(windows: Sequence[Judged], *, healthy: int, requests: int, breaches: int) -> Seen:
    """Hold the windows since a change against what was asked for.

    Done: `healthy` healthy windows in a row at the end, with `requests` requests in all. Unfit: `breaches` windows in
    breach. Inconclusive windows and silence do neither: they wait.
    """
    bad = sum(w.verdict is Verdict.BREACH for w in windows)
    seen = sum(w.requests for w in windows)
    run = 0
    for one in sorted(windows, key=lambda w: w.window):
        if one.verdict.valid:
            run = run + 1 if one.verdict is Verdict.HEALTHY else 0
    numbers = {"healthy_windows": run, "breaches": bad, "requests": seen}
    if bad >= breaches:
        return Seen(Outcome.UNFIT, f"{bad} of {len(windows)} windows in breach", numbers)
    if run >= healthy and seen >= requests:
        return Seen(Outcome.DONE, f"{run} healthy windows in a row, {seen} requests", numbers)
    return Seen(Outcome.WAIT, f"{run} of {healthy} healthy windows, {seen} of {requests} requests", numbers)
