"""The answers of a look: bounds of many columns at many scales in, one word and one reason for each out."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray

FEWEST_ROWS = 50
"""With fewer nothing is said of a scale, not even that all is well."""

Floats = NDArray[np.float64]
Truths = NDArray[np.bool_]


class Answer(StrEnum):
    """What a check answers at one scale.

    Examples
    --------
    >>> Answer("within")
    <Answer.WITHIN: 'within'>
    """

    CERTIFIED = "certified"
    WITHIN = "within"
    """Within the tolerance, on rows enough that twice as much would have been certified."""
    NOT_CERTAIN = "not_certain"
    INSUFFICIENT = "insufficient"


class Reason(StrEnum):
    """Why it answers so.

    Examples
    --------
    >>> Reason("no_history")
    <Reason.NO_HISTORY: 'no_history'>
    """

    BEYOND = "certainly_beyond_tolerance"
    WITHIN = "within_tolerance"
    NOT_CERTAIN = "beyond_tolerance_but_not_certain"
    OWN_HISTORY = "within_its_own_history"
    """Certain if rows were independent, and no more than the baseline did by itself."""
    TOO_FEW_ROWS = "too_few_rows"
    RESTLESS = "history_too_restless"
    """Rows enough, but the baseline did by itself twice what is tolerated."""
    NO_HISTORY = "no_history"
    """The baseline is too short to tell what it does by itself."""
    NOT_COVERED = "scale_not_covered"
    EMPTY_BASELINE = "empty_baseline"


@dataclass(frozen=True, slots=True)
class Answers:
    """One statistic of each column at each scale, judged.

    Attributes
    ----------
    n : ndarray of float64, shape (scales, columns)
        Rows now.
    statistic, lower : ndarray of float64, shape (scales, columns)
        The point estimate and what the truth certainly exceeds.
    threshold : float
        What `lower` has to exceed: the tolerance.
    natural : ndarray of float64, shape (scales, columns)
        What the statistic has to exceed as well, to lie outside the column's
        own history; of PSI, what D has to exceed. Infinite where the history
        is not known.
    answer, reason : ndarray of str, shape (scales, columns)
        Values of `Answer` and of `Reason`.
    first : ndarray of int64, shape (columns,)
        Place of the shortest scale that certifies, -1 where none does.

    Examples
    --------
    >>> from detectors import certify, many_distances
    >>> found = many_distances.measure([[[300, 700]], [[3_000, 7_000]]], [[10_000, 10_000]])
    >>> answers = certify.distances(found, phi=1.0, covered=[True, True], tolerance=0.1, alpha=1e-8)
    >>> answers.answer[:, 0].tolist(), answers.first.tolist()
    (['not_certain', 'certified'], [1])
    """

    n: Floats
    statistic: Floats
    lower: Floats
    threshold: float
    natural: Floats
    answer: NDArray[np.str_]
    reason: NDArray[np.str_]
    first: NDArray[np.int64]


def judge(
    n: Floats,
    m: Floats,
    statistic: Floats,
    lower: Floats,
    tolerance: float,
    natural: Floats,
    outside: Truths,
    enough: Truths,
    covered: ArrayLike,
    *,
    calm: Truths | None = None,
) -> Answers:
    """Take the first rule that holds, in an order in which nothing is certified that could not be measured.

    Parameters
    ----------
    n, m : ndarray of float64, shape (scales, columns)
        Rows now, and rows that the baseline counts for.
    statistic, lower : ndarray of float64, shape (scales, columns)
    tolerance : float
    natural : ndarray of float64, shape (scales, columns)
    outside : ndarray of bool, shape (scales, columns)
        True where the statistic lies outside the column's own history.
    enough : ndarray of bool, shape (scales, columns)
        True where twice the tolerance would have been certain.
    covered : array_like of bool, shape (scales,)
    calm : ndarray of bool, shape (scales, columns), optional
        True where twice the tolerance would lie outside the history. By
        default where `natural` is at most that.

    Returns
    -------
    Answers

    Examples
    --------
    Five rows say nothing, however far they lie:

    >>> import numpy as np
    >>> one, far, yes = np.ones((1, 1)), np.full((1, 1), 0.9), np.full((1, 1), True)
    >>> judge(5 * one, 1e4 * one, far, far, 0.1, 0.2 * one, yes, yes, [True]).reason.tolist()
    [['too_few_rows']]
    """
    n, m, statistic, lower, natural = np.broadcast_arrays(n, m, statistic, lower, natural)
    long_enough = np.broadcast_to(np.asarray(covered, dtype=np.bool_)[:, None], n.shape)
    beyond = lower > tolerance
    quiet = natural <= 2 * tolerance if calm is None else calm
    rules = (
        (~long_enough, Answer.INSUFFICIENT, Reason.NOT_COVERED),
        (m <= 0, Answer.INSUFFICIENT, Reason.EMPTY_BASELINE),
        (n < FEWEST_ROWS, Answer.INSUFFICIENT, Reason.TOO_FEW_ROWS),
        (np.isinf(natural), Answer.INSUFFICIENT, Reason.NO_HISTORY),
        (beyond & outside, Answer.CERTIFIED, Reason.BEYOND),
        (beyond, Answer.NOT_CERTAIN, Reason.OWN_HISTORY),
        (statistic > tolerance, Answer.NOT_CERTAIN, Reason.NOT_CERTAIN),
        (~enough, Answer.INSUFFICIENT, Reason.TOO_FEW_ROWS),
        (~quiet, Answer.INSUFFICIENT, Reason.RESTLESS),
    )
    holds = [rule for rule, _, _ in rules]
    answer = np.select(holds, [str(answer) for _, answer, _ in rules], str(Answer.WITHIN))
    reason = np.select(holds, [str(reason) for _, _, reason in rules], str(Reason.WITHIN))
    certified = answer == Answer.CERTIFIED
    first = np.where(certified.any(axis=0), certified.argmax(axis=0), -1)
    return Answers(n, statistic, lower, tolerance, natural, answer, reason, first)
