"""Performance is judged against the first good cohorts, with a certainty that no label still to come can undo."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import beta

from daemon.config.detection import Level, Sensitivity
from daemon.config.endpoint import EndpointSettings
from daemon.config.labels import Kpi, Labels
from daemon.domain.cohort import Cohort, Truth
from daemon.domain.finding import Finding, Reason, Verdict
from daemon.watch.labels.findings import confidence, estimate, findings, reference
from detectors.bounded_mean import Sums, add_up
from detectors.classification import Confusion
from tests.watch.labels.requests import START, day

RULES = Labels(table="/t", metrics=("accuracy",), baseline_rows=1000, calm_cohorts=0)
STRICT = RULES.model_copy(update={"calm_cohorts": 8})


def settings(rules: Labels = RULES) -> EndpointSettings:
    return EndpointSettings(name="flights", table="/t", model="m", labels=rules)


def cohort(n: int, wrong: float, *, rows: int = 2000, labelled: int | None = None, **about: Any) -> Cohort:
    """Return the n-th day: so many rows, and of those with a label a share that was predicted wrong."""
    known = rows if labelled is None else labelled
    false = round(wrong * known)
    truth = Truth(known, known - false, Confusion(0, 0, false, known - false))
    plain = Cohort("flights", 1, day(n), rows, rows, truth, None, True, known == rows, START, "s")
    return replace(plain, **about)


def answered(cohorts: Sequence[Cohort], rules: Labels = RULES, logged: dict[str, float] | None = None) -> Finding:
    (found,) = [f for f in findings(cohorts, logged, settings(rules)) if f.check.name == "accuracy"]
    return found


def days(*wrong: float, rows: int = 2000) -> list[Cohort]:
    return [cohort(n, share, rows=rows) for n, share in enumerate(wrong)]


def test_a_large_fall_is_certain_on_the_first_cohort_and_its_bound_is_that_of_clopper_and_pearson() -> None:
    found = answered(days(0.1, 0.3))
    assert (found.verdict, found.reason, found.window) == (Verdict.BREACH, Reason.CERTAINLY_BEYOND, day(1))
    worst_before = beta.ppf(1e-3, 1800, 201)
    best_now = beta.isf(confidence(RULES), 1401, 600)
    assert found.statistic == pytest.approx(0.2)
    assert found.bound == pytest.approx(worst_before - best_now, rel=1e-6)
    assert dict(found.reported) == pytest.approx({"now": 0.7, "before": 0.9, "cohorts": 1, "coverage": 1})


def test_a_small_fall_takes_several_cohorts_to_be_certain() -> None:
    falls = [answered(days(0.1, 0.1, *[0.16] * n)).verdict for n in range(1, 13)]
    first = falls.index(Verdict.BREACH)
    assert first > 0 and set(falls[:first]) == {Verdict.INCONCLUSIVE} and set(falls[first:]) == {Verdict.BREACH}


def test_by_whole_weeks_a_bad_day_is_no_fall_and_a_bad_week_is() -> None:
    weekly = settings().model_copy(update={"sensitivity": Sensitivity(concept=Level.WEEKLY)})

    def found(*wrong: float) -> Finding:
        (only,) = [f for f in findings(days(0.1, *wrong, rows=20_000), None, weekly) if f.check.name == "accuracy"]
        return only

    assert found(*[0.3] * 6).reason is Reason.TOO_FEW_ROWS
    assert answered(days(0.1, *[0.1] * 6, 0.16, rows=20_000)).verdict is Verdict.BREACH
    one_bad_day = found(*[0.1] * 6, 0.16)
    assert one_bad_day.verdict is Verdict.HEALTHY and dict(one_bad_day.reported)["cohorts"] == 7
    assert found(*[0.3] * 7).verdict is Verdict.BREACH


def test_performance_that_stays_is_healthy_and_one_that_rises_is_too() -> None:
    for wrong in (0.1, 0.11, 0.02):
        found = answered(days(0.1, *[wrong] * 12, rows=20_000))
        assert (found.verdict, found.reason) == (Verdict.HEALTHY, Reason.WITHIN_TOLERANCE)


def test_too_few_rows_say_nothing() -> None:
    assert answered([cohort(0, 0.1), cohort(1, 0.1, rows=300)]).reason is Reason.TOO_FEW_ROWS


@pytest.mark.parametrize("labelled", [0, 1, 1000, 1599])
def test_a_cohort_under_coverage_is_inconclusive_however_bad_its_labels_are(labelled: int) -> None:
    found = answered([cohort(0, 0.1), cohort(1, 1.0, labelled=labelled)])
    assert (found.verdict, found.reason) == (Verdict.INCONCLUSIVE, Reason.TOO_FEW_LABELS)


def test_where_the_bad_labels_come_first_nothing_is_found() -> None:
    """Of 2,000 rows 200 will be wrong, as ever; all of them are among the first labels."""
    for labelled in range(200, 2001, 100):
        early = cohort(1, 200 / labelled, labelled=labelled)
        assert answered([cohort(0, 0.1), early]).verdict is not Verdict.BREACH, labelled


def test_a_fall_that_no_label_still_to_come_can_undo_is_certain_before_they_come() -> None:
    found = answered([cohort(0, 0.1), cohort(1, 0.4, labelled=1700)])
    assert found.verdict is Verdict.BREACH
    assert found.bound == pytest.approx(beta.ppf(1e-3, 1800, 201) - beta.isf(confidence(RULES), 1321, 680), rel=1e-6)


def test_labels_that_have_come_alone_never_say_that_all_is_well() -> None:
    cohorts = [cohort(0, 0.1, rows=20_000), cohort(1, 0.05, rows=20_000, labelled=19_000)]
    assert answered(cohorts).reason is Reason.TOO_FEW_LABELS
    assert answered([cohorts[0], replace(cohorts[1], final=True)]).verdict is Verdict.HEALTHY


def test_once_no_more_labels_are_awaited_a_cohort_counts_with_those_it_has() -> None:
    assert answered([cohort(0, 0.1), cohort(1, 0.4, labelled=900, final=True)]).verdict is Verdict.BREACH


def test_the_baseline_is_the_first_good_cohorts_with_enough_labels_and_stays() -> None:
    cohorts = days(0.1, 0.1, 0.2, rows=600)
    ill = replace(cohorts[0], well=False)
    assert [one.window for one in reference(cohorts, RULES)] == [day(0), day(1)]
    assert [one.window for one in reference([ill, *cohorts[1:]], RULES)] == [day(1), day(2)]
    chosen = [replace(cohorts[2], reference=True)]
    assert reference([*cohorts[:2], *chosen], RULES) == chosen


def test_the_baseline_waits_for_all_labels_of_its_cohorts() -> None:
    waits = [cohort(0, 0.1, labelled=1900), cohort(1, 0.1), cohort(2, 0.5)]
    assert reference(waits, RULES) == []
    found = answered(waits)
    assert (found.verdict, found.reason) == (Verdict.NO_DATA, Reason.EMPTY_BASELINE)
    assert answered([replace(waits[0], final=True), *waits[1:]]).verdict is Verdict.BREACH


def test_without_a_cohort_there_is_nothing_to_answer() -> None:
    assert findings([], None, settings()) == []
    assert findings(days(0.1), None, settings()) == []


def test_the_metrics_of_the_training_run_serve_as_a_baseline_where_they_are_asked_for() -> None:
    logged = {"accuracy": 0.9, "evaluation_rows": 2000.0}
    found = answered(days(0.3), RULES, logged)
    same = answered(days(0.1, 0.3))
    assert found.verdict is Verdict.BREACH
    # no cohort is set aside as a baseline: the first is judged, too
    assert found.bound == pytest.approx(same.bound) and found.window == day(0)
    assert answered(days(0.3), RULES, {"auc": 0.9}).reason is Reason.EMPTY_BASELINE


def test_a_run_that_logged_no_number_of_rows_is_taken_at_its_word() -> None:
    found = answered(days(0.3), RULES, {"accuracy": 0.9})
    assert found.bound == pytest.approx(0.9 - beta.isf(confidence(RULES), 1401, 600), rel=1e-6)


def test_a_baseline_chosen_from_cohorts_is_not_judged_against_itself() -> None:
    base = [replace(one, reference=True) for one in days(0.5, 0.5)]
    assert answered([*base, cohort(2, 0.5)]).bound == 0.0


def sums(losses: list[float], times: int, largest: float) -> Sums:
    return add_up(np.tile(losses, times), largest=largest)


def test_an_error_of_a_regression_is_tolerated_by_a_share_of_what_it_was() -> None:
    rules = Labels(table="/t", kind="regression", range=(0, 100), largest_error=20, calm_cohorts=0)

    def errors(n: int, low: float, high: float) -> Cohort:
        kept = {
            "mae": sums([low, high], 5000, 20),
            "rmse": sums([low**2, high**2], 5000, 400),
            "label": sums([20, 80], 5000, 100),
        }
        return cohort(n, 0, rows=10_000, truth=Truth(10_000, sums=kept))

    found = {f.check.name: f for f in findings([errors(0, 2, 4), errors(1, 10, 14)], None, settings(rules))}
    assert {name: f.verdict for name, f in found.items()} == {
        "mae": Verdict.BREACH,
        "rmse": Verdict.BREACH,
        "r2": Verdict.BREACH,
    }
    assert found["mae"].threshold == pytest.approx(0.3) and found["mae"].statistic == pytest.approx(9.0)
    assert found["rmse"].threshold == pytest.approx(0.1 * 10**0.5)


@pytest.mark.parametrize(("better", "values"), [("higher", ([10, 20], [1, 11])), ("lower", ([1, 11], [10, 20]))])
def test_a_kpi_that_certainly_got_worse_is_a_breach(better: Any, values: tuple[list[float], list[float]]) -> None:
    kpi = Kpi(name="margin", column="margin", better=better, tolerance=1.0, range=(0, 30))
    rules = RULES.model_copy(update={"kpis": (kpi,)})

    def earned(n: int, money: list[float]) -> Cohort:
        lost = [30 - m for m in money] if better == "higher" else money
        return cohort(n, 0, truth=Truth(2000, 2000, Confusion(0, 0, 0, 2000), {"kpi/margin": sums(lost, 1000, 30)}))

    before, now = (earned(n, money) for n, money in enumerate(values))
    (found,) = [f for f in findings([before, now], None, settings(rules)) if f.check.column]
    assert (found.check.name, found.verdict, found.threshold) == ("margin/kpi", Verdict.BREACH, 1.0)
    told = dict(found.reported)
    assert [told["before"], told["now"]] == pytest.approx([sum(values[0]) / 2, sum(values[1]) / 2])
    (well,) = [f for f in findings([before, earned(1, values[0])], None, settings(rules)) if f.check.column]
    assert well.verdict is not Verdict.BREACH


WEEK = (0.10, 0.10, 0.11, 0.10, 0.11, 0.20, 0.20)
"""Weekends are harder."""


def test_what_every_weekend_does_is_no_fall() -> None:
    """By its bounds alone, each weekend is certain."""
    cohorts = days(*WEEK * 4, rows=20_000)
    for n in range(2, len(cohorts) + 1):
        assert answered(cohorts[:n], STRICT).verdict is not Verdict.BREACH, n
    weekend = answered(cohorts[:14], STRICT)
    assert weekend.reason is Reason.NATURAL_VARIATION
    assert answered(cohorts[:14], RULES).verdict is Verdict.BREACH


def test_a_fall_beyond_what_weekends_do_is_found_on_its_first_day() -> None:
    assert answered(days(*WEEK * 2, 0.40, rows=20_000), STRICT).verdict is Verdict.BREACH


def test_a_steady_fall_of_less_than_a_weekend_is_found_where_days_are_alike() -> None:
    verdicts = [answered(days(*[0.10, 0.11] * 5, *[0.15] * n, rows=20_000), STRICT).verdict for n in range(1, 4)]
    assert Verdict.BREACH in verdicts


def test_before_enough_cohorts_are_known_no_fall_is_outside_what_they_do() -> None:
    for n in range(1, 8):
        assert answered(days(*[0.1] * n, 0.9), STRICT).reason is Reason.NATURAL_VARIATION
    assert answered(days(*[0.1] * 8, 0.9), STRICT).verdict is Verdict.BREACH


def test_the_area_under_the_curve_is_shown_and_never_breaches() -> None:
    rules = Labels(table="/t", score="p", metrics=("auc",), calm_cohorts=0)
    bins = np.zeros((2, 1000), np.int64)
    good, bad = bins.copy(), bins.copy()
    good[0, :500], good[1, 500:] = 10, 10
    bad[1, :500], bad[0, 500:] = 10, 10
    cohorts = [cohort(n, 0, rows=10_000, truth=Truth(10_000, scores=s)) for n, s in enumerate((good, bad))]
    (found,) = findings(cohorts, None, settings(rules))
    assert found.verdict is Verdict.INCONCLUSIVE and found.bound == 0.0
    assert dict(found.reported)["now"] == 0.0 and dict(found.reported)["before"] == 1.0


def test_the_estimate_of_the_newest_cohort_is_told_beside_the_accuracy_and_decides_nothing() -> None:
    sure = sums([0.9, 0.7], 1000, 1.0)
    found = answered([cohort(0, 0.1), cohort(1, 0.1), cohort(2, 0.0, labelled=0, confidence=sure)])
    assert found.window == day(1)
    assert dict(found.reported)["estimated_accuracy"] == pytest.approx(0.8)
    assert answered([cohort(0, 0.1), cohort(1, 0, labelled=0, confidence=sure)]).verdict is Verdict.INCONCLUSIVE
    assert estimate(cohort(1, 0.1)) is None


def test_where_nothing_changes_no_cohort_of_hundreds_falls() -> None:
    """A baseline of exactly the true error, cohorts drawn at it, merged at every scale: far from the yearly budget."""
    rng, rules = np.random.default_rng(8), RULES.model_copy(update={"false_alarms_per_year": 1.0})
    breaches = 0
    for _ in range(300):
        base = replace(cohort(0, 0.15, rows=20_000), reference=True)
        drawn = [cohort(n, rng.binomial(2000, 0.15) / 2000) for n in range(1, 33)]
        breaches += answered([base, *drawn], rules).verdict is Verdict.BREACH
    assert breaches == 0
