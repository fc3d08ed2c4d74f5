"""Causes point to remedies: every branch of the decision, by a story."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config.detection import Decide
from daemon.domain.decision import Action, Because
from daemon.domain.finding import Against, Check, Statistic
from daemon.domain.remediation import Remedy, Standing, VersionVerdict
from daemon.domain.trail import Phase, Trail
from daemon.watch.decide import View, decide, last_known_good
from tests.watch.stories import DRIFT, ERRORS, START, firing, lived, window

NOW = START + timedelta(hours=2)
STALE = timedelta(hours=2)
LABELS_STALE = timedelta(hours=9)
RULE = Decide(breaches=3, of=5)
NULLS = Check(Statistic.NULLS, "carrier")
FELL = Check(Statistic.ACCURACY)


def verdict(version: int, standing: Standing = Standing.GOOD, *, hours: int = 0) -> VersionVerdict:
    return VersionVerdict("flights", "m", version, standing, "", START + timedelta(hours=hours))


def view(
    *trails: Trail,
    main: int = 2,
    record: tuple[VersionVerdict, ...] = (),
    ill: tuple[str, ...] = (),
    behind: bool = False,
    unattributed: int = 0,
) -> View:
    read_until = dict.fromkeys(ill, window(4).end)
    return View("flights", main, trails, record, read_until, START, behind, unattributed, LABELS_STALE)


def decided(*trails: Trail, **about: object) -> tuple[Action, Because, Remedy | None, int | None]:
    decision = decide(view(*trails, **about), stale_after=STALE, now=NOW)  # type: ignore[arg-type]
    return decision.action, decision.because, decision.remedy, decision.target


def test_drift_of_the_version_in_charge_leads_to_a_retraining() -> None:
    assert decided(firing(DRIFT, version=2)) == (Action.REMEDIATE, Because.DRIFT, Remedy.RETRAIN, None)


def test_drift_of_a_version_that_is_not_in_charge_leads_to_nothing() -> None:
    assert decided(firing(DRIFT, version=3))[0] is Action.NOTHING


def test_a_fall_of_performance_of_the_version_in_charge_leads_to_a_retraining() -> None:
    assert decided(firing(FELL, version=2)) == (Action.REMEDIATE, Because.PERFORMANCE_FELL, Remedy.RETRAIN, None)
    assert decided(firing(FELL, version=3))[0] is Action.NOTHING


def test_performance_is_asked_after_health_and_data_and_before_drift() -> None:
    fell, drifted = firing(FELL, version=2), firing(DRIFT, version=2)
    assert decided(fell, drifted)[1] is Because.PERFORMANCE_FELL
    assert decided(fell, drifted, firing(NULLS, version=2))[1] is Because.DATA_BROKEN
    assert decided(fell, drifted, firing(ERRORS, version=2))[1] is Because.NO_GOOD_VERSION


@pytest.mark.parametrize("check", [ERRORS, NULLS])
def test_a_fall_of_performance_waits_while_health_or_data_may_be_its_cause(check: Check) -> None:
    suspicion = lived("hhb", RULE, check=check, version=2)
    assert decided(firing(FELL, version=2), suspicion)[:2] == (Action.NOTHING, Because.NOT_YET)
    assert decided(firing(FELL, version=2), lived("hhb", RULE, check=DRIFT, version=2))[2] is Remedy.RETRAIN


def test_what_labels_said_speaks_for_as_long_as_labels_are_late() -> None:
    seen = lived("h" * 40, RULE, version=2)
    fell = firing(FELL, version=2)
    about = view(fell, seen)
    now = window(39).end + timedelta(hours=1)
    assert now - window(2).end > LABELS_STALE
    assert decide(about, stale_after=STALE, now=now).because is Because.BLIND
    later = replace(about, labels_stale_after=timedelta(hours=11))
    assert decide(later, stale_after=STALE, now=now).because is Because.PERFORMANCE_FELL


def test_a_version_worse_than_the_good_one_before_it_is_rolled_back_to_that() -> None:
    bad = firing(version=3, against=Against.BEFORE, against_version=2)
    assert decided(bad, main=3, record=(verdict(1), verdict(2, hours=1))) == (
        Action.REMEDIATE,
        Because.VERSION_GOT_WORSE,
        Remedy.ROLLBACK,
        2,
    )


def test_a_version_worse_than_the_one_beside_it_is_rolled_back() -> None:
    bad = firing(version=3, against=Against.BESIDE, against_version=2)
    assert decided(bad, record=(verdict(2),))[2:] == (Remedy.ROLLBACK, 2)


def test_it_is_never_rolled_back_to_a_version_known_bad_even_where_that_is_the_number_before() -> None:
    bad = firing(version=4, against=Against.BEFORE, against_version=1)
    record = (verdict(1), verdict(2, hours=1), verdict(3, Standing.BAD, hours=9))
    assert decided(bad, main=4, record=record)[3] == 2


def test_without_a_good_version_somebody_is_called() -> None:
    bad = firing(version=3, against=Against.BESIDE, against_version=2)
    assert decided(bad, record=(verdict(2, Standing.BAD),))[:2] == (Action.PAGE, Because.NO_GOOD_VERSION)


def test_trouble_of_a_version_that_served_well_before_is_not_the_versions() -> None:
    ill = firing(version=2, against=Against.ITSELF, against_version=2)
    assert decided(ill, record=(verdict(1), verdict(2)))[:2] == (Action.PAGE, Because.NOT_THE_VERSION)


def test_trouble_on_several_endpoints_at_once_pages_and_stands_still() -> None:
    bad = firing(version=3, against=Against.BEFORE, against_version=2)
    assert decided(bad, record=(verdict(2),), ill=("air-time",))[:3] == (Action.PAGE, Because.UPSTREAM, None)


def test_broken_data_pages_and_is_never_trained_on() -> None:
    assert decided(firing(DRIFT, version=2), firing(NULLS, version=2))[:3] == (Action.PAGE, Because.DATA_BROKEN, None)


def test_a_failing_version_is_rolled_back_before_anybody_trains() -> None:
    bad = firing(version=2, against=Against.BEFORE, against_version=1)
    assert decided(firing(DRIFT, version=2), bad, record=(verdict(1),))[2] is Remedy.ROLLBACK


def test_only_the_version_that_is_worse_is_blamed_where_a_good_one_is_in_greater_trouble() -> None:
    good = firing(version=1, check=Check(Statistic.LATENCY_P99), against=Against.ITSELF)
    loud = replace(good, last=replace(good.last, bound=9.9))
    bad = firing(version=2, against=Against.BESIDE, against_version=1)
    decision = decide(view(loud, bad, record=(verdict(1),)), stale_after=STALE, now=NOW)
    assert (decision.remedy, decision.version, decision.target) == (Remedy.ROLLBACK, 2, 1)
    assert [f.version for f in decision.evidence] == [2]


def test_the_first_version_there_is_has_nothing_to_go_back_to() -> None:
    assert decided(firing(version=1, against=Against.NOTHING), main=1)[:2] == (Action.PAGE, Because.NO_GOOD_VERSION)


def test_what_is_pending_waits() -> None:
    pending = lived("b", RULE)
    assert decided(pending)[:2] == (Action.NOTHING, Because.NOT_YET)
    assert decided(lived("h", RULE))[:2] == (Action.NOTHING, Because.ALL_WELL)


@pytest.mark.parametrize("letters", ["b", "bbbh", "bbbi"], ids=["pending", "clearing", "firing"])
@pytest.mark.parametrize("check", [NULLS, ERRORS])
def test_drift_waits_while_it_may_have_another_cause(check: Check, letters: str) -> None:
    assert decided(firing(DRIFT, version=2), lived(letters, RULE, check=check))[1] is Because.NOT_YET


def test_drift_waits_for_a_cause_that_cannot_be_measured_any_more_but_not_for_a_forgotten_suspicion() -> None:
    now = window(9).end + STALE
    drift = replace(firing(DRIFT, version=2), seen=window(9).end, newest=window(9).end)
    unmeasured = lived("bbb" + "n" * 7, RULE, check=NULLS)
    waits = decide(view(drift, unmeasured), stale_after=STALE, now=now)
    assert (waits.action, waits.because, waits.since) == (Action.NOTHING, Because.BLIND, window(2).end)
    suspicion = lived("b" + "n" * 9, RULE, check=NULLS)
    assert decide(view(drift, suspicion), stale_after=STALE, now=now).remedy is Remedy.RETRAIN


@pytest.mark.parametrize("newest", "hmin")
def test_what_the_newest_window_does_not_show_is_not_acted_upon(newest: str) -> None:
    believed = lived("bbb" + newest, RULE, version=2, against=Against.BEFORE)
    assert believed.phase is (Phase.CLEARING if newest == "h" else Phase.FIRING)
    assert decided(believed, record=(verdict(1),))[:2] == (Action.NOTHING, Because.NOT_YET)


FLAPS = "b" + "hb" * 10


def test_what_comes_and_goes_is_not_acted_upon() -> None:
    restless = lived(FLAPS, RULE, version=2, against=Against.BEFORE)
    assert (restless.phase, restless.flapping) == (Phase.FIRING, True)
    steady = replace(restless, flapping=False)
    now = window(len(FLAPS)).end
    decisions = [decide(view(trail, record=(verdict(1),)), stale_after=STALE, now=now) for trail in (restless, steady)]
    assert [(d.action, d.because) for d in decisions] == [
        (Action.NOTHING, Because.FLAPPING),
        (Action.REMEDIATE, Because.VERSION_GOT_WORSE),
    ]
    assert decisions[0].sentence == "error_rate_5xx of version 2 comes and goes: that is not acted upon"


def test_a_steady_check_is_acted_upon_beside_one_that_comes_and_goes() -> None:
    restless = lived(FLAPS, RULE, version=2, check=Check(Statistic.ERRORS_4XX), against=Against.BEFORE)
    steady = replace(lived("bbb", RULE, version=2, against=Against.BEFORE), seen=restless.seen)
    decision = decide(view(restless, steady, record=(verdict(1),)), stale_after=STALE, now=window(len(FLAPS)).end)
    assert [f.check for f in decision.evidence] == [ERRORS]


def test_what_is_without_an_answer_is_named_with_the_time_since_when_nothing_is_known_of_it() -> None:
    lively = lived("h" * 20, RULE, version=2)
    lost = (lived("bbb", RULE, version=2, check=NULLS), lived("bbbbh", RULE, version=2, check=DRIFT))
    decision = decide(view(lively, *lost), stale_after=STALE, now=window(20).end)
    assert (decision.because, decision.since) == (Because.BLIND, window(2).end)
    assert decision.sentence.startswith("carrier/null_rate of version 2, distance/ks of version 2: in trouble")


EVERYTHING = (firing(ERRORS, version=2, against=Against.BEFORE), firing(DRIFT, version=2))


def test_what_has_not_been_seen_lately_is_not_acted_upon_however_loudly_it_fires() -> None:
    late = decide(view(*EVERYTHING, record=(verdict(1),)), stale_after=STALE, now=NOW + timedelta(days=1))
    assert (late.action, late.because, late.since) == (Action.NOTHING, Because.BLIND, window(2).end)


def test_a_version_that_fell_silent_is_not_acted_upon_because_another_is_seen() -> None:
    now = window(2).end + STALE
    lively = lived("nnnnn", RULE, version=1)
    assert (
        decide(view(*EVERYTHING, lively, record=(verdict(1),)), stale_after=STALE, now=now).action is not Action.NOTHING
    )
    later = now + timedelta(seconds=1)
    assert (
        decide(view(*EVERYTHING, lively, record=(verdict(1),)), stale_after=STALE, now=later).action is Action.NOTHING
    )


def test_nothing_is_acted_upon_while_the_past_is_still_being_read() -> None:
    assert decided(*EVERYTHING, record=(verdict(1),), behind=True)[:2] == (Action.NOTHING, Because.BEHIND)


def test_what_was_never_seen_is_told_once_it_has_lasted() -> None:
    assert decide(view(), stale_after=STALE, now=START + STALE).because is Because.NOT_YET
    blind = decide(view(unattributed=70), stale_after=STALE, now=START + STALE + timedelta(seconds=1))
    assert (blind.because, blind.since) == (Because.BLIND, START)
    assert "nobody can tell which version answered 70 requests" in blind.sentence


def test_a_decision_says_since_when_and_with_which_numbers() -> None:
    decision = decide(view(firing(DRIFT, version=2)), stale_after=STALE, now=NOW)
    assert decision.since == START
    assert decision.evidence[0].check == DRIFT
    assert "distance/ks 0.3 (certainly above 0.2, tolerated 0.1, n 1000)" in decision.sentence


@given(
    st.lists(st.tuples(st.integers(1, 6), st.sampled_from(Standing), st.integers(0, 50)), max_size=8),
    st.integers(1, 6),
)
def test_the_last_known_good_version_is_good_newest_and_another(
    rows: list[tuple[int, Standing, int]], but: int
) -> None:
    record = [verdict(v, standing, hours=hours) for v, standing, hours in {r[0]: r for r in rows}.values()]
    found = last_known_good(record, but=but)
    good = {v.version: v.set_at for v in record if v.standing is Standing.GOOD and v.version != but}
    assert (found is None) == (not good)
    if found is not None:
        assert good[found] == max(good.values())
