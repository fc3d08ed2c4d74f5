"""Every check on a profile: planted defects are found, what is normal is not, and the numbers are those of a book."""

from datetime import timedelta

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from daemon.config.detection import Drift, Watch
from daemon.config.endpoint import EndpointSettings
from daemon.config.remedies import Rollback
from daemon.domain.baseline import Baseline, BaselineColumn, BaselineKind
from daemon.domain.finding import Against, Cause, Check, Finding, Statistic, Verdict
from daemon.domain.profile import Coverage, Health, Profile
from daemon.domain.schema import Column, Kind, Signature
from daemon.watch.detect import Reference, detect, summary
from daemon.watch.scales import confidence
from detectors import latency
from detectors.bins import CategoricalBins, cut_categories, cut_numeric
from tests.watch.stories import START, window

SETTINGS = EndpointSettings(
    name="flights",
    table="/t",
    model="m",
    watch=Watch(window=timedelta(hours=1)),
    drift=Drift(tolerance=0.1, design_effect=1),
    rollback=Rollback(timeout=timedelta(hours=6)),
)
ROWS = 20_000
NOBODY = Reference(Health(), Against.NOTHING)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20260301)


def baseline(values: NDArray[np.float64], carriers: dict[str, int]) -> Baseline:
    numeric, text = cut_numeric(values), cut_categories(carriers)
    columns = {
        "distance": BaselineColumn(Column("distance", Kind.NUMERIC), numeric, numeric.count(values)),
        "carrier": BaselineColumn(Column("carrier", Kind.CATEGORICAL), text, text.count(carriers, null=0)),
    }
    signature = Signature(tuple(c.column for c in columns.values()), ())
    return Baseline("flights", 1, BaselineKind.TRAINING, "here", len(values), START, columns, signature, id=1)


def profile(
    known: Baseline,
    values: NDArray[np.float64],
    carriers: dict[str, int],
    *,
    null: int = 0,
    health: Health | None = None,
) -> Profile:
    carrier = known.columns["carrier"].bins
    assert isinstance(carrier, CategoricalBins)
    missing = np.concatenate([np.zeros(len(values), bool), np.ones(null, bool)])
    columns = {
        "distance": known.columns["distance"].bins.count(np.concatenate([values, np.zeros(null)]), missing),  # type: ignore[arg-type]
        "carrier": carrier.count(carriers, null=0),
    }
    return Profile("flights", 1, window(0), health or Health(), Coverage(), 1, columns)


def found(profile: Profile, known: Baseline | None, reference: Reference = NOBODY) -> dict[str, Finding]:
    return {f.check.name: f for f in detect([profile], known, None, reference, SETTINGS)}


CARRIERS = {"UA": 6000, "B6": 5000, "EV": 5000, "DL": 4000}


def test_the_same_distribution_breaches_nothing(rng: np.random.Generator) -> None:
    known = baseline(rng.normal(size=ROWS), CARRIERS)
    now = profile(known, rng.normal(size=6000), {"UA": 1800, "B6": 1500, "EV": 1500, "DL": 1200})
    verdicts = {f.verdict for f in found(now, known).values() if f.check.cause is not Cause.HEALTH}
    assert verdicts == {Verdict.HEALTHY}


def test_miles_sent_as_kilometres_are_certain_drift_and_nothing_else_is(rng: np.random.Generator) -> None:
    miles = rng.gamma(3, 350, size=ROWS)
    known = baseline(miles, CARRIERS)
    now = profile(known, rng.gamma(3, 350, size=2000) * 1.609344, {"UA": 600, "B6": 500, "EV": 500, "DL": 400})
    breaches = [name for name, f in found(now, known).items() if f.verdict is Verdict.BREACH]
    assert breaches == ["distance/ks", "distance/psi"]


def test_the_ks_statistic_is_scipys_up_to_the_grid(rng: np.random.Generator) -> None:
    before, after = rng.normal(size=ROWS), rng.normal(0.4, 1, size=3000)
    known = baseline(before, CARRIERS)
    ours = found(profile(known, after, CARRIERS), known)["distance/ks"].statistic
    assert ours is not None
    exact = stats.ks_2samp(before, after).statistic
    assert exact - 1 / 64 <= ours <= exact


def test_a_finding_carries_n_statistic_bound_threshold_and_reason(rng: np.random.Generator) -> None:
    known = baseline(rng.normal(size=ROWS), CARRIERS)
    finding = found(profile(known, rng.normal(1, 1, size=2000), CARRIERS), known)["distance/ks"]
    assert finding.statistic is not None
    assert finding.bound is not None
    assert finding.n == 2000
    assert finding.threshold == 0.1
    assert 0.1 < finding.bound < finding.statistic == pytest.approx(0.383, abs=0.04)  # 2 Phi(1/2) - 1
    assert dict(finding.reported)["p_value"] < 1e-100


def test_a_sudden_share_of_nulls_is_broken_data_and_not_drift(rng: np.random.Generator) -> None:
    known = baseline(rng.normal(size=ROWS), CARRIERS)
    now = found(profile(known, rng.normal(size=2000), CARRIERS, null=400), known)
    assert now["distance/null_rate"].verdict is Verdict.BREACH
    assert now["distance/null_rate"].check.cause is Cause.QUALITY
    assert now["distance/ks"].verdict is Verdict.HEALTHY


def test_categories_never_seen_before_are_broken_data(rng: np.random.Generator) -> None:
    known = baseline(rng.normal(size=ROWS), CARRIERS)
    now = found(profile(known, rng.normal(size=2000), {**CARRIERS, "XX": 3000}), known)
    assert now["carrier/unseen_rate"].verdict is Verdict.BREACH


def test_few_rows_are_inconclusive_and_no_rows_are_no_data(rng: np.random.Generator) -> None:
    known = baseline(rng.normal(size=ROWS), CARRIERS)
    assert found(profile(known, rng.normal(size=50), {"UA": 50}), known)["distance/ks"].verdict is Verdict.INCONCLUSIVE
    assert found(profile(known, np.array([]), {}), known)["distance/ks"].verdict is Verdict.NO_DATA


@pytest.mark.parametrize("values", [np.full(ROWS, 7.0), np.array([]), np.full(ROWS, np.nan)])
def test_constant_empty_and_nonsense_baselines_do_not_stumble(values: NDArray[np.float64]) -> None:
    known = baseline(values, {"only": max(len(values), 1)})
    now = found(profile(known, np.full(2000, 7.0), {"only": 2000}), known)
    assert now["distance/ks"].verdict in (Verdict.HEALTHY, Verdict.NO_DATA)
    assert now["carrier/linf"].verdict is not Verdict.BREACH


def health(requests: int, *, bad: int = 0, broken: int = 0, ms: float = 20.0) -> Health:
    return Health(requests, bad, broken, latency.count(np.full(requests - bad - broken, ms)))


def judged(now: Health, before: Health, against: Against = Against.BEFORE) -> dict[str, Verdict]:
    empty = Profile("flights", 3, window(0), now, Coverage(), None, {})
    reference = Reference(before, against, 2)
    return {f.check.name: f.verdict for f in detect([empty], None, None, reference, SETTINGS)}


def test_a_version_that_fails_on_a_part_of_its_requests_is_worse_than_the_one_before() -> None:
    now = judged(health(200, bad=60), health(2000, bad=2))
    assert now["error_rate_4xx"] is Verdict.BREACH
    assert now["error_rate_5xx"] is Verdict.HEALTHY


def test_a_version_that_is_slower_is_worse_in_every_quantile_that_can_be_told() -> None:
    now = judged(health(200, ms=80), health(2000, ms=20))
    assert {now["latency_p50"], now["latency_p95"]} == {Verdict.BREACH}


def test_a_version_as_good_as_the_one_before_breaches_nothing() -> None:
    assert Verdict.BREACH not in judged(health(500, bad=1), health(2000, bad=3)).values()


def test_errors_that_the_one_before_had_as_well_are_not_held_against_it() -> None:
    assert judged(health(500, broken=100), health(2000, broken=400))["error_rate_5xx"] is not Verdict.BREACH


def test_without_a_record_only_an_absolute_rise_of_errors_counts_and_latency_says_nothing() -> None:
    now = judged(health(300, broken=150, ms=900), Health(), Against.NOTHING)
    assert now == {"error_rate_4xx": Verdict.HEALTHY, "error_rate_5xx": Verdict.BREACH}


def test_silence_is_no_data_and_never_health() -> None:
    assert set(judged(Health(), health(2000)).values()) == {Verdict.NO_DATA}


def verdict(check: Check, said: Verdict) -> Finding:
    from dataclasses import replace

    from tests.watch.stories import finding

    return replace(finding("h", check=check), verdict=said)


E4, E5, P95 = (Check(s) for s in (Statistic.ERRORS_4XX, Statistic.ERRORS_5XX, Statistic.LATENCY_P95))


def test_latency_can_only_speak_against_a_window() -> None:
    calm = [verdict(E4, Verdict.HEALTHY), verdict(E5, Verdict.HEALTHY)]
    assert summary([*calm, verdict(P95, Verdict.INCONCLUSIVE)], Cause.HEALTH) is Verdict.HEALTHY
    assert summary([*calm, verdict(P95, Verdict.BREACH)], Cause.HEALTH) is Verdict.BREACH
    assert summary([calm[0], verdict(E5, Verdict.INCONCLUSIVE)], Cause.HEALTH) is Verdict.INCONCLUSIVE
    assert summary([], Cause.HEALTH) is Verdict.NO_DATA


def test_the_budget_is_divided_among_all_checks_of_a_year() -> None:
    # 8,766 hours of windows, 20 columns x 4 checks + 5 of health, one false alarm a year
    assert confidence(SETTINGS, 20) == pytest.approx(1 / (8766 * (20 * 4 * 15 + 5)))
