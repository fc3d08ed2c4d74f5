"""What a look leaves behind: proposals and events, once for each stretch of trouble."""

from datetime import timedelta
from typing import Any

import pytest

from daemon.config.remedies import Modes, Retrain
from daemon.domain.decision import Because
from daemon.domain.event import Severity
from daemon.domain.finding import Against, Verdict
from daemon.domain.remediation import Mode, Remediation, Remedy, Standing, State, VersionVerdict
from daemon.domain.trail import Phase
from daemon.store import remediations, verdicts
from tests.watch.traffic import MODEL, START, after, window
from tests.watch.world import FLIGHTS, Begin, World

HOUR = timedelta(hours=1)


def evidence(one: Remediation) -> dict[str, dict[str, Any]]:
    findings: Any = one.evidence["findings"]
    return {finding["check"]: finding for finding in findings}


def test_a_shift_is_pending_then_fires_and_is_proposed_once_with_its_evidence(world: World) -> None:
    world.live(range(3))
    phases = []
    for n in range(3, 8):
        world.live([n], shift=60)
        phases.append((world.trail("distance/ks").phase, len(world.proposals())))
    assert phases == [(Phase.PENDING, 0), (Phase.PENDING, 0)] + [(Phase.FIRING, 1)] * 3
    (one,) = world.proposals()
    assert (one.remedy, one.state, one.model, one.from_version) == (Remedy.RETRAIN, State.PROPOSED, MODEL, 1)
    assert one.reason == Because.DRIFT
    assert one.evidence["since"] == window(3).start.isoformat()
    ks = evidence(one)["distance/ks"]
    assert (ks["verdict"], ks["n"], ks["threshold"]) == (Verdict.BREACH, 100, 0.3)
    assert ks["bound"] > 0.3
    assert world.told() == []


def test_it_is_not_proposed_while_anything_is_open_and_again_when_nothing_is(world: World) -> None:
    world.live(range(3))
    world.live(range(3, 8), shift=60)
    world.end_proposals()
    world.look()
    assert [p.state for p in world.proposals()] == [State.EXPIRED, State.PROPOSED]


def test_calm_windows_end_it_and_nothing_more_is_proposed(world: World) -> None:
    world.live(range(3))
    world.live(range(3, 6), shift=60)
    world.end_proposals()
    world.live(range(6, 9))
    assert world.trouble() == {}
    assert len(world.proposals()) == 1


@pytest.mark.parametrize(
    "off", [{"mode": Modes(retrain=Mode.OFF)}, {"retrain": Retrain(job_id=None)}], ids=["mode off", "no job"]
)
def test_where_retraining_is_off_people_are_told_once_for_each_stretch_of_trouble(
    begin: Begin, off: dict[str, object]
) -> None:
    world = begin(**off)
    world.live(range(3))
    world.live(range(3, 8), shift=60)
    world.look()
    assert world.proposals() == []
    (event,) = world.events()
    assert (event.kind, event.severity) == ("watch.certified_drift", Severity.WARNING)
    assert event.numbers["since"] == window(3).start.isoformat()
    world.live(range(8, 11))
    world.live(range(11, 15), shift=60)
    assert [e.numbers["since"] for e in world.events()] == [window(n).start.isoformat() for n in (3, 11)]


def test_drift_of_a_version_that_is_not_in_charge_is_left_to_its_promotion(world: World) -> None:
    world.deploy({1: 90, 2: 10})
    for n in range(5):
        world.traffic(n, version=2, shift=60)
        seen = world.live([n])
    assert world.trail("distance/ks", version=2).phase is Phase.FIRING
    assert seen.decision.because is Because.NOT_YET
    assert world.proposals() == []


def test_after_a_good_one_it_is_proposed_to_go_back_once(world: World) -> None:
    world.live(range(4))
    world.deploy({2: 100})
    world.live(range(4, 9), version=2, refused=0.3)
    assert world.proposed() == [(Remedy.ROLLBACK, 2, 1)]
    (one,) = world.proposals()
    assert one.reason == Because.VERSION_GOT_WORSE
    assert one.created_at == after(6), "the third window in breach"
    assert evidence(one)["error_rate_4xx"]["against"] == "version_before"
    assert evidence(one)["error_rate_4xx"]["against_version"] == 1


def test_a_slow_one_is_gone_back_from_as_well(world: World) -> None:
    world.live(range(12))
    world.deploy({2: 100})
    world.live(range(12, 15), version=2, ms=200)
    assert world.proposed() == [(Remedy.ROLLBACK, 2, 1)]


def test_beside_a_good_one_it_is_compared_in_the_same_minutes(world: World) -> None:
    world.live(range(4))
    world.deploy({1: 80, 2: 20})
    for n in range(4, 8):
        world.traffic(n, version=2, failed=0.3)
        world.live([n])
    assert world.proposed() == [(Remedy.ROLLBACK, 2, 1)]
    compared = world.trail("error_rate_5xx", version=2).last
    assert (compared.against, compared.against_version) == (Against.BESIDE, 1)
    assert world.trail("error_rate_5xx", version=1).phase is Phase.INACTIVE


def test_a_rollback_does_not_wait_for_a_retraining(world: World) -> None:
    world.live(range(3))
    world.live(range(3, 6), shift=60)
    world.deploy({2: 100})
    world.live(range(6, 9), version=2, failed=0.3)
    assert [p.remedy for p in world.proposals()] == [Remedy.RETRAIN, Remedy.ROLLBACK]


def test_where_rolling_back_is_off_people_are_told(begin: Begin) -> None:
    world = begin(mode=Modes(rollback=Mode.OFF))
    world.live(range(4))
    world.deploy({2: 100})
    world.live(range(4, 9), version=2, refused=0.3)
    assert world.proposals() == []
    assert world.told() == ["endpoint.changed", "watch.version_is_worse_than_the_last_good_one"]


def test_the_very_first_version_is_paged_and_nothing_is_proposed(world: World) -> None:
    world.live(range(6), failed=0.3)
    assert world.proposals() == []
    (page,) = world.events()
    assert (page.kind, page.severity) == ("watch.no_known_good_version_to_go_back_to", Severity.PAGE)
    assert "error_rate_5xx 0.3 (certainly above" in page.sentence


def test_one_that_served_well_and_then_fails_is_paged_once_for_each_stretch(world: World) -> None:
    world.live(range(4))
    world.live(range(4, 9), failed=0.3)
    world.look()
    assert world.told() == ["watch.trouble_is_not_the_versions"]
    world.live(range(9, 13))
    world.live(range(13, 18), failed=0.3)
    assert world.told() == ["watch.trouble_is_not_the_versions"] * 2
    assert world.proposals() == []


def test_trouble_that_goes_on_with_another_check_is_told_once(world: World) -> None:
    world.live(range(12))
    world.live([12], failed=0.3)
    world.live([13, 14], failed=0.3, ms=300)
    world.live(range(15, 19), ms=300)
    assert world.trail("error_rate_5xx").phase is Phase.RESOLVED
    assert world.trail("latency_p50").phase is Phase.FIRING
    assert world.trail("latency_p50").since == window(13).start
    assert world.told() == ["watch.trouble_is_not_the_versions"]


def test_a_version_known_bad_never_becomes_good_by_itself(world: World) -> None:
    with world.store.begin() as tx:
        verdicts.set_standing(tx, VersionVerdict(FLIGHTS, MODEL, 1, Standing.BAD, "so told", START))
    world.live(range(5))
    assert [v.standing for v in world.record()] == [Standing.BAD]


def test_good_is_known_as_of_the_newest_window_that_was_served_well(world: World) -> None:
    world.live(range(4))
    world.live([4], count=20)  # too few to tell
    assert world.record()[0].set_at == window(3).end
    world.live([5])
    assert world.record()[0].set_at == window(5).end


def test_a_check_that_comes_and_goes_is_paged_once_and_not_acted_upon_any_more(world: World) -> None:
    world.change(retrain=Retrain(job_id=None))
    world.live(range(3))
    for n in range(3, 40):
        world.live([n], shift=60 if n % 2 else 0)
    assert {t.last.check.name for t in world.trails() if t.flapping} >= {"distance/ks", "prediction/ks"}
    told = world.events("watch.flapping")
    assert [(e.severity, e.endpoint) for e in told] == [(Severity.PAGE, FLIGHTS)]
    assert "distance/ks of version 1" in told[0].sentence
    world.change(retrain=Retrain(job_id=7))
    assert world.live([41], shift=60).decision.because is Because.FLAPPING
    assert world.proposals() == []


def test_a_check_that_has_come_to_rest_and_comes_and_goes_again_is_paged_again(world: World) -> None:
    world.change(retrain=Retrain(job_id=None))
    world.live(range(3))
    restless = [*range(3, 23), *range(47, 67)]
    for n in range(3, 67):
        world.live([n], shift=60 if n in restless and n % 2 else 0)
        if n == 46:
            assert not any(t.flapping for t in world.trails())
    assert len(world.events("watch.flapping")) == 2


def test_nulls_and_drift_at_once_are_paged_and_never_trained_on(world: World) -> None:
    world.live(range(3))
    seen = world.live(range(3, 8), nulls=0.6, shift=60)
    assert {"distance/ks", "distance/null_rate"} <= world.trouble().keys()
    assert seen.decision.because is Because.DATA_BROKEN
    assert (world.told(), world.proposals()) == (["watch.data_is_broken"], [])


def test_nulls_that_come_a_window_after_the_drift_hold_it_back_as_well(world: World) -> None:
    world.live(range(3))
    world.live([3], shift=60)
    seen = world.live(range(4, 6), nulls=0.6, shift=60)
    assert world.trail("distance/ks").phase is Phase.FIRING
    assert world.trail("distance/null_rate").phase is Phase.PENDING
    assert seen.decision.because is Because.NOT_YET
    world.live([6], nulls=0.6, shift=60)
    assert (world.told(), world.proposals()) == (["watch.data_is_broken"], [])


def test_what_is_certain_at_the_level_of_a_warning_is_told_once_and_not_acted_upon(world: World) -> None:
    world.change(drift=world.settings[FLIGHTS].drift.model_copy(update={"tolerance": 0.6, "psi": 20.0}))
    world.live(range(3))
    world.live(range(3, 9), shift=60)
    assert world.told() == ["watch.warning"]
    (told,) = world.events("watch.warning")
    assert "distance/ks 0.615, tolerated 0.6" in told.sentence
    assert world.proposals() == []
    world.live(range(9, 14))
    world.live(range(14, 17), shift=60)
    assert world.told() == ["watch.warning", "watch.warning"], "another stretch"


def test_after_a_retraining_what_led_to_it_is_no_evidence_for_another(world: World) -> None:
    world.live(range(3))
    world.live(range(3, 6), shift=60)
    (one,) = world.proposals()
    with world.store.begin() as tx:
        begun = remediations.move(tx, one, State.APPROVED, now=world.now)
        assert begun
        running = remediations.move(tx, begun, State.EXECUTING, now=world.now, began_at=world.now)
        assert running
        assert remediations.move(tx, running, State.FAILED, now=after(5))
    found = world.live([6], shift=60).findings
    (shift,) = (f for f in found if f.check.name == "prediction/psi")
    assert dict(shift.reported)["windows"] == 1
