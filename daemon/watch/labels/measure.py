"""The truth of some cohorts in, one measure of performance with its bounds out. Pure."""

from dataclasses import replace

import numpy as np

from daemon.config.labels import Kpi, Labels
from daemon.domain.cohort import SCORE_BINS, Truth
from daemon.domain.finding import Check, Statistic
from detectors import auc, classification, regression
from detectors.bounded_mean import Sums
from detectors.classification import Confusion
from detectors.performance import Performance, of_mean, of_share

RELATIVE = frozenset({Statistic.MAE, Statistic.RMSE})
"""Their tolerance is a share of what they were: an error has the unit of the label."""


def checks(rules: Labels) -> list[Check]:
    """Return all that is asked of performance."""
    return [Check(Statistic(name)) for name in rules.measured] + [Check(Statistic.KPI, kpi.name) for kpi in rules.kpis]


def measure(check: Check, truth: Truth, rules: Labels, *, alpha: float, awaited: int = 0) -> Performance | None:
    """Measure one thing, None where no row tells of it.

    The rows whose label is `awaited` count as predicted as well as can be: whatever their labels will say, performance
    is no better than this.
    """
    if check.statistic is Statistic.ACCURACY:
        return _share("accuracy", truth.right + awaited, truth.labelled + awaited, alpha)
    if check.statistic in CONFUSED:
        confusion = truth.confusion + Confusion(awaited, 0, 0, 0)
        found = CONFUSED[check.statistic](confusion, alpha)
        return found if found.n else None
    if check.statistic is Statistic.AUC:
        return _auc(truth, alpha)
    if check.statistic is Statistic.R2:
        errors, labels = truth.sums.get("rmse"), truth.sums.get("label")
        return regression.r2(errors, labels, alpha) if errors and labels and labels.n > 1 else None
    name = f"kpi/{check.column}" if check.statistic is Statistic.KPI else str(check.statistic)
    sums = truth.sums.get(name)
    if sums is None or not sums.n:
        return None
    return _mean(check.statistic, replace(sums, n=sums.n + awaited), alpha)


CONFUSED = {
    Statistic.PRECISION: classification.precision,
    Statistic.RECALL: classification.recall,
    Statistic.F1: classification.f1,
}


def _share(name: str, k: int, n: int, alpha: float) -> Performance | None:
    return of_share(name, k, n, alpha) if n else None


def _mean(statistic: Statistic, sums: Sums, alpha: float) -> Performance:
    match statistic:
        case Statistic.LOG_LOSS:
            return classification.log_loss(sums, alpha)
        case Statistic.MAE:
            return regression.mae(sums, alpha)
        case Statistic.RMSE:
            return regression.rmse(sums, alpha)
    return of_mean("kpi", sums, alpha)


def _auc(truth: Truth, alpha: float) -> Performance | None:
    negative, positive = truth.scores
    rows = int(truth.scores.sum())
    if not rows:
        return None
    middles = (np.arange(SCORE_BINS) + 0.5) / SCORE_BINS
    scores = np.repeat(np.concatenate([middles, middles]), np.concatenate([negative, positive]))
    return auc.measure(scores, np.arange(rows) >= negative.sum(), alpha)


def tolerated(check: Check, before: Performance, rules: Labels) -> float:
    """Return the fall that does not matter, in the unit of the measure."""
    if check.statistic is Statistic.KPI:
        return _kpi(check, rules).tolerance
    tolerance: float = getattr(rules.tolerance, str(check.statistic))
    return tolerance * before.value if check.statistic in RELATIVE else tolerance


def shown(check: Check, value: float, rules: Labels) -> float:
    """Return a value as people know it: a KPI is kept as what was forgone of its best."""
    if check.statistic is not Statistic.KPI:
        return value
    kpi = _kpi(check, rules)
    least, largest = kpi.range
    return largest - value if kpi.better == "higher" else value + least


def values(truth: Truth, rules: Labels) -> dict[str, float]:
    """Return every measure of some labelled rows by the name of its check, for people."""
    found = {check: measure(check, truth, rules, alpha=0.05) for check in checks(rules)}
    return {check.name: shown(check, one.value, rules) for check, one in found.items() if one is not None}


def _kpi(check: Check, rules: Labels) -> Kpi:
    return next(kpi for kpi in rules.kpis if kpi.name == check.column)
