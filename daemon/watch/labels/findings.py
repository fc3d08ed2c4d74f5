"""Cohorts in, findings out: has performance certainly fallen below what it was by more than is tolerated? Pure."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import reduce
from operator import add

from daemon.config.detection import Level
from daemon.config.endpoint import EndpointSettings
from daemon.config.labels import Labels
from daemon.domain.cohort import Cohort, Truth
from daemon.domain.finding import Check, Finding, Reason, Statistic, Verdict
from daemon.watch.judge import Measured, judge
from daemon.watch.labels.measure import checks, measure, shown, tolerated
from daemon.watch.labels.natural import variation
from detectors import budget
from detectors.performance import Performance, of_share

SCALES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
"""Cohorts that are merged: a small fall shows only over many."""
WEEKS = (1, 2, 3, 4)
BASELINE_ALPHA = 1e-3
"""How often a baseline's bound may be wrong: it is drawn once."""
YEAR_S = 365.25 * 24 * 3600


def confidence(rules: Labels) -> float:
    """Return the error probability of each bound, so that the yearly budget holds over all counts, checks and scales.

    A cohort is judged whenever it is counted: when it is over, and every `every` while labels are awaited.
    """
    looks = YEAR_S / rules.cohort.total_seconds() + YEAR_S / rules.every.total_seconds()
    asked = len(checks(rules))
    return budget.alpha(rules.false_alarms_per_year, looks_per_year=looks, columns=1, metrics=asked, scales=len(SCALES))


def reference(cohorts: Sequence[Cohort], rules: Labels) -> list[Cohort]:
    """Return the cohorts that performance is compared with; none while they have too few labels.

    The first in good health of which no more labels are awaited, in their order. Once chosen they stay: a baseline that
    moved along would follow a slow fall.
    """
    if chosen := [one for one in cohorts if one.reference]:
        return chosen
    rows = 0
    for one in sorted(cohorts, key=lambda c: c.window):
        if not one.final:
            return []
        if one.well and one.truth.labelled:
            chosen.append(replace(one, reference=True))
            rows += one.truth.labelled
        if rows >= rules.baseline_rows:
            return chosen
    return []


def scales(settings: EndpointSettings) -> tuple[int, ...]:
    """Return the numbers of cohorts that are merged: stretches shorter than the level's are not looked at."""
    cohort, level = settings.labels.cohort, settings.sensitivity.concept
    if level is Level.WEEKLY:
        return tuple(math.ceil(n * timedelta(weeks=1) / cohort) for n in WEEKS)
    return tuple(n for n in SCALES if level is Level.IMMEDIATE or n * cohort >= timedelta(days=1))


def counts(one: Cohort, rules: Labels) -> bool:
    """Whether a cohort has the labels to be judged by: enough of them, or all that will come."""
    return one.truth.labelled > 0 and (one.final or one.coverage >= rules.coverage)


def findings(
    cohorts: Sequence[Cohort], logged: Mapping[str, float] | None, settings: EndpointSettings
) -> list[Finding]:
    """Answer every check on one version's newest cohort that counts, merged with those before it.

    `logged` are the metrics of its training run, where performance is compared with these. Where no cohort counts yet,
    the oldest that waits is answered `inconclusive`.
    """
    rules = settings.labels
    base = reference(cohorts, rules)
    began = {one.window for one in base}
    later = [one for one in cohorts if one.window not in began]
    by_run = [c for c in checks(rules) if logged is not None and c.statistic is not Statistic.KPI]
    by_first = [c for c in checks(rules) if c not in by_run]
    truth = reduce(add, (one.truth for one in base)) if base else None
    return [
        *_answers({check: _logged(check, logged or {}) for check in by_run}, (), cohorts, settings),
        *_answers({check: _measured(check, truth, rules) for check in by_first}, base, later, settings),
    ]


def _answers(
    asked: Mapping[Check, Performance | None],
    base: Sequence[Cohort],
    cohorts: Sequence[Cohort],
    settings: EndpointSettings,
) -> Iterator[Finding]:
    """Answer each check, given what it is compared with."""
    rules = settings.labels
    there = sorted(cohorts, key=lambda c: c.window)
    ready = [one for one in there if counts(one, rules)]
    waiting = [one for one in there if not one.final and not counts(one, rules)]
    alpha, merged = confidence(rules), list(_merged(ready, base, scales(settings), rules))
    for check, before in asked.items():
        if ready:
            yield _answer(check, ready[-1], there[-1], merged, before, rules, alpha)
        elif waiting:
            yield _waits(waiting[0], check, there[-1])


@dataclass(frozen=True, slots=True)
class Merged:
    truth: Truth
    awaited: int
    cohorts: int
    calm: Sequence[Cohort]
    """Those before."""


def _merged(ready: Sequence[Cohort], base: Sequence[Cohort], over: Sequence[int], rules: Labels) -> Iterator[Merged]:
    """Add up the newest cohorts, for every scale that adds one. Of the shortest, all that is merged must be there."""
    held = 0
    there = (ready[-1].window.end - ready[0].window.start) // rules.cohort if ready else 0
    for scale in over if there >= over[0] else ():
        within = [one for one in ready if ready[-1].window.start - one.window.start < scale * rules.cohort]
        if len(within) > held:
            held = len(within)
            truth, awaited = reduce(add, (one.truth for one in within)), sum(one.awaited for one in within)
            yield Merged(truth, awaited, held, [*base, *ready[:-held]])


def _measured(check: Check, truth: Truth | None, rules: Labels) -> Performance | None:
    return measure(check, truth, rules, alpha=BASELINE_ALPHA) if truth else None


def _logged(check: Check, logged: Mapping[str, float]) -> Performance | None:
    """Return what a run logged of itself. Without its number of rows, or where that tells no bound, at its word."""
    value = logged.get(str(check.statistic))
    if value is None:
        return None
    rows = int(logged.get("evaluation_rows", 0))
    if rows and check.statistic is Statistic.ACCURACY and 0 <= value <= 1:
        return of_share("accuracy", round(value * rows), rows, BASELINE_ALPHA)
    higher = check.statistic not in (Statistic.LOG_LOSS, Statistic.MAE, Statistic.RMSE)
    exact = check.statistic is not Statistic.AUC
    return Performance(str(check.statistic), value, value, value, rows, exact, higher)


@dataclass(frozen=True, slots=True)
class Fall:
    measured: Measured
    enough: bool
    """A fall of as much as is tolerated would have shown."""
    now: Performance
    outside: bool
    """Further than the cohorts before vary by themselves."""


def _answer(
    check: Check,
    newest: Cohort,
    last: Cohort,
    merged: Sequence[Merged],
    before: Performance | None,
    rules: Labels,
    alpha: float,
) -> Finding:
    """Compare at every scale: certain at one is certain. Else the longest answers, on the most rows."""
    if before is None:
        return _finding(check, newest, Verdict.NO_DATA, Reason.EMPTY_BASELINE, newest.truth.labelled, 0.0, last=last)
    threshold = tolerated(check, before, rules)
    if not merged:
        return _finding(check, newest, Verdict.INCONCLUSIVE, Reason.TOO_FEW_ROWS, 0, threshold, last=last)
    falls = [(one, fall) for one in merged if (fall := _fall(check, one, before, threshold, rules, alpha)) is not None]
    if not falls:
        return _finding(check, newest, Verdict.NO_DATA, Reason.NO_ROWS, 0, threshold, last=last)
    whole, fall = max(falls, key=lambda pair: (_beyond(pair[1], threshold), pair[0].cohorts))
    wanted = fall.measured.n if fall.enough else fall.measured.n + 1
    verdict, reason = judge(fall.measured, threshold=threshold, rows_wanted=wanted)
    if verdict is Verdict.BREACH and not fall.outside:
        verdict, reason = Verdict.INCONCLUSIVE, Reason.NATURAL_VARIATION
    if whole.awaited and verdict is Verdict.HEALTHY:
        # those that came may be the good ones: early labels speak against a version, or not at all
        verdict, reason = Verdict.INCONCLUSIVE, Reason.TOO_FEW_LABELS
    told = (
        ("now", shown(check, fall.now.value, rules)),
        ("before", shown(check, before.value, rules)),
        ("cohorts", float(whole.cohorts)),
    )
    return _finding(check, newest, verdict, reason, fall.measured.n, threshold, fall.measured, told, last=last)


def _beyond(fall: Fall, threshold: float) -> float:
    """How far a fall is certainly beyond; the same for all that are not, or that days explain."""
    return max(0.0, (fall.measured.lower or 0.0) - threshold) if fall.outside else 0.0


def _fall(check: Check, one: Merged, before: Performance, threshold: float, rules: Labels, alpha: float) -> Fall | None:
    """Measure by how much performance has fallen, and by how much at least: had all awaited labels been good."""
    now = measure(check, one.truth, rules, alpha=alpha)
    best = measure(check, one.truth, rules, alpha=alpha, awaited=one.awaited)
    if now is None or best is None:
        return None
    sign = 1 if now.higher_is_better else -1
    certain = before.lower - best.upper if now.higher_is_better else best.lower - before.upper
    # what is exact in the limit only decides nothing; of the variance of awaited labels nothing is known
    exact = now.exact and before.exact and not (one.awaited and check.statistic is Statistic.R2)
    lower = max(0.0, certain) if exact else 0.0
    radius = now.upper - now.value if now.higher_is_better else now.value - now.lower
    slack = before.value - before.lower if now.higher_is_better else before.upper - before.value
    fell = max(0.0, sign * (before.value - now.value))
    least = sign * (before.value - best.value)
    outside = lower <= threshold or least > variation(check, one.calm, rules)
    return Fall(Measured(now.n, max(fell, lower), lower), radius + slack <= threshold, now, outside)


def _waits(one: Cohort, check: Check, last: Cohort) -> Finding:
    return _finding(check, one, Verdict.INCONCLUSIVE, Reason.TOO_FEW_LABELS, one.truth.labelled, 0.0, last=last)


def _finding(
    check: Check,
    one: Cohort,
    verdict: Verdict,
    reason: Reason,
    n: int,
    threshold: float,
    measured: Measured | None = None,
    told: Iterable[tuple[str, float]] = (),
    *,
    last: Cohort,
) -> Finding:
    """Write an answer down, with what people want to know beside it. The estimate is the newest cohort's."""
    guess = estimate(last) if check.statistic is Statistic.ACCURACY else None
    reported = [*told, ("coverage", one.coverage), *([("estimated_accuracy", guess)] if guess is not None else [])]
    return Finding(
        endpoint=one.endpoint,
        version=one.version,
        check=check,
        window=one.window,
        verdict=verdict,
        reason=reason,
        n=n,
        statistic=measured.value if measured else None,
        bound=measured.lower if measured else None,
        threshold=threshold,
        reported=tuple(reported),
    )


def estimate(one: Cohort) -> float | None:
    """Return what the accuracy would be if the scores were right: an estimate, which never decides.

    It sees a shift of the inputs, and is blind to a change of what is true of them. Of a regression there is none.
    """
    return one.confidence.mean if one.confidence is not None and one.confidence.n else None
