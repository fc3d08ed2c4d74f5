"""Drift over merged windows: small shifts are found, what a version does by itself is not, and what is over is over."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from numpy.typing import NDArray

from daemon.config.detection import BaselineSettings, Drift, Level, Sensitivity, Watch
from daemon.config.endpoint import EndpointSettings
from daemon.config.remedies import Promote, Rollback
from daemon.domain.baseline import Baseline, BaselineColumn, BaselineKind
from daemon.domain.finding import Finding, Reason, Verdict
from daemon.domain.history import History
from daemon.domain.profile import Coverage, Health, Profile
from daemon.domain.schema import Column, Kind, Signature
from daemon.domain.window import Window
from daemon.watch.drift import drift
from daemon.watch.history import due, learn
from daemon.watch.phases import phase_of
from daemon.watch.profile import merge
from daemon.watch.scales import every_scale
from detectors.bins import cut_numeric

Values = NDArray[np.float64]
Rng = np.random.Generator

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)


def settings(**changes: object) -> EndpointSettings:
    plain: dict[str, object] = {
        "watch": Watch(window=HOUR),
        "drift": Drift(tolerance=0.1, design_effect=1),
        "rollback": Rollback(timeout=timedelta(hours=6)),
        "promote": Promote(timeout=timedelta(hours=6)),
    }
    return EndpointSettings(name="flights", table="/t", model="m", **{**plain, **changes})  # type: ignore[arg-type]


LEARNT = settings(drift=Drift(tolerance=0.1))


@pytest.fixture
def rng() -> Rng:
    return np.random.default_rng(20261126)


def baseline_of(values: Values) -> Baseline:
    bins = cut_numeric(values)
    column = Column("x", Kind.NUMERIC)
    counted = BaselineColumn(column, bins, bins.count(values))
    return Baseline(
        "flights", 1, BaselineKind.TRAINING, "here", len(values), MONDAY, {"x": counted}, Signature((column,), ()), id=1
    )


def hours(known: Baseline, samples: Iterable[Values], *, since: datetime = MONDAY) -> list[Profile]:
    """Return one profile for each sample, an hour each."""
    bins = known.columns["x"].bins
    return [
        Profile(
            "flights",
            1,
            Window(since + n * HOUR, since + (n + 1) * HOUR),
            Health(len(values)),
            Coverage(),
            known.id,
            {"x": bins.count(values)},  # type: ignore[arg-type]
        )
        for n, values in enumerate(samples)
    ]


def ks(profiles: Sequence[Profile], known: Baseline, of: EndpointSettings, history: History | None = None) -> Finding:
    return next(f for f in drift(profiles, known, history, of) if f.check.name == "x/ks")


def windows(finding: Finding) -> float:
    return dict(finding.reported)["windows"]


def test_a_shift_that_no_single_window_could_tell_is_certain_once_windows_are_merged(rng: Rng) -> None:
    known = baseline_of(rng.normal(size=50_000))
    calm, shifted = (rng.normal(at, size=(24, 200)) for at in (0.0, 0.5))
    single = ks(hours(known, shifted)[:1], known, settings())
    merged = ks(hours(known, [*calm, *shifted]), known, settings())
    assert single.verdict is Verdict.INCONCLUSIVE
    assert (merged.verdict, merged.reason) == (Verdict.BREACH, Reason.CERTAINLY_BEYOND)
    assert 1 < windows(merged) <= 24
    # D of two normals half a standard deviation apart is 2 Phi(1/4) - 1
    assert merged.bound is not None
    assert merged.bound < 0.197 < (merged.statistic or 0) + 0.05


def test_what_does_not_move_breaches_nothing_at_any_scale(rng: Rng) -> None:
    known = baseline_of(rng.normal(size=50_000))
    told = {f.verdict for f in drift(hours(known, rng.normal(size=(168, 500))), known, None, settings())}
    assert told <= {Verdict.HEALTHY, Verdict.INCONCLUSIVE}


def test_before_a_version_has_a_history_nothing_is_certified(rng: Rng) -> None:
    known = baseline_of(rng.normal(size=50_000))
    far = hours(known, rng.normal(3, size=(24, 2_000)))
    found = ks(far, known, LEARNT)
    assert (found.verdict, found.reason) == (Verdict.INCONCLUSIVE, Reason.NO_HISTORY)
    history = learn(hours(known, rng.normal(size=(10, 2_000))), known, LEARNT)
    assert ks(far, known, LEARNT, history).verdict is Verdict.BREACH


def clustered(rng: Rng, count: int, at: float = 0.0) -> Iterable[Values]:
    """Yield windows of 20 clients who send 50 requests that resemble each other."""
    for _ in range(count):
        clients = rng.normal(at, np.sqrt(0.9), 20)
        yield np.concatenate([rng.normal(client, np.sqrt(0.1), 50) for client in clients])


def test_clients_that_send_alike_are_no_drift_once_their_history_is_known(rng: Rng) -> None:
    known = baseline_of(rng.normal(size=50_000))
    history = learn(hours(known, clustered(rng, 80)), known, LEARNT)
    independent = settings(drift=Drift(tolerance=0.02, design_effect=1))
    certified = [
        ks(hours(known, [values]), known, of, learnt).verdict is Verdict.BREACH
        for values in clustered(rng, 40)
        for of, learnt in ((independent, None), (settings(drift=Drift(tolerance=0.02)), history))
    ]
    assert sum(certified[0::2]) > 5, "rows are not independent, and taken as such they lie"
    assert sum(certified[1::2]) == 0
    assert ks(hours(known, clustered(rng, 24, at=1.0)), known, LEARNT, history).verdict is Verdict.BREACH


def test_what_is_over_is_not_in_breach_however_long_the_longer_scales_remember_it(rng: Rng) -> None:
    known = baseline_of(rng.normal(size=50_000))
    then, now = rng.normal(1, size=(12, 2_000)), rng.normal(size=(3, 2_000))
    assert ks(hours(known, then), known, settings()).verdict is Verdict.BREACH
    found = {f.check.name: f.verdict for f in drift(hours(known, [*then, *now]), known, None, settings())}
    assert Verdict.BREACH not in found.values()
    assert found["x/ks"] is Verdict.HEALTHY


def test_what_is_over_ends_for_an_index_as_well_however_small_the_baseline(rng: Rng) -> None:
    known = baseline_of(rng.normal(size=1_500))
    then, now = rng.normal(1, size=(4, 1_500)), rng.normal(size=(3, 1_500))
    found = {f.check.name: f.verdict for f in drift(hours(known, [*then, *now]), known, None, settings())}
    assert found["x/psi"] is Verdict.HEALTHY
    still = {f.check.name: f.verdict for f in drift(hours(known, then), known, None, settings())}
    assert still["x/psi"] is Verdict.BREACH


@pytest.mark.parametrize(
    ("rows", "verdict", "reason"),
    [(0, Verdict.NO_DATA, Reason.NO_ROWS), (30, Verdict.INCONCLUSIVE, Reason.TOO_FEW_ROWS)],
)
def test_a_window_that_adds_next_to_nothing_says_nothing(rng: Rng, rows: int, verdict: Verdict, reason: Reason) -> None:
    known = baseline_of(rng.normal(size=50_000))
    found = ks(hours(known, [*rng.normal(1, size=(12, 2_000)), rng.normal(1, size=rows)]), known, settings())
    assert (found.verdict, found.reason, found.warns) == (verdict, reason, False)


def test_windows_in_other_bins_are_left_out(rng: Rng) -> None:
    known = baseline_of(rng.normal(size=50_000))
    shifted = hours(known, rng.normal(0.5, size=(24, 200)))
    others = [replace(p, baseline_id=7) for p in shifted[:-1]]
    assert ks([*others, shifted[-1]], known, settings()).verdict is Verdict.INCONCLUSIVE
    assert ks(shifted, known, settings()).verdict is Verdict.BREACH


def test_a_window_and_the_shorter_ones_it_was_read_again_as_count_once(rng: Rng) -> None:
    known = baseline_of(rng.normal(size=50_000))
    quarters = [
        replace(p, window=Window(MONDAY + n * HOUR / 4, MONDAY + (n + 1) * HOUR / 4))
        for n, p in enumerate(hours(known, rng.normal(0.5, size=(4, 200))))
    ]
    whole = hours(known, [rng.normal(0.5, size=800)])
    of = settings(watch=Watch(window=HOUR / 4))
    both = sorted([*whole, *quarters], key=lambda p: p.window)
    assert ks(both, known, of) == ks(quarters, known, of)


def test_a_warning_comes_before_anything_is_acted_upon(rng: Rng) -> None:
    known = baseline_of(rng.normal(size=50_000))
    shifted = hours(known, rng.normal(0.2, size=(60, 500)))
    found = ks(shifted, known, settings())
    # D is 0.08: below what is tolerated, above half of it
    assert (found.verdict is Verdict.BREACH, found.warns) == (False, True)


def daily(rng: Rng) -> Callable[[int], Values]:
    """Return the values of the n-th hour: the afternoons lie a standard deviation above the mornings."""
    return lambda n: rng.normal(0.5 if n % 24 >= 12 else -0.5, size=1_000)


def test_a_daily_cycle_is_no_drift_of_whole_days(rng: Rng) -> None:
    draw = daily(rng)
    known = baseline_of(np.concatenate([draw(n) for n in range(96)]))
    days = hours(known, map(draw, range(60)))
    each = Sensitivity(prediction=Level.DAILY, feature=Level.DAILY, quality=Level.DAILY)
    assert ks(days, known, settings()).verdict is Verdict.BREACH, "half a day is not like the whole"
    assert ks(days, known, settings(sensitivity=each)).verdict is Verdict.HEALTHY


def test_a_seasonal_baseline_expects_of_each_hour_what_that_hour_brings(rng: Rng) -> None:
    draw = daily(rng)
    known = baseline_of(np.concatenate([draw(n) for n in range(96)]))
    seasonal = settings(baseline=BaselineSettings(kind="seasonal"), drift=Drift(tolerance=0.1))
    weeks = hours(known, map(draw, range(60 * 24)))
    history = learn(weeks, known, seasonal)
    assert history is not None
    assert history.phases is not None
    assert history.phases.weekly
    now = hours(known, map(draw, range(60)), since=MONDAY + timedelta(days=63))
    assert {ks(now[:n], known, seasonal, history).verdict for n in range(30, 60)} == {Verdict.HEALTHY}
    nights = hours(known, [draw(n + 12) for n in range(6)], since=MONDAY + timedelta(days=63))
    assert ks(nights, known, seasonal, history).verdict is Verdict.BREACH, "the afternoon's values in the morning"


def test_before_two_weeks_are_known_a_seasonal_baseline_compares_whole_days(rng: Rng) -> None:
    draw = daily(rng)
    known = baseline_of(np.concatenate([draw(n) for n in range(96)]))
    seasonal = settings(baseline=BaselineSettings(kind="seasonal"))
    assert ks(hours(known, map(draw, range(60))), known, seasonal).verdict is Verdict.HEALTHY


def test_a_history_is_learnt_from_all_but_the_newest_quarter(rng: Rng) -> None:
    known = baseline_of(rng.normal(size=50_000))
    calm, moved = rng.normal(size=(12, 1_000)), rng.normal(1, size=(4, 1_000))
    with_drift, without = (learn(hours(known, rows), known, LEARNT) for rows in ([*calm, *moved], calm))
    assert with_drift is not None
    assert without is not None
    assert with_drift.windows == 12
    assert with_drift.until == MONDAY + 12 * HOUR
    assert with_drift.effects["x", None].phi[0] < 3, "nothing of the drift is in it"


def test_it_is_learnt_anew_each_time_there_is_twice_as_much_to_learn_from(rng: Rng) -> None:
    known = baseline_of(rng.normal(size=50_000))
    learnt, kept = [], None
    for calm in range(200):
        if due(kept, calm, LEARNT, since=MONDAY - timedelta(days=1), now=MONDAY + calm * HOUR):
            kept = learn(hours(known, rng.normal(size=(calm, 50))), known, LEARNT)
            learnt.append(calm)
    assert learnt == [10, 21, 42, 85, 170]


def test_many_windows_of_a_short_time_teach_nothing_yet() -> None:
    day = timedelta(days=1)
    assert not due(None, 500, LEARNT, since=MONDAY, now=MONDAY + day - HOUR)
    assert due(None, 500, LEARNT, since=MONDAY, now=MONDAY + day)


def test_of_too_few_windows_nothing_is_learnt(rng: Rng) -> None:
    known = baseline_of(rng.normal(size=50_000))
    assert learn(hours(known, rng.normal(size=(7, 1_000))), known, LEARNT) is None


def test_every_scale_that_is_asked_for_is_learnt() -> None:
    weekly = settings(sensitivity=Sensitivity(prediction=Level.WEEKLY))
    assert set(every_scale(settings())) < set(every_scale(weekly))
    assert max(every_scale(weekly)) == 4 * 7 * 24


@pytest.mark.parametrize(("moment", "of_week", "of_day"), [("2026-03-02T00:30", 0, 0), ("2026-03-08T23:00", 167, 47)])
def test_phases_are_hours_of_the_week_or_of_working_days_and_weekends(moment: str, of_week: int, of_day: int) -> None:
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    assert (phase_of(at, weekly=True), phase_of(at, weekly=False)) == (of_week, of_day)


@pytest.mark.parametrize("of", [4, 12])
def test_whole_days_are_the_same_whether_their_hours_or_blocks_of_several_are_kept(rng: Rng, of: int) -> None:
    """What `store.merge_profiles` does to windows, at a length of hours."""
    known = baseline_of(rng.normal(size=50_000))
    each = settings(sensitivity=Sensitivity(feature=Level.DAILY))
    single = hours(known, rng.normal(0.6, size=(5 * 24, 100)))
    blocks = [merge(single[n : n + of]) for n in range(0, 4 * 24, of)]
    plain, thinned = ks(single, known, each), ks([*blocks, *single[4 * 24 :]], known, each)
    assert (plain.verdict, plain.n, plain.statistic) == (thinned.verdict, thinned.n, thinned.statistic)
    assert plain.verdict is Verdict.BREACH


def test_a_column_may_be_an_exception(rng: Rng) -> None:
    known = baseline_of(rng.normal(size=50_000))
    far = hours(known, rng.normal(3, size=(3, 2_000)))
    assert ks(far, known, settings(sensitivity=Sensitivity(columns={"x": Level.DAILY}))).verdict is not Verdict.BREACH
    assert ks(far, known, settings(sensitivity=Sensitivity(columns={"y": Level.DAILY}))).verdict is Verdict.BREACH
