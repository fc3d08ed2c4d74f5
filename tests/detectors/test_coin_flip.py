import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from detectors import coin_flip
from detectors.coin_flip import RATIOS, Evidence

MINUTELY = 1 / 525_600
"""One false alarm a year at a look a minute."""


def factor(k: int, n: int, odds: float, *, ratio: int, tolerated: float = 1.5) -> float:
    """The likelihood ratio of k flips in n, from the binomial distribution of scipy."""
    alternative, null = (r * odds / (1 + r * odds) for r in (RATIOS[ratio], tolerated))
    return float(np.exp(stats.binom.logpmf(k, n, alternative) - stats.binom.logpmf(k, n, null)))


levels = st.tuples(*[st.floats(0, 1e6)] * 4)


@given(levels, st.integers(1, 40), st.integers(0, 40), st.integers(50, 500), st.integers(50, 500), st.floats(1e-9, 1))
def test_a_look_multiplies_each_level_by_its_likelihood_ratio(
    before: tuple[float, ...], errors: int, beside: int, requests: int, requests_beside: int, rate: float
) -> None:
    found = coin_flip.versions(
        Evidence(before),
        errors=errors,
        requests=requests,
        errors_beside=beside,
        requests_beside=requests_beside,
        rate=rate,
    )
    for place, level in enumerate(before):
        ratio = factor(errors, errors + beside, requests / requests_beside, ratio=place)
        assert found.levels[place] == pytest.approx((rate + level) * ratio, rel=1e-9)


@pytest.mark.parametrize(("slow", "allowed"), [(9, 0.05), (60, 0.5), (3, 0.01)])
def test_of_slow_requests_no_more_is_tolerated_than_allowed(slow: int, allowed: float) -> None:
    found = coin_flip.exceedances(Evidence(), slow=slow, requests=100, allowed=allowed, rate=MINUTELY)
    errors = coin_flip.absolute(Evidence(), events=slow, requests=100, usual=allowed, rate=MINUTELY)
    for place in range(4):
        strict, loose = (factor(slow, 100, allowed / (1 - allowed), ratio=place, tolerated=t) for t in (1.0, 1.5))
        assert found.levels[place] == pytest.approx(MINUTELY * strict, rel=1e-9)
        assert errors.levels[place] == pytest.approx(MINUTELY * loose, rel=1e-9)


@pytest.mark.parametrize("common", [0.001, 0.01, 0.1, 0.3, 0.6])
@pytest.mark.parametrize("odds_ratio", [0.5, 1.0, 1.5])
def test_at_the_tolerated_odds_a_level_does_not_rise_in_expectation(common: float, odds_ratio: float) -> None:
    """Given both versions' errors, the canary's follow Fisher's noncentral hypergeometric distribution, by scipy."""
    requests, beside = 40, 160
    total = max(1, round(common * (requests + beside)))
    errors = np.arange(max(0, total - beside), min(total, requests) + 1)
    chances = stats.nchypergeom_fisher.pmf(errors, requests + beside, requests, total, odds_ratio)
    for place in range(4):
        expected = sum(
            chance * factor(int(k), total, requests / beside, ratio=place)
            for k, chance in zip(errors, chances, strict=True)
        )
        assert expected <= 1 + 1e-9


@pytest.mark.parametrize("phi", [1.0, 2.0, 10.0])
def test_a_design_effect_keeps_it_so_and_takes_from_the_evidence(phi: float) -> None:
    chances = stats.binom.pmf(np.arange(31), 30, 0.05)
    start = Evidence((1.0,) * 4)
    looks = [coin_flip.exceedances(start, slow=k, requests=30, allowed=0.05, rate=1e-12, phi=phi) for k in range(31)]
    for place in range(4):
        assert sum(c * look.levels[place] for c, look in zip(chances, looks, strict=True)) <= 1 + 1e-6
    alone = coin_flip.exceedances(start, slow=12, requests=30, allowed=0.05, rate=1e-12)
    assert looks[12].levels[0] == pytest.approx(alone.levels[0] ** (1 / phi), rel=1e-6)


def year(seed: int, looks: int, rate: float, *, upstream: bool = False, rpm: int = 300, p: float = 0.01) -> int:
    """Alarms of a canary with a fifth of the traffic whose error odds are half as high again, the most tolerated."""
    rng = np.random.default_rng(seed)
    evidence, alarms = Evidence(), 0
    worse = 1.5 * p / (1 + 0.5 * p)
    for look in range(looks):
        common = 10.0 if upstream and look % 2_000 < 20 else 1.0
        requests, beside = rng.poisson(rpm * 0.2), rng.poisson(rpm * 0.8)
        evidence = coin_flip.versions(
            evidence,
            errors=int(rng.binomial(requests, min(1.0, common * worse))),
            requests=int(requests),
            errors_beside=int(rng.binomial(beside, min(1.0, common * p))),
            requests_beside=int(beside),
            rate=rate,
        )
        if evidence.certain:
            evidence, alarms = Evidence(), alarms + 1
    return alarms


@pytest.mark.parametrize("upstream", [False, True])
def test_a_loosened_budget_is_not_overdrawn_at_the_tolerated_odds(upstream: bool) -> None:
    """20,000 looks at 0.01 each allow 200 false alarms, in expectation."""
    assert 0 < year(61, 20_000, 0.01, upstream=upstream) <= 200


def test_a_budget_of_one_a_year_is_not_touched_by_incidents_upstream() -> None:
    assert year(62, 20_000, MINUTELY, upstream=True) == 0


@pytest.mark.parametrize(
    ("p0", "p1", "rpm", "median"),
    [(0.001, 0.1, 300, 2), (0.001, 0.02, 300, 13), (0.01, 0.1, 300, 5), (0.01, 0.03, 300, 53), (0.01, 0.1, 30, 31)],
)
def test_a_bad_canary_is_found_in_the_minutes_of_the_table(p0: float, p1: float, rpm: int, median: int) -> None:
    rng = np.random.default_rng(63)
    delays = []
    for _ in range(41):
        evidence, minutes = Evidence((1e-4,) * 4), 0
        while not evidence.certain and minutes < 10 * median:
            requests, beside = int(rng.poisson(0.2 * rpm)), int(rng.poisson(0.8 * rpm))
            evidence = coin_flip.versions(
                evidence,
                errors=int(rng.binomial(requests, p1)),
                requests=requests,
                errors_beside=int(rng.binomial(beside, p0)),
                requests_beside=beside,
                rate=MINUTELY,
            )
            minutes += 1
        delays.append(minutes)
    assert np.median(delays) == pytest.approx(median, rel=0.4, abs=1)


def test_a_year_in_which_nothing_happens_is_no_alarm() -> None:
    evidence = Evidence()
    for _ in range(20_000):
        evidence = coin_flip.absolute(evidence, events=0, requests=1, usual=1e-9, rate=1e-3)
        evidence = coin_flip.versions(evidence, errors=0, requests=5, errors_beside=0, requests_beside=500, rate=1e-3)
    assert max(evidence.levels) <= 1e-3
    one = coin_flip.absolute(evidence, events=1, requests=1, usual=1e-3, rate=1e-9)
    assert not one.certain


def test_without_traffic_on_one_side_nothing_is_learned() -> None:
    evidence = Evidence((0.1, 0.2, 0.3, 0.4))
    for requests, beside in ((0, 100), (100, 0), (0, 0)):
        found = coin_flip.versions(
            evidence, errors=requests, requests=requests, errors_beside=beside, requests_beside=beside, rate=MINUTELY
        )
        assert found == evidence
    assert coin_flip.absolute(evidence, events=0, requests=0, usual=0.01, rate=MINUTELY) == evidence


def test_errors_beside_take_evidence_away() -> None:
    start = Evidence((0.5,) * 4)
    found = coin_flip.versions(start, errors=0, requests=100, errors_beside=9, requests_beside=100, rate=MINUTELY)
    assert all(after < before for after, before in zip(found.levels, start.levels, strict=True))


def test_evidence_beyond_all_measure_stays_a_number() -> None:
    evidence = Evidence()
    for _ in range(50):
        evidence = coin_flip.absolute(evidence, events=10**6, requests=10**6, usual=0.001, rate=MINUTELY)
    assert evidence.certain and all(math.isfinite(level) for level in evidence.levels)


@pytest.mark.parametrize(("rise", "rpm", "q", "median"), [(1.5, 30, 0.5, 8), (2.0, 30, 0.95, 3), (1.5, 300, 0.95, 2)])
def test_latency_that_rose_is_found_in_about_the_minutes_of_the_table(
    rise: float, rpm: int, q: float, median: int
) -> None:
    """Lognormal latencies of sigma 0.5; a request is slow past 1.1 times the quantile."""
    rng = np.random.default_rng(64)
    threshold = math.log(1.1) + 0.5 * stats.norm.ppf(q)
    chance = float(stats.norm.sf((threshold - math.log(rise)) / 0.5))
    delays = []
    for _ in range(41):
        evidence, minutes = Evidence(), 0
        while not evidence.certain and minutes < 500:
            requests = int(rng.poisson(rpm))
            slow = int(rng.binomial(requests, chance))
            evidence = coin_flip.exceedances(evidence, slow=slow, requests=requests, allowed=1 - q, rate=MINUTELY)
            minutes += 1
        delays.append(minutes)
    assert median / 2.5 <= np.median(delays) <= 2.5 * median


MISTAKES = [
    {"errors": 6},
    {"errors": -1},
    {"errors_beside": 6},
    {"rate": 0.0},
    {"tolerated": 2.0},
    {"tolerated": 0.9},
    {"phi": 0.5},
]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_are_refused(mistake: dict[str, float]) -> None:
    look = {"errors": 1, "requests": 5, "errors_beside": 1, "requests_beside": 5, "rate": 0.1, **mistake}
    with pytest.raises(ValueError):
        coin_flip.versions(Evidence(), **look)  # type: ignore[arg-type]


@pytest.mark.parametrize("usual", [0.0, 1.0, -0.1, math.nan])
def test_a_usual_share_that_is_none_is_refused(usual: float) -> None:
    with pytest.raises(ValueError, match="usual"):
        coin_flip.absolute(Evidence(), events=1, requests=5, usual=usual, rate=0.1)
