"""Labels in the loop: counted late, counted again, held up by nothing and holding up nothing."""

import json
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.adapters.delta import DeltaLabels, DeltaLog
from daemon.config.labels import Kpi, Labels
from daemon.domain.cohort import Cohort
from daemon.domain.decision import Because
from daemon.domain.finding import Cause, Verdict
from daemon.domain.remediation import Remedy
from daemon.domain.trail import Phase
from daemon.ports import PlatformError
from daemon.store import cohorts
from daemon.watch.cycle import Look
from daemon.watch.labels.due import subject
from tests.adapters.delta.tables import write, write_labels
from tests.fakes import FakeLabels, LabelRow, LoggedRequest
from tests.watch.traffic import QUARTER, SIGNATURE, after, requests
from tests.watch.world import FLIGHTS, World

HOUR = timedelta(hours=1)
RULES = Labels(
    table="/labels",
    score="prediction",
    metrics=("accuracy",),
    cohort=HOUR,
    every=HOUR,
    delay=6 * HOUR,
    baseline_rows=400,
    calm_cohorts=0,
)
CALM, FALLEN = 0.1, 0.9
"""Shares of requests of which the opposite of what was predicted became true."""


@pytest.fixture
def world(world: World) -> World:
    world.change(labels=RULES)
    return world


def labels(world: World) -> FakeLabels:
    assert isinstance(world.labels, FakeLabels)
    return world.labels


def outcomes(rows: Iterable[LoggedRequest], wrong: float, **about: Any) -> Iterator[LabelRow]:
    """Yield what became true of each request."""
    for n, row in enumerate(rows):
        said = json.loads(row.response or "")["predictions"][0] >= 0.5
        yield LabelRow(row.id, "1" if said != (n * 7 % 100 < 100 * wrong) else "0", **about)


def served(world: World, windows: range, wrong: float = CALM, **about: Any) -> Look:
    """Let windows pass whose labels come at once."""
    for n in windows:
        labels(world).write(outcomes(world.traffic(n, **about), wrong))
        seen = world.look(at=after(n))
    return seen


def kept(world: World, version: int = 1) -> list[Cohort]:
    with world.store.read() as tx:
        about = subject(world.settings[FLIGHTS].labels)
        return cohorts.load(tx, FLIGHTS, version, about, since=after(-999))


def said(seen: Look) -> list[Verdict]:
    return [f.verdict for f in seen.findings if f.check.cause is Cause.CONCEPT]


def test_without_a_label_table_nothing_is_read_and_nothing_is_said(world: World) -> None:
    world.change(labels=RULES.model_copy(update={"table": None}))
    served(world, range(12))
    assert labels(world).asked == [] and kept(world) == []


def test_a_certain_fall_of_performance_is_retrained_once(world: World) -> None:
    assert served(world, range(16)).decision.because is Because.ALL_WELL
    seen = served(world, range(16, 21), FALLEN)
    assert seen.decision.because is Because.PERFORMANCE_FELL
    assert "accuracy 0.9 -> 0.1 (certainly by more than" in seen.decision.sentence
    assert world.trail("accuracy").phase is Phase.FIRING
    served(world, range(21, 24), FALLEN)
    assert world.proposed() == [(Remedy.RETRAIN, 1, None)]
    proposal = world.proposals()[0]
    assert proposal.evidence["since"] == after(15).replace(minute=0).isoformat()
    findings: Any = proposal.evidence["findings"]
    assert findings[0]["before"] == pytest.approx(0.9)


def test_performance_that_stays_as_it_was_leads_to_nothing(world: World) -> None:
    seen = served(world, range(40))
    assert seen.decision.because is Because.ALL_WELL and world.proposals() == []
    assert sum(one.reference for one in kept(world)) == 1


def test_labels_that_come_late_are_counted_when_they_come(world: World) -> None:
    served(world, range(16))
    late = [row for n in range(16, 20) for row in world.traffic(n)]
    for n in range(16, 24):
        if n >= 20:
            labels(world).write(outcomes(world.traffic(n), CALM))
        assert world.look(at=after(n)).decision.because is Because.ALL_WELL
    waiting = kept(world)[4]
    assert (waiting.predicted, waiting.truth.labelled, waiting.final) == (400, 0, False)
    labels(world).write(outcomes(late, FALLEN))
    served(world, range(24, 29))
    assert kept(world)[4].truth.labelled == 400
    # the cohort after it came first, and was well: both together certainly fell
    assert world.proposed() == [(Remedy.RETRAIN, 1, None)]


def test_bad_labels_that_come_first_are_no_fall(world: World) -> None:
    served(world, range(16))
    rows = [row for n in range(16, 20) for row in world.traffic(n)]
    true = list(outcomes(rows, CALM))
    as_said = {row.id: json.loads(row.response or "")["predictions"][0] >= 0.5 for row in rows}
    bad = [one for one in true if (one.label == "1") is not as_said[one.id]]
    assert len(bad) == 40
    portions = [bad, *[[one for one in true if one not in bad][n::4] for n in range(4)]]
    for n in range(16, 52):
        if n > 19:
            world.traffic(n)
        if n % 4 == 0 and portions:
            labels(world).write(portions.pop(0))
        assert world.look(at=after(n)).decision.because is Because.ALL_WELL
    assert kept(world)[4].final and kept(world)[4].truth.right == 360


def test_a_label_that_is_written_twice_counts_once(world: World) -> None:
    served(world, range(8))
    once = [(one.window, one.truth.labelled, one.truth.right) for one in kept(world)]
    labels(world).write(list(labels(world).rows))
    served(world, range(8, 20))
    assert [(one.window, one.truth.labelled, one.truth.right) for one in kept(world)][: len(once)] == once


def test_counting_again_what_has_not_changed_changes_nothing(world: World) -> None:
    for n in range(16):
        labels(world).write(list(outcomes(world.traffic(n), CALM))[::2])
        world.look(at=after(n))
    first = kept(world)[2]
    asked = len(labels(world).asked)
    world.look(at=world.now + HOUR)
    again = kept(world)[2]
    assert len(labels(world).asked) > asked and again.counted_at > first.counted_at
    assert again.truth.confusion == first.truth.confusion and again.truth.sums == first.truth.sums
    assert (again.predicted, again.requests) == (first.predicted, first.requests)


def test_labels_are_read_once_an_interval_and_never_again_once_all_have_come(world: World) -> None:
    served(world, range(20))
    asked = [since for _, since in labels(world).asked]
    # each cohort when it is over, and once more when no late requests are awaited any more
    assert max(asked.count(since) for since in asked) == 2
    world.look(at=world.now)
    before = len(labels(world).asked)
    world.look(at=world.now)
    world.look(at=world.now + timedelta(seconds=1))
    assert len(labels(world).asked) == before


def test_after_the_delay_a_cohort_is_counted_once_more_and_then_left(world: World) -> None:
    for n in range(4):
        labels(world).write(list(outcomes(world.traffic(n), CALM))[:30])
        world.look(at=after(n))
    for n in range(4, 40):
        world.traffic(n)
        world.look(at=after(n))
    first = kept(world)[0]
    assert first.final and first.truth.labelled == 120
    labels(world).write(outcomes(world.log.rows[:400], FALLEN))
    served(world, range(40, 44))
    assert kept(world)[0].truth.labelled == 120


def test_a_label_table_that_goes_missing_is_noted_holds_up_nothing_and_is_read_when_it_is_back(world: World) -> None:
    served(world, range(16))
    labels(world).missing = True
    for n in range(16, 30):
        labels(world).write(outcomes(world.traffic(n), FALLEN))
        seen = world.look(at=after(n))
        assert seen.decision.because is Because.ALL_WELL
    assert any("labels of version 1 cannot be read: there is no label table" in note for note in seen.notes)
    assert world.watermark() == after(29) - timedelta(minutes=5) and world.proposals() == []
    assert world.told().count("labels.lost") == 1 and "labels.back" not in world.told()
    labels(world).missing = False
    served(world, range(30, 31), FALLEN)
    assert world.proposed() == [(Remedy.RETRAIN, 1, None)]
    assert world.told().count("labels.back") == 1


def test_a_label_table_that_nobody_fills_is_told_of_once(world: World) -> None:
    world.change(labels=RULES.model_copy(update={"delay": 2 * HOUR}))
    for n in range(24):
        world.traffic(n)
        seen = world.look(at=after(n))
    assert seen.decision.because is Because.ALL_WELL and world.told().count("labels.lost") == 1
    assert "none has come for the 400 predictions of 2026-03-01 00:00:00 UTC" in world.events("labels.lost")[0].sentence


def test_a_reading_that_may_well_succeed_the_next_time_is_not_told_of(world: World) -> None:
    served(world, range(4))
    labels(world).fail_next(PlatformError("away", permanent=False))
    assert any("away" in note for note in served(world, range(4, 5)).notes)
    assert "labels.lost" not in world.told()


def test_a_fall_that_can_no_longer_be_measured_is_not_acted_upon_for_ever(world: World) -> None:
    served(world, range(16))
    served(world, range(16, 21), FALLEN)
    world.end_proposals()
    labels(world).missing = True
    for n in range(21, 21 + 4 * 11):
        world.traffic(n)
        seen = world.look(at=after(n))
        if seen.decision.because is not Because.PERFORMANCE_FELL:
            break
    assert seen.decision.because is Because.BLIND
    lag = after(n) - world.trail("accuracy").last.window.end
    assert RULES.fresh_for < lag <= RULES.fresh_for + QUARTER


def test_a_reading_that_fails_in_the_middle_loses_nothing_of_what_was_counted_before(world: World) -> None:
    labels(world).missing = True
    served(world, range(20))
    calls: list[str] = []

    def fail_the_third(call: str) -> None:
        calls.append(call)
        labels(world).missing = calls.count("labels.of") == 3

    labels(world).ledger.meanwhile = fail_the_third
    world.look(at=after(20))
    assert [one.truth.labelled for one in kept(world)] == [400] * 2
    world.look(at=after(21))
    assert [one.truth.labelled for one in kept(world)] == [400] * 5


def test_broken_data_prevails_over_what_labels_say(world: World) -> None:
    served(world, range(16))
    seen = served(world, range(16, 21), FALLEN, nulls=0.5)
    assert seen.decision.because is Because.DATA_BROKEN
    assert not any(p.remedy is Remedy.RETRAIN for p in world.proposals())


def test_a_new_version_is_judged_by_its_own_labels(world: World) -> None:
    served(world, range(16))
    world.deploy({2: 100})
    served(world, range(16, 40), 0.4, version=2)
    assert world.proposals() == []
    assert {one.version for one in kept(world, 2)} == {2}
    assert "accuracy" not in {t.last.check.name for t in world.trails() if t.last.version == 1}


def test_rules_that_change_begin_anew(world: World) -> None:
    served(world, range(16))
    served(world, range(16, 21), FALLEN)
    assert world.trail("accuracy").phase is Phase.FIRING
    world.change(labels=RULES.model_copy(update={"threshold": 0.6}))
    world.look(at=world.now)
    assert world.trail("accuracy").phase is Phase.INACTIVE
    assert all(one.reference or one.final or one.counted_at == world.now for one in kept(world))


def test_an_output_that_is_not_in_the_signature_is_noted(world: World) -> None:
    world.change(labels=RULES.model_copy(update={"score": "probability"}))
    seen = served(world, range(6))
    assert any("no output of probability" in note for note in seen.notes) and kept(world) == []
    assert world.told().count("labels.lost") == 1


def test_the_metrics_of_the_training_run_are_compared_with_where_they_are_asked_for(world: World) -> None:
    world.register(signature=SIGNATURE, training=world.training, metrics={"accuracy": 0.9, "evaluation_rows": 4000.0})
    world.change(labels=RULES.model_copy(update={"baseline": "run"}))
    served(world, range(9), FALLEN, version=4)
    assert world.proposed() == [(Remedy.RETRAIN, 4, None)]


def test_a_crash_before_the_write_leaves_nothing_half_counted(world: World) -> None:
    served(world, range(12))
    before = world.rows()["cohort"]
    labels(world).write(outcomes(world.traffic(12), CALM))
    world.store.refuse_after = 0
    with pytest.raises(Exception, match="disk is full"):
        world.look(at=after(12))
    assert world.rows()["cohort"] == before


def test_from_rows_in_delta_tables_to_the_proposed_retraining(world: World, tmp_path: Path) -> None:
    """Nothing is faked of the tables: requests and labels are written and read by delta-rs, and the KPI is its SQL."""
    kpi = Kpi(name="money", expression="CASE WHEN label = '1' THEN amount ELSE 0 END", tolerance=1.0, range=(0, 20))
    rules = RULES.model_copy(update={"table": str(tmp_path / "labels"), "time": "labelled_at", "kpis": (kpi,)})
    world.change(labels=rules, table=str(tmp_path / "payload"))
    inference_log = DeltaLog(str(tmp_path / "payload"), served_entities_table=None, endpoint=FLIGHTS)
    world.logs[FLIGHTS], world.labels = inference_log, DeltaLabels(rules)  # type: ignore[assignment]
    for n in range(-1, 22):
        rows = requests(n)
        write(tmp_path / "payload", rows)
        came = list(outcomes(rows, CALM if n < 12 else FALLEN, at=after(n), kpis=(10.0,)))
        # every label is first written wrong, and then corrected
        first = [LabelRow(one.id, "1" if one.label == "0" else "0", rows[0].at, one.kpis) for one in came]
        write_labels(tmp_path / "labels", [*first, *came])
        seen = world.look(at=after(n))
        if seen.decision.because is Because.PERFORMANCE_FELL:
            break
    assert world.proposed() == [(Remedy.RETRAIN, 1, None)] and n >= 15
    assert [one.truth.labelled for one in kept(world)] == [100, 400, 400, 400, 400]
