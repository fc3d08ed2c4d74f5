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
LETTERS = {"h": Verdict.HEALTHY, "b": Verdict.BREACH, "i": Verdict.INCONCLUSIVE, "n": Verdict.NO_DATA}
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
    verdict = LETTERS[letter]
    return Finding(
        endpoint,
        version,
        check,
        window(n),
        verdict,
        Reason.CERTAINLY_BEYOND if verdict is Verdict.BREACH else Reason.WITHIN_TOLERANCE,
        1000,
        0.3,
        0.2 if verdict is Verdict.BREACH else 0.0,
        0.1,
        against,
        against_version,
    )


def lived(letters: str, rule: Decide, **about: object) -> Trail:
    """Return the trail after windows with these verdicts, one a letter."""
    found = [finding(letter, n, **about) for n, letter in enumerate(letters)]  # type: ignore[arg-type]
    return next(iter(follow({}, found, rule).values()))


def firing(check: Check = ERRORS, **about: object) -> Trail:
    trail = lived("bbb", Decide(breaches=3, of=5), check=check, **about)
    assert trail.phase is Phase.FIRING
    return trail


def phases(letters: str, rule: Decide) -> Iterable[Phase]:
    """Yield the phase after each window."""
    for n in range(1, len(letters) + 1):
        yield lived(letters[:n], rule).phase
