"""What a look leaves behind: proposals and events, once for each stretch of trouble, whatever the order of looks."""

from dataclasses import replace
from datetime import timedelta

import pytest

from daemon.config.endpoint import Modes, Retrain
from daemon.domain.decision import Because
from daemon.domain.event import Severity
from daemon.domain.finding import Phase, Verdict
from daemon.domain.remediation import Mode, Remedy, Standing, State, VersionVerdict
from daemon.store import remediations, verdicts
from tests.watch.conftest import Begin
from tests.watch.world import FLIGHTS, MODEL, START, World, after, requests, window

HOUR = timedelta(hours=1)


def proposed(world: World) -> list[tuple[Remedy, int | None, int | None]]:
    return [(p.remedy, p.from_version, p.to_version) for p in world.proposals()]


def end(world: World, state: State = State.EXPIRED) -> None:
    """Bring what is open to an end."""
    with world.store.begin() as tx:
        for one in remediations.opened(tx):
            remediations.move(tx, one, state, now=world.now)


class TestDrift:
    def test_a_shift_is_pending_then_fires_and_is_proposed_once_with_its_evidence(self, world: World) -> None:
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
        checks = {f["check"]: f for f in one.evidence["findings"]}  # type: ignore[attr-defined]
        assert checks["distance/ks"]["verdict"] == Verdict.BREACH
        assert checks["distance/ks"]["n"] == 100
        assert checks["distance/ks"]["bound"] > checks["distance/ks"]["threshold"] == 0.3
        assert world.told() == []

    def test_it_is_not_proposed_while_anything_is_open_and_again_when_nothing_is(self, world: World) -> None:
        world.live(range(3))
        world.live(range(3, 8), shift=60)
        end(world)
        world.look()
        assert [p.state for p in world.proposals()] == [State.EXPIRED, State.PROPOSED]

    def test_calm_windows_end_it_and_nothing_more_is_proposed(self, world: World) -> None:
        world.live(range(3))
        world.live(range(3, 6), shift=60)
        end(world)
        world.live(range(6, 9))
        assert world.trouble() == {}
        assert len(world.proposals()) == 1

    @pytest.mark.parametrize(
        "off", [{"mode": Modes(retrain=Mode.OFF)}, {"retrain": Retrain(job_id=None)}], ids=["mode off", "no job"]
    )
    def test_where_retraining_is_off_people_are_told_once_for_each_stretch_of_trouble(
        self, begin: Begin, off: dict[str, object]
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

    def test_drift_of_a_version_that_is_not_in_charge_is_left_to_its_promotion(self, world: World) -> None:
        world.deploy({1: 90, 2: 10})
        for n in range(5):
            world.traffic(n, version=2, shift=60)
            seen = world.live([n])
        assert world.trail("distance/ks", version=2).phase is Phase.FIRING
        assert seen.decision.because is Because.NOT_YET
        assert world.proposals() == []


class TestABadVersion:
    def test_after_a_good_one_it_is_proposed_to_go_back_once(self, world: World) -> None:
        world.live(range(4))
        world.deploy({2: 100})
        world.live(range(4, 9), version=2, refused=0.3)
        assert proposed(world) == [(Remedy.ROLLBACK, 2, 1)]
        (one,) = world.proposals()
        assert one.reason == Because.VERSION_GOT_WORSE
        assert one.created_at == after(6), "the third window in breach"
        (finding,) = one.evidence["findings"]  # type: ignore[misc]
        assert (finding["check"], finding["against"], finding["against_version"]) == (
            "error_rate_4xx",
            "version_before",
            1,
        )

    def test_a_slow_one_is_gone_back_from_as_well(self, world: World) -> None:
        world.live(range(12))
        world.deploy({2: 100})
        world.live(range(12, 15), version=2, ms=200)
        assert proposed(world) == [(Remedy.ROLLBACK, 2, 1)]

    def test_beside_a_good_one_it_is_compared_in_the_same_minutes(self, world: World) -> None:
        world.live(range(4))
        world.deploy({1: 80, 2: 20})
        for n in range(4, 8):
            world.traffic(n, version=2, failed=0.3)
            world.live([n])
        assert proposed(world) == [(Remedy.ROLLBACK, 2, 1)]
        assert world.trail("error_rate_5xx", version=2).last.against_version == 1
        assert world.trail("error_rate_5xx", version=1).phase is Phase.INACTIVE

    def test_a_rollback_does_not_wait_for_a_retraining(self, world: World) -> None:
        world.live(range(3))
        world.live(range(3, 6), shift=60)
        world.deploy({2: 100})
        world.live(range(6, 9), version=2, failed=0.3)
        assert [p.remedy for p in world.proposals()] == [Remedy.RETRAIN, Remedy.ROLLBACK]

    def test_where_rolling_back_is_off_people_are_told(self, begin: Begin) -> None:
        world = begin(mode=Modes(rollback=Mode.OFF))
        world.live(range(4))
        world.deploy({2: 100})
        world.live(range(4, 9), version=2, refused=0.3)
        assert world.proposals() == []
        assert world.told() == ["endpoint.changed", "watch.version_is_worse_than_the_last_good_one"]

    def test_the_very_first_version_is_paged_and_nothing_is_proposed(self, world: World) -> None:
        world.live(range(6), failed=0.3)
        assert world.proposals() == []
        (page,) = world.events()
        assert (page.kind, page.severity) == ("watch.no_known_good_version_to_go_back_to", Severity.PAGE)
        assert "error_rate_5xx 0.3 (certainly above" in page.sentence

    def test_one_that_served_well_and_then_fails_is_paged_once_for_each_stretch(self, world: World) -> None:
        world.live(range(4))
        world.live(range(4, 9), failed=0.3)
        world.look()
        assert world.told() == ["watch.trouble_is_not_the_versions"]
        world.live(range(9, 13))
        world.live(range(13, 18), failed=0.3)
        assert world.told() == ["watch.trouble_is_not_the_versions"] * 2
        assert world.proposals() == []

    def test_trouble_that_goes_on_with_another_check_is_told_once(self, world: World) -> None:
        world.live(range(12))
        world.live(range(12, 15), failed=0.3, ms=300)
        world.live(range(15, 19), ms=300)
        assert world.trail("error_rate_5xx").phase is Phase.RESOLVED
        assert world.trail("latency_p50").phase is Phase.FIRING
        assert world.told() == ["watch.trouble_is_not_the_versions"]

    def test_a_version_known_bad_never_becomes_good_by_itself(self, world: World) -> None:
        with world.store.begin() as tx:
            verdicts.set_standing(tx, VersionVerdict(FLIGHTS, MODEL, 1, Standing.BAD, "so told", START))
        world.live(range(5))
        assert [v.standing for v in world.record()] == [Standing.BAD]

    def test_good_is_known_as_of_the_newest_window_that_was_served_well(self, world: World) -> None:
        world.live(range(4))
        world.live([4], count=20)  # too few to tell
        assert world.record()[0].set_at == window(3).end
        world.live([5])
        assert world.record()[0].set_at == window(5).end


class TestBrokenData:
    def test_nulls_and_drift_at_once_are_paged_and_never_trained_on(self, world: World) -> None:
        world.live(range(3))
        seen = world.live(range(3, 8), nulls=0.4, shift=60)
        assert {"distance/ks", "distance/null_rate"} <= world.trouble().keys()
        assert seen.decision.because is Because.DATA_BROKEN
        assert (world.told(), world.proposals()) == (["watch.data_is_broken"], [])

    def test_nulls_that_come_a_window_after_the_drift_hold_it_back_as_well(self, world: World) -> None:
        world.live(range(3))
        world.live([3], shift=60)
        seen = world.live(range(4, 6), nulls=0.4, shift=60)
        assert world.trail("distance/ks").phase is Phase.FIRING
        assert world.trail("distance/null_rate").phase is Phase.PENDING
        assert seen.decision.because is Because.NOT_YET
        world.live([6], nulls=0.4, shift=60)
        assert (world.told(), world.proposals()) == (["watch.data_is_broken"], [])


class TestBlindness:
    def test_silence_is_told_once_and_concludes_nothing(self, world: World) -> None:
        world.live(range(3))
        world.live(range(3, 5), failed=0.5)
        trails = world.rows()["finding"]
        for minutes in range(0, 300, 10):
            seen = world.look(at=after(4) + timedelta(minutes=minutes))
        assert seen.decision.because is Because.BLIND
        assert world.rows()["finding"] == trails
        (event,) = world.events()
        assert (event.kind, event.severity) == ("watch.blind", Severity.WARNING)
        assert event.sentence.startswith("flights: nothing of what it serves has been seen since 2026-03-01 01:15:00")

    def test_what_fires_is_not_acted_upon_while_nothing_is_seen(self, world: World) -> None:
        world.live(range(3))
        world.live(range(3, 5), shift=60)
        world.traffic(5, shift=60)
        seen = world.look(at=after(5) + 3 * HOUR)
        assert world.trail("distance/ks").phase is Phase.FIRING
        assert seen.decision.because is Because.BLIND
        assert world.proposals() == []

    def test_when_rows_come_back_it_goes_on_where_it_was(self, world: World) -> None:
        world.live(range(3))
        world.live(range(3, 5), shift=60)
        world.look(at=after(4) + 6 * HOUR)
        world.live([40], shift=60)
        assert proposed(world) == [(Remedy.RETRAIN, 1, None)]
        world.look(at=after(40) + 6 * HOUR)
        assert world.told() == ["watch.blind"] * 2

    def test_a_table_that_was_empty_from_the_start_is_told_of_once_it_has_lasted(self, world: World) -> None:
        for minutes in range(0, 300, 10):
            seen = world.look(at=START + timedelta(minutes=minutes))
            assert world.told() == (["watch.blind"] if minutes > 120 else [])
        assert seen.newest is None
        assert world.record() == []

    def test_traffic_of_which_nobody_can_tell_who_answered_is_told_of(self, world: World) -> None:
        world.deploy({1: 50, 2: 50})
        for n in range(12):
            world.log.write(replace(row, entity="stranger") for row in requests(n))
            world.look(at=after(n))
        (event,) = world.events()
        assert event.kind == "watch.blind"
        assert "nobody can tell which version answered" in event.sentence

    def test_a_version_that_gets_no_traffic_is_not_held_against_the_others(self, world: World) -> None:
        world.live(range(3))
        world.live(range(3, 6), shift=60)
        end(world)
        world.deploy({1: 1, 2: 99})
        for n in range(6, 20):
            seen = world.live([n], version=2)
        assert world.trail("distance/ks").phase is Phase.FIRING, "nothing was seen that would end it"
        assert seen.decision.because is Because.ALL_WELL
        assert len(world.proposals()) == 1
