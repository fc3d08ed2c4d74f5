"""A replay says what the daemon said when it lived through it, whatever it is played from, and touches nothing."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from daemon.adapters.delta import DeltaLog
from daemon.config.detection import Decide, Drift
from daemon.config.remedies import Modes
from daemon.domain.decision import Action
from daemon.domain.remediation import Mode, Remedy, State
from daemon.domain.restraint import Restraint, RestraintKind
from daemon.replay.cycle import looked_at
from daemon.replay.outcome import Outcome, Proposed
from daemon.store import endpoints, findings, remediations, restraints
from tests.adapters.delta.tables import LEGACY, write
from tests.replay.again import Replays, forget
from tests.watch.traffic import MODEL, after, window
from tests.watch.world import FLIGHTS, Begin, World


def lived(world: World) -> list[tuple[Any, ...]]:
    """Live through calm, drift, calm again and errors of a new version; return what was decided, where it changed."""
    decided: list[tuple[Any, ...]] = []
    story: list[dict[str, Any]] = [*[{}] * 8, *[{"shift": 60}] * 6, *[{}] * 8, *[{"failed": 0.5}] * 6]
    for n, about in enumerate(story):
        if n == 22:
            world.deploy({2: 100})
        seen = world.live([n], 2 if n >= 22 else 1, **about)
        decision = seen.decision
        if not decided or decided[-1][1:] != (decision.action, decision.because, decision.sentence):
            decided.append((after(n), decision.action, decision.because, decision.sentence))
    return decided


def decisions(outcome: Outcome) -> list[tuple[Any, ...]]:
    return [(d.at, d.action, d.because) for d in outcome.decisions]


def first_proposals(outcome: Outcome) -> list[Proposed]:
    """Return the first of each remedy."""
    return list({p.remedy: p for p in reversed(outcome.proposed)}.values())[::-1]


def first_of_each(decided: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for at, action, because, _ in decided:
        if not found or found[-1][1:] != (action, because):
            found.append((at, action, because))
    return found


def test_it_decides_what_the_daemon_decided_and_proposes_what_it_proposed(world: World, again: Replays) -> None:
    decided = lived(world)
    outcome = again.of(world, 0, 27)
    assert decisions(outcome) == first_of_each(decided)
    through = [p for p in outcome.proposed if p.let_through_at]
    assert [(p.remedy, p.from_version, p.to_version, p.proposed_at) for p in through] == [
        (p.remedy, p.from_version, p.to_version, p.created_at) for p in world.proposals()
    ]
    held_up = [p for p in outcome.proposed if not p.let_through_at]
    assert all("cooldown" in [g.guard for g in p.held_up_by] for p in held_up), "in the world nobody weighs the first"
    assert (outcome.windows, outcome.stored) == (28, 28)


def test_its_trails_end_as_the_daemons_own(world: World, again: Replays) -> None:
    lived(world)
    again.of(world, 0, 27)
    assert again.store
    with again.store.read() as tx:
        replayed = findings.recent(tx, FLIGHTS)
    own = {t.last.check: t for t in world.trails()}
    assert len(replayed) == len(own)
    for trail in replayed:
        known = own[trail.last.check]
        assert (trail.phase, trail.since, trail.recent) == (known.phase, known.since, known.recent)
        assert trail.last.numbers() == known.last.numbers()


def test_from_the_inference_table_it_says_the_same_as_from_the_store(world: World, again: Replays) -> None:
    lived(world)
    stored = again.of(world, 0, 27)
    forget(world)
    read = again.of(world, 0, 27, reads=True)
    assert (read.windows, read.stored) == (28, 0)
    assert decisions(read) == decisions(stored)
    assert [(e.id, e.believed_at, e.over_at) for e in read.episodes] == [
        (e.id, e.believed_at, e.over_at) for e in stored.episodes
    ]
    assert [(p.remedy, p.to_version, p.proposed_at) for p in read.proposed] == [
        (p.remedy, p.to_version, p.proposed_at) for p in stored.proposed
    ]


@pytest.mark.parametrize("reads", [False, True])
def test_the_store_and_the_world_stay_as_they_are_to_the_byte(world: World, again: Replays, reads: bool) -> None:
    lived(world)
    if reads:
        forget(world)
    with world.store.begin() as tx:
        tx.exec_driver_sql("SELECT 1")
    rows = world.rows()
    world.store.close()
    (file,) = world.folder.glob("*.db")
    before = file.read_bytes()
    effects = [list(door.ledger.effects) for door in (world.log, world.serving, world.registry, world.tables)]
    outcome = again.of(world, 0, 27, reads=reads)
    assert outcome.proposed
    world.store.close()
    assert file.read_bytes() == before
    assert world.rows() == rows
    assert [list(d.ledger.effects) for d in (world.log, world.serving, world.registry, world.tables)] == effects


def test_what_began_before_is_known_at_the_beginning(world: World, again: Replays) -> None:
    lived(world)
    outcome = again.of(world, 12, 13)
    assert outcome.windows == 2
    assert [e.believed_at for e in outcome.episodes if e.id == "flights:1:distance/ks"] == [after(10)]
    assert decisions(outcome)[0][1] == Action.REMEDIATE


def test_without_anything_before_it_begins_with_what_it_sees(world: World, again: Replays) -> None:
    lived(world)
    forget(world)
    outcome = again.of(world, 10, 18, reads=True)
    assert "flights:1:distance/ks" in [e.id for e in outcome.episodes]
    assert {e.believed_at for e in outcome.episodes} == {after(12)}, "two windows later than with what was before"


def test_guards_answer_from_the_record_and_say_where_they_cannot(world: World, again: Replays) -> None:
    lived(world)
    retrain, rollback = first_proposals(again.of(world, 0, 27))
    assert retrain.mode is Mode.AUTO
    assert rollback.let_through_at is not None, "observe goes as far as auto would"
    assert not rollback.held_up_by
    by_name = {g.guard: g for g in rollback.guards}
    assert by_name["mode"].detail == "mode is auto"
    for name in ("kill_switch", "lease", "alone", "storm", "settled", "unchanged", "target", "approval"):
        assert by_name[name].unknown, name
    for name in ("cooldown", "budget", "fresh", "still_firing", "enough_rows", "attributable", "hold", "pause"):
        assert not by_name[name].unknown, name


def test_a_hold_that_was_in_force_holds_the_replay_up_as_well(world: World, again: Replays) -> None:
    with world.store.begin() as tx:
        restraints.impose(tx, Restraint(RestraintKind.HOLD, FLIGHTS, "ada", "because", after(20)))
    lived(world)
    with world.store.begin() as tx:
        restraints.lift(tx, [RestraintKind.HOLD], FLIGHTS, by="ada", now=after(40))
    _, rollback = first_proposals(again.of(world, 0, 27))
    assert [g.guard for g in rollback.held_up_by] == ["hold"]
    assert rollback.let_through_at is None


def test_a_hold_that_was_lifted_in_time_does_not(world: World, again: Replays) -> None:
    with world.store.begin() as tx:
        restraints.impose(tx, Restraint(RestraintKind.HOLD, FLIGHTS, "ada", "because", after(2)))
    lived(world)
    with world.store.begin() as tx:
        restraints.lift(tx, [RestraintKind.HOLD], FLIGHTS, by="ada", now=after(5))
    _, rollback = first_proposals(again.of(world, 0, 27))
    assert rollback.let_through_at is not None


def test_what_is_off_is_told_of_and_not_proposed(world: World, again: Replays) -> None:
    lived(world)
    off = world.settings[FLIGHTS].model_copy(update={"mode": Modes(retrain=Mode.OFF, rollback=Mode.OFF)})
    outcome = again.of(world, 0, 27, settings=off)
    assert not outcome.proposed
    assert [e.kind for e in outcome.told if e.kind.startswith("watch.")] == [
        "watch.certified_drift",
        "watch.version_is_worse_than_the_last_good_one",
    ]


def test_the_budget_is_that_of_the_stretch_and_alarms_are_counted(world: World, again: Replays) -> None:
    lived(world)
    budget = again.of(world, 0, 27).budget
    a_year = world.settings[FLIGHTS].drift.false_alarms_per_year
    assert budget.allowed == pytest.approx(a_year * 28 * 0.25 / (365.25 * 24))
    assert budget.alarms == 2
    assert budget.answers > 28 * 5


def test_other_rules_find_other_things(world: World, again: Replays) -> None:
    lived(world)
    deaf = world.settings[FLIGHTS].model_copy(update={"drift": Drift(tolerance=0.9, psi=50, missing=0.5)})
    assert "retrain" not in [p.remedy for p in again.of(world, 0, 27, settings=deaf).proposed]
    quick = world.settings[FLIGHTS].model_copy(update={"decide": Decide(breaches=1, of=1, clear=3, good=3)})
    outcome = again.of(world, 0, 27, settings=quick)
    assert outcome.proposed[0].proposed_at == after(8), "two windows sooner"


def test_a_table_that_cannot_be_read_is_told_and_nothing_made_up(world: World, again: Replays) -> None:
    lived(world)
    forget(world)
    world.log.missing = True
    outcome = again.of(world, 0, 27, reads=True)
    assert outcome.windows == 0
    assert any("there is no inference table yet" in note for note in outcome.notes)
    assert not outcome.proposed


def test_windows_that_nobody_keeps_are_told(world: World, again: Replays) -> None:
    lived(world)
    forget(world)
    outcome = again.of(world, 0, 27)
    assert (outcome.windows, len(outcome.notes)) == (0, 1)
    assert "not kept" in outcome.notes[0]


def test_what_the_store_kept_no_longer_is_read_and_the_rest_is_not(world: World, again: Replays) -> None:
    lived(world)
    with world.store.begin() as tx:
        oldest = "SELECT rowid FROM profile ORDER BY window_start LIMIT 4"
        tx.exec_driver_sql(f"DELETE FROM profile WHERE rowid IN ({oldest})")
    asked: list[int] = []
    health = world.log.health
    world.log.health = lambda windows: asked.append(len(windows)) or health(windows)  # type: ignore[method-assign,func-returns-value]
    outcome = again.of(world, 0, 27, reads=True)
    assert (outcome.windows, outcome.stored) == (28, 24)
    assert asked == [4]


def test_it_reads_in_portions_of_catch_up(begin: Begin, again: Replays) -> None:
    world = begin()
    lived(world)
    forget(world)
    world.change(watch=world.settings[FLIGHTS].watch.model_copy(update={"catch_up": 10}))
    asked: list[int] = []
    health = world.log.health
    world.log.health = lambda windows: asked.append(len(windows)) or health(windows)  # type: ignore[method-assign,func-returns-value]
    again.of(world, 0, 27, reads=True)
    assert asked == [10, 10, 8]


def test_progress_is_told_window_by_window(world: World, again: Replays) -> None:
    lived(world)
    seen: list[tuple[int, int]] = []
    again.of(world, 20, 27, progress=lambda done, of: seen.append((done, of)))
    assert seen == [(n, 28) for n in range(1, 29)], "those before the first one count as well"


def test_a_look_comes_as_soon_as_a_window_has_settled(world: World) -> None:
    rules = world.settings[FLIGHTS]
    assert looked_at(window(3), rules) == after(3)
    seldom = rules.model_copy(update={"watch": rules.watch.model_copy(update={"interval": 4 * rules.watch.window})})
    assert [looked_at(window(n), seldom) for n in range(5)] == [after(3)] * 4 + [after(7)]


def test_the_modes_of_the_settings_are_told_and_none_of_them_acts(world: World, again: Replays) -> None:
    lived(world)
    outcome = again.of(world, 0, 27)
    assert {p.mode for p in outcome.proposed} == {Mode.AUTO}
    assert all(p.ended for p in outcome.proposed)
    assert again.store
    with again.store.read() as tx:
        states = {r.remedy: r.state for r in remediations.history(tx, limit=10)}
    assert states[Remedy.ROLLBACK] is State.SHADOWED


def test_what_the_daemon_saw_served_is_served_in_the_replay(world: World, again: Replays) -> None:
    world.live(range(4))
    world.deploy({1: 100, 2: 0})
    world.live(range(4, 8))
    again.of(world, 0, 7)
    assert again.store
    with again.store.read() as tx:
        state = endpoints.last_state(tx, FLIGHTS)
    assert state
    assert {e.version: e.percent for e in state.served} == {1: 100, 2: 0}, "a version on standby answers nobody"


def test_a_delta_table_is_read_by_the_adapter_that_the_daemon_reads_it_by(
    world: World, again: Replays, tmp_path: Path
) -> None:
    lived(world)
    stored = again.of(world, 0, 27)
    # a legacy table names the version itself: nothing else is known of this endpoint
    rows = [replace(row, entity=f"{MODEL}/{row.entity.removeprefix('entity-')}") for row in world.log.rows]
    write(tmp_path / "table", rows, LEGACY)
    forget(world)
    before = sorted(file.name for file in (tmp_path / "table").rglob("*"))
    again.log = DeltaLog(str(tmp_path / "table"), served_entities_table=None, endpoint=FLIGHTS)
    read = again.of(world, 0, 27, reads=True)
    assert (read.windows, read.stored) == (28, 0)
    assert decisions(read) == decisions(stored)
    assert sorted(file.name for file in (tmp_path / "table").rglob("*")) == before
