"""Latency under load: the same requests to challenger and champion in turn, several at a time."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from statistics import median

from daemon.ports import Serving
from daemon.remediate.journal import Outcome, Seen
from detectors import exceedance, latency

QUANTILES = (0.50, 0.95, 0.99)
"""Those that the watch judges. With few requests only the median can be certain of anything."""
ALPHA = 1e-4
"""How often a challenger that is as fast as its champion may be refused by chance: once in ten thousand promotions."""
LONGEST = timedelta(minutes=1)
"""So long it may take, by what the answers themselves took; what was answered by then is judged."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What one version answered."""

    ms: tuple[float, ...] = ()
    """Milliseconds of each request that was granted."""
    refused: tuple[int, ...] = ()
    """Status of each that was not."""

    @property
    def asked(self) -> int:
        return len(self.ms) + len(self.refused)


def send(
    serving: Serving,
    endpoint: str,
    entities: Sequence[str],
    payload: Mapping[str, object],
    *,
    requests: int,
    at_once: int,
    longest: timedelta = LONGEST,
) -> list[Answers]:
    """Send so many requests to each entity, one to each in turn, and return what each answered.

    They go out in rounds of `at_once`, so that all entities answer under the same load in the same moments, and no
    round begins once the slowest answers of those before have used up the time.
    """
    turns = list(entities) * requests
    answers: list[tuple[str, int, float]] = []
    took = 0.0
    with ThreadPoolExecutor(at_once) as pool:
        while len(answers) < len(turns) and took < longest.total_seconds() * 1000:
            batch = turns[len(answers) : len(answers) + at_once]
            found = list(pool.map(lambda entity: (entity, *serving.query(endpoint, entity, payload)), batch))
            answers += found
            took += max(ms for _, _, ms in found)
    return [_of(entity, answers) for entity in entities]


def judge(challenger: Answers, champion: Answers, *, tolerance: float) -> Seen:
    """Hold the challenger's answers against the champion's. Pure.

    A refusal fails it, whoever refused: what one of them does not answer cannot be compared. It is too slow where a
    quantile has risen by more than the tolerance for certain; where that is not certain, it passes.
    """
    for who, answers in (("challenger", challenger), ("champion", champion)):
        if answers.refused:
            told = f"the {who} refused {len(answers.refused)} of {answers.asked} requests ({answers.refused[0]})"
            return Seen(Outcome.FAILED, told)
    if not challenger.ms or not champion.ms:
        return Seen(Outcome.FAILED, "nothing was answered")
    now, before = latency.count(challenger.ms), latency.count(champion.ms)
    told = (
        f"{len(challenger.ms)} requests under load: median {median(challenger.ms):.0f} ms, "
        f"the champion's {median(champion.ms):.0f} ms"
    )
    for q in QUANTILES:
        found = exceedance.measure(now, before, q=q, tolerance=tolerance, alpha=ALPHA / len(QUANTILES))
        if found.lower > found.allowed:
            more = f"p{q * 100:.0f} is certainly over {found.threshold_ms:.0f} ms, more than {tolerance:.0%} slower"
            return Seen(Outcome.FAILED, f"{told}; {more}")
    return Seen(Outcome.DONE, told)


def _of(entity: str, answers: Sequence[tuple[str, int, float]]) -> Answers:
    mine = [(status, ms) for name, status, ms in answers if name == entity]
    return Answers(
        ms=tuple(ms for status, ms in mine if status < 400),
        refused=tuple(status for status, _ in mine if status >= 400),
    )
