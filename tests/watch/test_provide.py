"""Where baselines come from, look by look."""

from collections.abc import Sequence
from pathlib import Path

import duckdb
from deltalake import write_deltalake
from sqlalchemy import delete, update

from daemon.adapters.delta import DeltaTables
from daemon.config.detection import BaselineSettings
from daemon.domain.baseline import BaselineKind
from daemon.domain.finding import Verdict
from daemon.domain.sample import Part, Sample
from daemon.domain.trail import Phase
from daemon.ports import PlatformError
from daemon.store import baselines
from daemon.store.tables import baseline as baseline_table
from daemon.store.tables import profile as profile_table
from daemon.watch.baseline import from_file
from daemon.watch.cycle import Doors, look
from tests.fakes import FakeInferenceLog
from tests.watch.traffic import MODEL, SIGNATURE, START, after, entity, trained_on
from tests.watch.world import FLIGHTS, Begin, World, drift_verdicts


def first(rows: int = 1000) -> dict[str, object]:
    return {"baseline": BaselineSettings(kind="first", rows=rows)}


def from_path(path: Path | str) -> dict[str, object]:
    return {"baseline": BaselineSettings(path=str(path), rows=1000)}


def test_it_is_made_of_the_runs_dataset_once_and_kept(world: World) -> None:
    seen = world.live([0])
    source = f"the training data of run run-{MODEL}-1"
    assert seen.notes == [f"baseline of version 1 made from {source}: 1000 rows"]
    made = world.baseline()
    assert made is not None
    assert (made.kind, made.source, made.rows) == (BaselineKind.TRAINING, source, 1000)
    assert set(made.columns) == {"distance", "carrier", "prediction"}
    world.registry.drop(MODEL, 1)
    assert world.live([1]).notes == []


def test_each_version_has_its_own(world: World) -> None:
    world.live([0])
    world.deploy({1: 50, 2: 50})
    world.traffic(1, version=2)
    world.live([1])
    ours, theirs = world.baseline(1), world.baseline(2)
    assert ours is not None and theirs is not None
    assert (ours.version, theirs.version) == (1, 2)


def test_nothing_is_fetched_for_a_version_that_answered_nothing(world: World) -> None:
    world.deploy({1: 100, 2: 0})
    world.live([0])
    assert world.baseline(2) is None


def test_what_was_fetched_is_removed(world: World) -> None:
    world.live([0])
    assert list((world.folder / "scratch").iterdir()) == []


def test_a_file_may_be_named_instead(begin: Begin, tmp_path: Path) -> None:
    world = begin(**from_path(trained_on(tmp_path / "given.parquet")))
    assert world.live([0]).notes == [f"baseline of version 1 made from {tmp_path}/given.parquet: 1000 rows"]
    assert (tmp_path / "given.parquet").exists()


def test_so_may_a_delta_table(begin: Begin, tmp_path: Path) -> None:
    trained_on(tmp_path / "given.parquet")
    with duckdb.connect() as duck:
        write_deltalake(str(tmp_path / "table"), duck.sql(f"SELECT * FROM '{tmp_path}/given.parquet'"))
    world = begin(**from_path(tmp_path / "table"))
    world.traffic(0)
    doors = Doors(world.log, world.serving, world.registry, DeltaTables())
    seen = look(world.settings[FLIGHTS], doors, world.store, now=after(0), scratch=tmp_path)
    assert seen.notes == [f"baseline of version 1 made from {tmp_path}/table: 1000 rows"]
    assert drift_verdicts(seen) == {Verdict.HEALTHY}


def test_it_waits_for_enough_rows_and_then_takes_the_first(begin: Begin) -> None:
    world = begin(**first(300))
    for n in range(3):
        assert world.live([n]).notes == ["version 1 has no baseline yet"]
    seen = world.live([3])
    assert seen.notes == [
        "baseline of version 1 made from the first requests it served, from 2026-03-01 00:00:00 UTC: 300 rows"
    ]
    made = world.baseline()
    assert made is not None
    assert (made.kind, made.rows) == (BaselineKind.FIRST, 300)
    assert "prediction" in made.columns
    assert drift_verdicts(seen) <= {Verdict.HEALTHY, Verdict.INCONCLUSIVE}
    assert world.live([4]).notes == []


def test_a_run_without_a_dataset_gets_one(world: World) -> None:
    version = world.register(signature=SIGNATURE)
    world.change(baseline=BaselineSettings(rows=100))
    world.live(range(2), version=version)
    made = world.baseline(version)
    assert made is not None and made.kind is BaselineKind.FIRST


def test_no_payload_is_read_before_there_are_enough(begin: Begin) -> None:
    world = begin(**first(250))
    world.log.fail_next(PlatformError("payloads were read", permanent=True), call="sample")
    world.live(range(3))


def test_rows_of_windows_in_breach_are_left_out(begin: Begin) -> None:
    world = begin(**first(300))
    world.live([0])
    world.live([1], failed=0.5, shift=1000)
    world.live(range(2, 5))
    assert world.baseline() is None, "the breach is still pending"
    world.live([5])
    made = world.baseline()
    assert made is not None
    # of 300 rows none is of the window whose distances lie around 1000
    assert made.rows == 300
    assert made.columns["distance"].bins.edges[-1] < 100  # type: ignore[union-attr]


def test_a_version_in_trouble_gets_none_however_many_rows_it_served(begin: Begin) -> None:
    world = begin(**first(100))
    seen = world.live(range(5), failed=0.5)
    assert seen.notes == ["version 1 has no baseline yet"]


def test_an_entity_that_was_learned_in_this_very_look_counts(begin: Begin) -> None:
    world = begin(**first(100))
    world.logs[FLIGHTS] = FakeInferenceLog()
    world.look(at=START)
    world.live([0])
    assert world.live([1]).notes[0].startswith("baseline of version 1 made from the first requests")


class Counting(FakeInferenceLog):
    """Counts the rows whose payload was read."""

    read = 0

    def sample(self, parts: Sequence[Part], *, salt: str) -> Sample:
        sample = super().sample(parts, salt=salt)
        self.read += sample.count
        return sample


def test_of_much_traffic_only_as_much_is_read_as_is_wanted(begin: Begin) -> None:
    world = begin(**first(200))
    world.logs[FLIGHTS] = log = Counting({entity(1): (MODEL, 1)})
    world.live([0], count=3000)
    assert log.read == 0
    world.live([1])
    made = world.baseline()
    assert made is not None
    # a coin for each of the 3000 requests of the first window, and all of the second
    assert abs(log.read - (200 + 100)) < 5 * 200**0.5
    assert made.rows == min(200, log.read - 100)


def test_payloads_that_cannot_be_read_are_no_baseline(begin: Begin) -> None:
    world = begin(**first(100))
    (note,) = world.live(range(2), request="{not json").notes
    assert note.startswith("version 1 has no baseline: ")
    assert world.trail("error_rate_5xx").phase is Phase.INACTIVE


def test_a_newer_baseline_is_taken_from_the_next_window_on(world: World) -> None:
    world.live(range(3))
    shifted = trained_on(world.folder / "shifted.parquet", "SELECT i / 10 + 1000 AS distance FROM range(1000) t(i)")
    with world.store.begin() as tx:
        old = baselines.current(tx, FLIGHTS, 1)
        assert old is not None
        made = from_file(shifted, SIGNATURE, endpoint=FLIGHTS, version=1, source="by hand", rows=1000, now=world.now)
        new = baselines.save(tx, made)
    seen = world.live([3])
    assert [p.baseline_id for p in seen.profiles] == [new.id]
    assert world.trail("distance/ks").phase is Phase.PENDING
    assert [list(p.columns) for p in world.profiles()] == [[], [], [], ["distance"]]


def test_one_that_was_deleted_is_made_anew(world: World) -> None:
    world.live(range(3))
    with world.store.begin() as tx:
        tx.execute(update(profile_table).values(baseline_id=None, counts=None))
        tx.execute(delete(baseline_table))
    seen = world.live([3])
    assert seen.notes[0].startswith("baseline of version 1 made from the training data")
    assert drift_verdicts(seen) == {Verdict.HEALTHY}
