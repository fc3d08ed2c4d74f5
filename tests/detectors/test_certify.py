import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from detectors import budget, certify, ks, ladder, linf, many_distances, many_psi, psi, share
from detectors.answers import FEWEST_ROWS, Answer, Answers, Reason
from detectors.counts import Counts
from tests.detectors.histograms import Pair, alphas, pairs

HOURLY = budget.alpha(1, looks_per_year=8_760, columns=20, metrics=3, scales=15)
"""1.3e-7: one false alarm a year over 20 columns, three statistics and 15 scales, at a look an hour."""
effects = st.floats(1, 200)
tolerances = st.floats(0, 0.5)


def at_one_scale(
    current: Counts,
    baseline: Counts,
    *,
    phi: float = 1.0,
    covered: bool = True,
    tau: float = 0.1,
    alpha: float = HOURLY,
) -> Answers:
    found = many_distances.measure([[current]], [baseline])
    return certify.distances(found, phi, [covered], tolerance=tau, alpha=alpha)


def told(answers: Answers) -> tuple[str, str]:
    return str(answers.answer[0, 0]), str(answers.reason[0, 0])


# the rule


@given(pairs(), effects, tolerances, alphas, st.booleans())
def test_a_shift_is_certified_if_it_matters_for_certain_and_lies_outside_its_history(
    pair: Pair, phi: float, tau: float, alpha: float, categorical: bool
) -> None:
    found = many_distances.measure([[pair[0]]], [pair[1]], len(pair[0]) if categorical else 0)
    answers = certify.distances(found, phi, [True], tolerance=tau, alpha=alpha)
    one = linf.measure(*pair, alpha) if categorical else ks.measure(*pair, alpha)
    radius = (
        linf.radius(one.n, one.m, alpha, categories=len(pair[0])) if categorical else ks.radius(one.n, one.m, alpha)
    )
    assert one.lower is not None
    assert answers.lower[0, 0] == pytest.approx(one.lower, abs=1e-12)
    assert answers.natural[0, 0] == pytest.approx(math.sqrt(phi) * radius)
    certified = one.n >= FEWEST_ROWS and one.lower > tau + 1e-12 and one.value > math.sqrt(phi) * radius + 1e-12
    if abs(one.lower - tau) > 1e-9 and abs(one.value - math.sqrt(phi) * radius) > 1e-9:
        assert (answers.answer[0, 0] == Answer.CERTIFIED) == certified


@given(pairs(largest=20_000, most_bins=12), effects, tolerances, st.floats(1e-9, 0.01))
def test_psi_is_certified_by_its_own_bound_and_the_history_of_d(
    pair: Pair, phi: float, tau: float, alpha: float
) -> None:
    found, moved = many_psi.measure([[pair[0]]], [pair[1]]), many_distances.measure([[pair[0]]], [pair[1]])
    answers = certify.psi(found, moved, phi, [True], tolerance=tau, alpha=alpha)
    lower, d = psi.lower_bound(*pair, alpha), ks.measure(*pair, alpha)
    natural = math.sqrt(phi) * ks.radius(d.n, d.m, alpha)
    assert answers.lower[0, 0] == pytest.approx(lower, rel=1e-6, abs=1e-7)
    if abs(lower - tau) > 1e-6 and abs(d.value - natural) > 1e-9:
        certified = d.n >= FEWEST_ROWS and lower > tau and d.value > natural
        assert (answers.answer[0, 0] == Answer.CERTIFIED) == certified


counted = st.integers(1, 50_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counted, counted, effects, tolerances, alphas)
def test_a_share_is_certified_by_its_own_bound_whichever_way_it_moved(
    now: tuple[int, int], before: tuple[int, int], phi: float, tau: float, alpha: float
) -> None:
    (k, n), (k0, n0) = now, before
    answers = certify.shares([[k]], [[n]], k0, n0, phi, [True], tolerance=tau, alpha=alpha)
    lower = share.shift_lower_bound(k, n, k0, n0, alpha)
    assert answers.lower[0, 0] == pytest.approx(lower, abs=1e-9)
    assert answers.statistic[0, 0] == pytest.approx(abs(k / n - k0 / n0))
    if abs(lower - tau) > 1e-8 and n >= FEWEST_ROWS:
        outside = answers.statistic[0, 0] > answers.natural[0, 0]
        assert (answers.answer[0, 0] == Answer.CERTIFIED) == (lower > tau and outside)
    other = certify.shares([[n - k]], [[n]], n0 - k0, n0, phi, [True], tolerance=tau, alpha=alpha)
    assert other.lower[0, 0] == pytest.approx(answers.lower[0, 0], abs=1e-9)
    assert other.natural[0, 0] == pytest.approx(answers.natural[0, 0], rel=1e-6)


def test_the_history_of_a_share_ends_at_bernsteins_bound() -> None:
    """By hand: t = ln(2/alpha) = 16.5738, N = 1/(1/4000 + 1/100000)/2 = 1923.08 at phi = 2, hence t/N = 0.0086184; the
    largest share that 2,400 of 100,000 may come from is u = 0.025634: t/3N + sqrt((t/3N)**2 + 2 * u * (1 - u) * t/N).
    """
    alpha = 2 * math.exp(-16.5738)
    answers = certify.shares([[292]], [[4_000]], 2_400, 100_000, 2.0, [True], tolerance=0.02, alpha=alpha)
    assert share.upper_bound(2_400, 100_000, 5e-4) == pytest.approx(0.025634, abs=1e-6)
    assert answers.natural[0, 0] == pytest.approx(0.0028728 + math.sqrt(0.0028728**2 + 0.00043053), abs=1e-5)


@given(pairs(), alphas, tolerances)
def test_a_bound_never_exceeds_its_statistic(pair: Pair, alpha: float, tau: float) -> None:
    answers = at_one_scale(*pair, tau=tau, alpha=alpha)
    assert 0 <= answers.lower[0, 0] <= answers.statistic[0, 0] <= 1


@given(pairs(), alphas, tolerances, effects)
def test_a_wider_tolerance_a_stricter_budget_and_a_restless_history_certify_nothing_more(
    pair: Pair, alpha: float, tau: float, phi: float
) -> None:
    strict = at_one_scale(*pair, tau=tau, alpha=alpha, phi=phi)
    if strict.answer[0, 0] == Answer.CERTIFIED:
        for looser in ({"tau": tau / 2}, {"alpha": min(0.5, 2 * alpha)}, {"phi": 1.0}):
            given_: dict[str, Any] = {"tau": tau, "alpha": alpha, "phi": phi, **looser}
            assert at_one_scale(*pair, **given_).answer[0, 0] == Answer.CERTIFIED


@given(st.integers(0, 2**32 - 1), st.data())
def test_the_order_of_the_columns_is_of_no_account(seed: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(seed)
    current, baseline = rng.integers(0, 200, (3, 5, 6)), rng.integers(1, 900, (5, 6))
    phi = rng.uniform(1, 5, (3, 5))
    order = np.array(data.draw(st.permutations(range(5))))
    straight, other = (
        certify.distances(
            many_distances.measure(current[:, o], baseline[o]), phi[:, o], [True] * 3, tolerance=0.05, alpha=0.01
        )
        for o in (np.arange(5), order)
    )
    assert other.answer.tolist() == straight.answer[:, order].tolist()
    assert other.first.tolist() == straight.first[order].tolist()


# the words


HALF = np.array([10_000, 10_000])


@pytest.mark.parametrize(
    ("current", "baseline", "changes", "answer", "reason"),
    [
        ([1_000, 3_000], HALF, {}, Answer.CERTIFIED, Reason.BEYOND),
        ([1_000, 3_000], HALF, {"phi": 30.0}, Answer.NOT_CERTAIN, Reason.OWN_HISTORY),
        ([80, 220], HALF, {}, Answer.NOT_CERTAIN, Reason.NOT_CERTAIN),
        ([2_000, 2_000], HALF, {}, Answer.WITHIN, Reason.WITHIN),
        ([950, 1_050], HALF, {"tau": 0.05}, Answer.INSUFFICIENT, Reason.TOO_FEW_ROWS),
        ([200, 200], HALF, {}, Answer.INSUFFICIENT, Reason.TOO_FEW_ROWS),
        ([2_000, 2_000], HALF, {"phi": 30.0}, Answer.INSUFFICIENT, Reason.RESTLESS),
        ([0, 49], HALF, {"alpha": 0.5}, Answer.INSUFFICIENT, Reason.TOO_FEW_ROWS),
        ([0, 50], HALF, {"alpha": 0.5}, Answer.CERTIFIED, Reason.BEYOND),
        ([0, 0], HALF, {}, Answer.INSUFFICIENT, Reason.TOO_FEW_ROWS),
        ([0, 4_000], HALF, {"phi": math.inf}, Answer.INSUFFICIENT, Reason.NO_HISTORY),
        ([0, 4_000], HALF, {"covered": False}, Answer.INSUFFICIENT, Reason.NOT_COVERED),
        ([0, 4_000], [0, 0], {}, Answer.INSUFFICIENT, Reason.EMPTY_BASELINE),
    ],
)
def test_every_answer_has_its_reason(
    current: list[int], baseline: list[int], changes: dict[str, Any], answer: Answer, reason: Reason
) -> None:
    found = at_one_scale(np.array(current), np.array(baseline), **changes)
    assert told(found) == (answer, reason)


@pytest.mark.parametrize(("phi", "reason"), [(1.0, Reason.WITHIN), (30.0, Reason.RESTLESS)])
def test_of_psi_nothing_is_said_where_the_history_would_hide_twice_the_tolerance(phi: float, reason: Reason) -> None:
    """A PSI of 0.2 is a D of 0.177, in the table of units; at 4,000 rows and a phi of 30 only 0.27 is outside."""
    found, moved = many_psi.measure([[[2_000, 2_000]]], [HALF]), many_distances.measure([[[2_000, 2_000]]], [HALF])
    answers = certify.psi(found, moved, phi, [True], tolerance=0.1, alpha=HOURLY)
    assert told(answers)[1] == reason


@pytest.mark.parametrize("current", [[0, 4_000, 0], [0, 0, 4_000], [4_000, 0, 0]])
def test_a_constant_that_is_another_is_certified_and_the_same_is_not(current: list[int]) -> None:
    """Between below and above lies the atom of the baseline; it never varied, so that its design effect is 1."""
    found = told(at_one_scale(np.array(current), np.array([0, 20_000, 0])))
    assert found == (("within", "within_tolerance") if current[1] else ("certified", "certainly_beyond_tolerance"))


def test_a_category_that_nobody_knew_is_certified_as_a_share_and_as_a_change() -> None:
    now, before = np.array([[[1_500, 0, 500]]]), np.array([[15_000, 5_000, 0]])
    change = certify.distances(many_distances.measure(now, before, 3), 1.0, [True], tolerance=0.1, alpha=HOURLY)
    unseen = certify.shares([[500]], [[2_000]], 0, 20_000, 1.0, [True], tolerance=0.02, alpha=HOURLY)
    assert change.answer.tolist() == unseen.answer.tolist() == [["certified"]]


@pytest.mark.parametrize(("k", "n", "k0", "n0"), [(0, 0, 5, 100), (5, 100, 0, 0), (0, 0, 0, 0)])
def test_a_share_of_nothing_is_not_judged(k: int, n: int, k0: int, n0: int) -> None:
    found = certify.shares([[k]], [[n]], k0, n0, 1.0, [True], tolerance=0.02, alpha=HOURLY)
    assert found.answer.tolist() == [["insufficient"]]
    assert found.lower.tolist() == [[0.0]]


def test_a_baseline_that_is_all_null_is_a_share_like_any_other() -> None:
    same, gone = (
        certify.shares([[k]], [[2_000]], 20_000, 20_000, 1.0, [True], tolerance=0.02, alpha=HOURLY) for k in (2_000, 0)
    )
    assert (same.answer.tolist(), gone.answer.tolist()) == ([["within"]], [["certified"]])


def test_with_fifteen_scales_the_shortest_that_certifies_is_named() -> None:
    """D = .2 in windows of 100 rows: 829 rows certify it beyond .1 against an endless baseline, so 12 windows do."""
    windows = np.tile([30, 70], (168, 1))
    merged = ladder.merge(windows[:, None, :], np.arange(168)[::-1])
    found = many_distances.measure(merged.counts, [[10**9, 10**9]])
    answers = certify.distances(found, 1.0, merged.covered, tolerance=0.1, alpha=HOURLY)
    assert ladder.SCALES[answers.first[0]] == 12
    assert answers.n[answers.first[0], 0] >= budget.rows_to_certify(0.2, 0.1, HOURLY) > 800
    assert (answers.answer[answers.first[0] :, 0] == Answer.CERTIFIED).all()
    quiet = certify.distances(
        many_distances.measure(merged.counts, [[30 * 10**7, 70 * 10**7]]),
        1.0,
        merged.covered,
        tolerance=0.1,
        alpha=HOURLY,
    )
    assert quiet.first.tolist() == [-1]


def test_nulls_that_tripled_are_certified_after_eight_windows_and_at_half_the_tolerance_after_four() -> None:
    """2.4 % to 7.3 % of nulls in windows of 500 rows, as in the flights whose nulls were planted."""
    rows = np.array([[500 * scale] for scale in ladder.SCALES])
    for tau, windows in ((0.02, 8), (0.01, 4)):
        found = certify.shares(
            np.rint(0.073 * rows), rows, 2_400, 100_000, 1.0, [True] * 15, tolerance=tau, alpha=HOURLY
        )
        assert ladder.SCALES[found.first[0]] <= windows


def test_more_columns_share_the_same_budget_and_certify_later() -> None:
    few, many = (budget.alpha(1, looks_per_year=8_760, columns=c, metrics=3, scales=15) for c in (20, 2_000))
    rows = budget.rows_to_certify(0.2, 0.1, few)
    now = np.rint(np.array([0.3, 0.7]) * (rows + 5)).astype(np.int64)
    found = [at_one_scale(now, HALF * 10**6, alpha=alpha).answer[0, 0] for alpha in (few, many)]
    assert found == [Answer.CERTIFIED, Answer.NOT_CERTAIN]


def test_within_is_only_said_where_twice_the_tolerance_would_have_been_certified() -> None:
    for rows in range(50, 3_000, 25):
        half = rows // 2
        for phi in (1.0, 3.0, 10.0):
            calm = at_one_scale(np.array([half, half]), HALF * 1_000, phi=phi)
            shifted = at_one_scale(np.rint(np.array([0.299, 0.701]) * 2 * half).astype(np.int64), HALF * 1_000, phi=phi)
            if calm.answer[0, 0] == Answer.WITHIN:
                assert shifted.answer[0, 0] == Answer.CERTIFIED
    assert told(at_one_scale(np.array([1_000, 1_000]), HALF * 1_000)) == ("within", "within_tolerance")


@pytest.mark.parametrize(("k0", "n0"), [(20, 20_000), (20_000, 10**6), (19_980, 20_000)])
def test_of_a_share_within_is_only_said_where_twice_the_tolerance_would_have_been_certified(k0: int, n0: int) -> None:
    said = []
    for n in range(200, 8_000, 200):
        calm, moved = (
            certify.shares(
                [[round(n * (k0 / n0 + change))]], [[n]], k0, n0, 1.0, [True], tolerance=0.02, alpha=HOURLY
            ).answer[0, 0]
            for change in (0.0, 0.0402 if k0 < n0 / 2 else -0.0402)
        )
        if calm == Answer.WITHIN:
            assert moved == Answer.CERTIFIED
            said.append(n)
        else:
            assert calm == Answer.INSUFFICIENT
    assert said == list(range(min(said), 8_000, 200))
    assert min(said) < budget.rows_to_certify(0.04, 0.02, HOURLY) / 3


def test_of_psi_within_is_only_said_where_twice_the_tolerance_would_exceed_its_quantile() -> None:
    """The quantile is that of scipy's noncentral chi-square, at the tolerance."""
    said = []
    for n in range(200, 6_000, 100):
        now, before = [[[n // 4] * 4]], [[10**6] * 4]
        found, moved = many_psi.measure(now, before), many_distances.measure(now, before)
        answer = certify.psi(found, moved, 1.0, [True], tolerance=0.1, alpha=HOURLY).answer[0, 0]
        effective = n * 4e6 / (n + 4e6)
        if answer == Answer.WITHIN:
            assert 0.2 * effective > stats.ncx2.isf(HOURLY, 3, 0.1 * effective)
            said.append(n)
        else:
            assert answer == Answer.INSUFFICIENT
    assert said == list(range(min(said), 6_000, 100))
    assert 0.2 * min(said) < 1.3 * stats.ncx2.isf(HOURLY, 3, 0.1 * min(said))


@pytest.mark.parametrize(
    "mistake", [{"phi": 0.9}, {"phi": math.nan}, {"tau": -0.1}, {"tau": math.nan}, {"alpha": 0.0}, {"alpha": 0.6}]
)
def test_mistakes_are_refused(mistake: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        at_one_scale(HALF, HALF, **mistake)
