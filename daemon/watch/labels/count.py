"""Predictions and labels in, counts out that add up over cohorts. Pure."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from daemon.config.labels import Kpi, Labels
from daemon.domain.cohort import SCORE_BINS, Label, Truth
from daemon.domain.profile import Counts
from daemon.watch.labels.predictions import Predictions, same
from detectors.bounded_mean import Sums, add_up
from detectors.classification import Confusion

Floats = NDArray[np.float64]

LARGEST_LOG_LOSS = 13.8
"""-log of one in a million: no score is believed to be surer than that."""


def confidence(made: Predictions) -> Sums | None:
    """Add up how sure the scores were; None where there are none."""
    scores = made.scores[~np.isnan(made.scores)]
    return add_up(np.maximum(scores, 1 - scores), largest=1.0) if len(scores) else None


def truth(made: Predictions, labels: Mapping[str, Label], rules: Labels) -> Truth:
    """Compare every prediction with its label, where that has come and can be read."""
    known = [labels.get(one) for one in made.ids]
    where = np.array([n for n, one in enumerate(known) if one is not None and _readable(one, rules)], np.intp)
    found = [one for n in where if (one := known[n]) is not None]
    kpis = {
        f"kpi/{kpi.name}": _forgone(kpi, np.array([_number(one.kpis[place]) for one in found], np.float64))
        for place, kpi in enumerate(rules.kpis)
    }
    if rules.kind == "regression":
        labelled = np.array([_number(one.label) for one in found], np.float64)
        return Truth(len(found), sums=_errors(made.values[where], labelled, rules) | kpis)
    true = np.array([same(str(one.label)) for one in found], np.object_)
    predicted = np.array([made.classes[n] for n in where], np.object_)
    positive, called = true == same(rules.positive), predicted == same(rules.positive)
    # a score tells the positive class from all others, and no other by its name
    right = called == positive if rules.by_score else true == predicted
    scores = made.scores[where]
    confusion = Confusion(
        hits=int((called & positive).sum()),
        false_alarms=int((called & ~positive).sum()),
        misses=int((~called & positive).sum()),
        rejections=int((~called & ~positive).sum()),
    )
    sums = {"log_loss": _log_loss(scores, positive)} | kpis
    return Truth(len(found), int(right.sum()), confusion, sums, _binned(scores, positive))


def _readable(one: Label, rules: Labels) -> bool:
    if one.label is None:
        return False
    return rules.kind == "classification" or bool(np.isfinite(_number(one.label)))


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


def _errors(predicted: Floats, labelled: Floats, rules: Labels) -> dict[str, Sums]:
    least, largest = rules.range or (0.0, 1.0)
    limit = rules.error_limit
    error = np.minimum(np.abs(predicted - labelled), limit)
    return {
        "mae": add_up(error, largest=limit),
        "rmse": add_up(error**2, largest=limit**2),
        "label": add_up(np.clip(labelled, least, largest) - least, largest=largest - least),
    }


def _log_loss(scores: Floats, positive: NDArray[np.bool_]) -> Sums:
    given = np.where(positive, scores, 1 - scores)
    given = given[~np.isnan(given)]
    return add_up(-np.log(np.maximum(given, np.exp(-LARGEST_LOG_LOSS))) + 0.0, largest=LARGEST_LOG_LOSS)


def _binned(scores: Floats, positive: NDArray[np.bool_]) -> Counts:
    counts = np.zeros((2, SCORE_BINS), np.int64)
    there = ~np.isnan(scores)
    places = np.minimum((scores[there] * SCORE_BINS).astype(np.int64), SCORE_BINS - 1)
    np.add.at(counts, (positive[there].astype(np.int64), places), 1)
    return counts


def _forgone(kpi: Kpi, values: Floats) -> Sums:
    """Turn a number into a loss: how far it lies below the best that is believed."""
    least, largest = kpi.range
    values = np.clip(values[~np.isnan(values)], least, largest)
    return add_up(largest - values if kpi.better == "higher" else values - least, largest=largest - least)
