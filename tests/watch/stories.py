"""Findings and trails in a line or two, for tests that tell a story window by window."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from daemon.config.detection import Decide
from daemon.domain.finding import Against, Check, Finding, Reason, Statistic, Verdict
from daemon.domain.trail import Phase, Trail
from daemon.domain.window import Window
from daemon.watch.trail import follow

START = datetime(2026, 3, 1, tzinfo=UTC)
LENGTH = timedelta(minutes=15)
NEVER_STALE = timedelta(days=9999)
LETTERS = {
    "h": (Verdict.HEALTHY, 0.02),
    "m": (Verdict.HEALTHY, 0.09),  # within the threshold, and not well below it
    "b": (Verdict.BREACH, 0.3),
    "i": (Verdict.INCONCLUSIVE, 0.11),
    "n": (Verdict.NO_DATA, None),
}
ERRORS = Check(Statistic.ERRORS_5XX)
DRIFT = Check(Statistic.KS, "distance")


def window(n: int) -> Window:
    return Window(START + n * LENGTH, START + (n + 1) * LENGTH)


def finding(
    letter: str,
    n: int = 0,
    *,
    check: Check = ERRORS,
    version: int = 1,
    against: Against = Against.BASELINE,
    against_version: int | None = None,
    endpoint: str = "flights",
) -> Finding:
    verdict, statistic = LETTERS[letter]
    return Finding(
        endpoint,
        version,
        check,
        window(n),
        verdict,
        Reason.CERTAINLY_BEYOND if verdict is Verdict.BREACH else Reason.WITHIN_TOLERANCE,
        1000,
        statistic,
        0.2 if verdict is Verdict.BREACH else 0.0,
        0.1,
        against,
        against_version,
    )


def lived(letters: str, rule: Decide, *, stale_after: timedelta = NEVER_STALE, **about: object) -> Trail:
    """Return the trail after windows with these verdicts, one a letter; a dot is a window of which nothing is known."""
    found = [finding(x, n, **about) for n, x in enumerate(letters) if x != "."]  # type: ignore[arg-type]
    return next(iter(follow({}, found, rule, stale_after=stale_after).values()))


def firing(check: Check = ERRORS, **about: object) -> Trail:
    trail = lived("bbb", Decide(breaches=3, of=5), check=check, **about)  # type: ignore[arg-type]
    assert trail.phase is Phase.FIRING
    return trail


def phases(letters: str, rule: Decide, *, stale_after: timedelta = NEVER_STALE) -> Iterable[Phase]:
    """Yield the phase after each window."""
    for n in range(1, len(letters) + 1):
        yield lived(letters[:n], rule, stale_after=stale_after).phase
