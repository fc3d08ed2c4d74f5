"""Which scale speaks for a column, and what it says: answers at every scale in, one for each column out. Pure."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daemon.domain.finding import Verdict
from detectors.answers import FEWEST_ROWS, Answer, Answers, Reason


@dataclass(frozen=True, slots=True)
class Spoken:
    scale: NDArray[np.int64]
    """Place of the scale that speaks, shape (columns,)."""
    verdict: tuple[Verdict, ...]


def spoken(answers: Answers, *, clear_below: float) -> Spoken:
    """Choose, for each column, who speaks.

    1. The shortest scale that certifies, unless a shorter one lies well within the tolerance: then it is over.
    2. Otherwise the shortest that has rows enough to tell, of those that do not reach back to what is over.
    3. Where none has, the one with the most rows.
    """
    n, scales, columns = answers.n, np.arange(len(answers.n))[:, None], np.arange(answers.n.shape[1])
    dark = ~n.any(axis=0) | (answers.reason == Reason.EMPTY_BASELINE).any(axis=0)
    calm = (n >= FEWEST_ROWS) & (answers.statistic <= clear_below * answers.threshold)
    found, first = answers.first >= 0, np.maximum(answers.first, 0)
    over = found & (calm & (scales < first)).any(axis=0)
    breach = found & ~over
    may = scales < np.where(over, first, len(n))
    within = answers.answer == Answer.WITHIN
    tells = may & (within | (answers.answer == Answer.NOT_CERTAIN))
    told = tells.any(axis=0)
    scale = np.where(told, tells.argmax(axis=0), np.where(may, n, -1).argmax(axis=0))
    scale = np.where(dark, n.argmax(axis=0), np.where(breach, first, scale))
    healthy = told & within[scale, columns]
    said = zip(dark.tolist(), breach.tolist(), healthy.tolist(), strict=True)
    return Spoken(scale, tuple(_verdict(*one) for one in said))


def _verdict(dark: bool, breach: bool, healthy: bool) -> Verdict:
    if dark:
        return Verdict.NO_DATA
    if breach:
        return Verdict.BREACH
    return Verdict.HEALTHY if healthy else Verdict.INCONCLUSIVE
