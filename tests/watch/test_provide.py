"""Where baselines come from, look by look, and what happens where none can be had."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from deltalake import write_deltalake
from sqlalchemy import delete, update

from daemon.adapters.delta import DeltaTables
from daemon.config.endpoint import BaselineSettings
from daemon.domain.baseline import Baseline, BaselineKind
from daemon.domain.finding import Cause, Phase, Verdict
from daemon.domain.schema import Column, Kind, Signature
from daemon.ports import PlatformError
from daemon.store import baselines
from daemon.store.tables import baseline as baseline_table
from daemon.store.tables import profile as profile_table
from daemon.watch.baseline import from_file
from daemon.watch.cycle import Doors, Look, look
from tests.fakes import FakeInferenceLog, LoggedRequest
from tests.watch.conftest import Begin
from tests.watch.world import FLIGHTS, MODEL, SIGNATURE, START, World, after, requests, trained_on


def baseline_of(world: World, version: int = 1) -> Baseline | None:
    with world.store.read() as tx:
        return baselines.current(tx, FLIGHTS, version)


def drift_verdicts(seen: Look, version: int = 1) -> set[Verdict]:
    return {f.verdict for f in seen.findings if f.check.cause is not Cause.HEALTH and f.version == version}


def first(rows: int = 1000) -> dict[str, object]:
    return {"baseline": BaselineSettings(kind="first", rows=rows)}


def from_path(path: Path | str) -> dict[str, object]:
    return {"baseline": BaselineSettings(path=str(path), rows=1000)}


class TestTraining:
    def test_it_is_made_of_the_runs_dataset_once_and_kept(self, world: World) -> None:
        seen = world.live([0])
        source = f"the training data of run run-{MODEL}-1"
        assert seen.notes == [f"baseline of version 1 made from {source}: 1000 rows"]
        made = baseline_of(world)
        assert made is not None
        assert (made.kind, made.source, made.rows) == (BaselineKind.TRAINING, source, 1000)
        assert set(made.columns) == {"distance", "carrier", "prediction"}
        world.registry.drop(MODEL, 1)
        assert world.live([1]).notes == []

    def test_each_version_has_its_own(self, world: World) -> None:
        world.live([0])
        world.deploy({1: 50, 2: 50})
        world.traffic(1, version=2)
        world.live([1])
        ours, theirs = baseline_of(world, 1), baseline_of(world, 2)
        assert ours is not None and theirs is not None
        assert (ours.version, theirs.version) == (1, 2)

    def test_nothing_is_fetched_for_a_version_that_answered_nothing(self, world: World) -> None:
        world.deploy({1: 100, 2: 0})
        world.live([0])
        assert baseline_of(world, 2) is None

    def test_what_was_fetched_is_removed(self, world: World) -> None:
        world.live([0])
        assert list((world.folder / "scratch").iterdir()) == []

    def test_a_file_may_be_named_instead(self, begin: Begin, tmp_path: Path) -> None:
        world = begin(**from_path(trained_on(tmp_path / "given.parquet")))
        assert world.live([0]).notes == [f"baseline of version 1 made from {tmp_path}/given.parquet: 1000 rows"]
        assert (tmp_path / "given.parquet").exists()

    def test_so_may_a_delta_table(self, begin: Begin, tmp_path: Path) -> None:
        trained_on(tmp_path / "given.parquet")
        with duckdb.connect() as duck:
            write_deltalake(str(tmp_path / "table"), duck.sql(f"SELECT * FROM '{tmp_path}/given.parquet'"))
        world = begin(**from_path(tmp_path / "table"))
        world.traffic(0)
        doors = Doors(world.log, world.serving, world.registry, DeltaTables())
        seen = look(world.settings[FLIGHTS], doors, world.store, now=after(0), scratch=tmp_path)
        assert seen.notes == [f"baseline of version 1 made from {tmp_path}/table: 1000 rows"]
        assert drift_verdicts(seen) == {Verdict.HEALTHY}


class TestNoTraining:
    """Whatever is wrong with it is said, and health is watched all the same."""

    def watched(self, world: World, version: int = 1) -> list[str]:
        """Look at a window without drift to be told, and return what was noted."""
        seen = world.live([0], version=version, failed=0.5)
        assert drift_verdicts(seen, version) == set()
        assert world.trail("error_rate_5xx", version).phase is Phase.PENDING
        assert seen.profiles[0].columns == {}
        assert baseline_of(world, version) is None
        return list(seen.notes)

    @pytest.mark.parametrize(
        ("query", "said"),
        [
            ("SELECT 1.0 AS distance, 'AA' AS carrier LIMIT 0", "has no rows"),
            ("SELECT 1 AS something, 2 AS other", "has none of the columns"),
        ],
    )
    def test_a_file_of_no_use(self, begin: Begin, tmp_path: Path, query: str, said: str) -> None:
        (note,) = self.watched(begin(**from_path(trained_on(tmp_path / "given.parquet", query))))
        assert note.startswith("version 1 has no baseline: ")
        assert said in note

    def test_a_file_that_cannot_be_read(self, begin: Begin, tmp_path: Path) -> None:
        (tmp_path / "given.parquet").write_text("this is no parquet")
        (note,) = self.watched(begin(**from_path(tmp_path / "given.parquet")))
        assert "cannot be read" in note

    def test_a_file_that_is_not_there(self, begin: Begin, tmp_path: Path) -> None:
        (note,) = self.watched(begin(**from_path(tmp_path / "none.parquet")))
        assert f"there is no {tmp_path}/none.parquet" in note

    def test_a_table_that_cannot_be_read(self, begin: Begin) -> None:
        world = begin(**from_path("s3://bucket/table"))
        world.tables.fail_next(PlatformError("s3://bucket/table may not be read", permanent=True))
        assert self.watched(world) == ["version 1 has no baseline: s3://bucket/table may not be read"]

    def test_a_disk_that_is_full(self, world: World) -> None:
        (world.folder / "scratch").write_text("a file where a folder should be")
        (note,) = self.watched(world)
        assert note.startswith("version 1 has no baseline: ")

    def test_a_version_that_vanished_from_the_registry(self, world: World) -> None:
        world.registry.drop(MODEL, 1)
        assert self.watched(world) == [f"version 1 has no baseline: {MODEL} has no version 1"]

    def test_a_version_without_a_signature(self, world: World) -> None:
        version = world.register(training=world.training)
        said = f"version {version} has no baseline: {MODEL} version {version} has no signature"
        assert self.watched(world, version) == [said]

    def test_other_versions_go_on(self, world: World) -> None:
        world.registry.drop(MODEL, 2)
        world.deploy({1: 50, 2: 50})
        world.traffic(0, version=2)
        seen = world.live([0])
        assert drift_verdicts(seen, 1) == {Verdict.HEALTHY}
        assert {f.version for f in seen.findings} == {1, 2}

    def test_a_registry_that_comes_back_is_asked_again(self, world: World) -> None:
        world.registry.fail_next(PlatformError("MLflow is away", permanent=False))
        assert world.live([0]).notes == ["version 1 has no baseline: MLflow is away"]
        assert world.look().notes == [], "without a new window there is nothing to count"
        assert drift_verdicts(world.live([1])) == {Verdict.HEALTHY}

    def test_without_a_dataset_and_without_leave_to_take_what_is_served_it_says_what_to_do(self, begin: Begin) -> None:
        world = begin(baseline=BaselineSettings(or_first=False))
        (note,) = self.watched(world, world.register(signature=SIGNATURE))
        assert note.endswith("set baseline.path or or_first")


class TestFirst:
    def test_it_waits_for_enough_rows_and_then_takes_the_first(self, begin: Begin) -> None:
        world = begin(**first(300))
        for n in range(3):
            assert world.live([n]).notes == ["version 1 has no baseline yet"]
        seen = world.live([3])
        assert seen.notes == [
            "baseline of version 1 made from the first requests it served, from 2026-03-01 00:00:00 UTC: 300 rows"
        ]
        made = baseline_of(world)
        assert made is not None
        assert (made.kind, made.rows) == (BaselineKind.FIRST, 300)
        assert "prediction" in made.columns
        assert drift_verdicts(seen) <= {Verdict.HEALTHY, Verdict.INCONCLUSIVE}
        assert world.live([4]).notes == []

    def test_a_run_without_a_dataset_gets_one(self, world: World) -> None:
        version = world.register(signature=SIGNATURE)
        world.change(baseline=BaselineSettings(rows=100))
        world.live(range(2), version=version)
        made = baseline_of(world, version)
        assert made is not None and made.kind is BaselineKind.FIRST

    def test_no_payload_is_read_before_there_are_enough(self, begin: Begin) -> None:
        world = begin(**first(250))
        world.log.fail_next(PlatformError("payloads were read", permanent=True), call="sample")
        world.live(range(3))

    def test_rows_of_windows_in_breach_are_left_out(self, begin: Begin) -> None:
        world = begin(**first(300))
        world.live([0])
        world.live([1], failed=0.5, shift=1000)
        world.live(range(2, 5))
        assert baseline_of(world) is None, "the breach is still pending"
        world.live([5])
        made = baseline_of(world)
        assert made is not None
        # of 300 rows none is of the window whose distances lie around 1000
        assert made.rows == 300
        assert made.columns["distance"].bins.edges[-1] < 100  # type: ignore[union-attr]

    def test_a_version_in_trouble_gets_none_however_many_rows_it_served(self, begin: Begin) -> None:
        world = begin(**first(100))
        seen = world.live(range(5), failed=0.5)
        assert seen.notes == ["version 1 has no baseline yet"]

    def test_an_entity_that_was_learned_in_this_very_look_counts(self, begin: Begin) -> None:
        world = begin(**first(100))
        world.logs[FLIGHTS] = FakeInferenceLog()
        world.look(at=START)
        world.live([0])
        assert world.live([1]).notes[0].startswith("baseline of version 1 made from the first requests")

    def test_of_much_traffic_only_as_much_is_read_as_is_wanted(self, begin: Begin) -> None:
        world = begin(**first(200))
        world.live(range(2), count=3000)
        made = baseline_of(world)
        assert made is not None
        assert 120 < made.rows <= 200, "a coin for each of 3000 requests"

    def test_payloads_that_cannot_be_read_are_no_baseline(self, begin: Begin) -> None:
        world = begin(**first(100))
        (note,) = world.live(range(2), request="{not json").notes
        assert note.startswith("version 1 has no baseline: ")
        assert world.trail("error_rate_5xx").phase is Phase.INACTIVE


class TestReplaced:
    def test_a_newer_baseline_is_taken_from_the_next_window_on(self, world: World) -> None:
        world.live(range(3))
        shifted = trained_on(world.folder / "shifted.parquet", "SELECT i / 10 + 1000 AS distance FROM range(1000) t(i)")
        with world.store.begin() as tx:
            old = baselines.current(tx, FLIGHTS, 1)
            assert old is not None
            made = from_file(
                shifted, SIGNATURE, endpoint=FLIGHTS, version=1, source="by hand", rows=1000, now=world.now
            )
            new = baselines.save(tx, made)
        seen = world.live([3])
        assert [p.baseline_id for p in seen.profiles] == [new.id]
        assert world.trail("distance/ks").phase is Phase.PENDING
        assert [p.columns.keys() for p in world.profiles()] == [set()] * 3 + [{"distance"}]

    def test_one_that_was_deleted_is_made_anew(self, world: World) -> None:
        world.live(range(3))
        with world.store.begin() as tx:
            tx.execute(update(profile_table).values(baseline_id=None, counts=None))
            tx.execute(delete(baseline_table))
        seen = world.live([3])
        assert seen.notes[0].startswith("baseline of version 1 made from the training data")
        assert drift_verdicts(seen) == {Verdict.HEALTHY}


class TestOddColumns:
    def look_at(self, world: World, *columns: Column, query: str, rows: Iterable[str]) -> Look:
        """Look at two windows of a version with these columns, trained on the query, asked these records."""
        training = trained_on(world.folder / "odd.parquet", query)
        version = world.register(signature=Signature(columns, ()), training=training)
        for n in range(2):
            plain = requests(n, version)
            world.log.write(
                LoggedRequest(p.id, p.at, p.entity, request=f'{{"dataframe_records": [{row}]}}')
                for p, row in zip(plain, rows, strict=False)
            )
            seen = world.look(at=after(n))
        return seen

    @pytest.mark.parametrize(
        ("value", "sent"),
        [("7.0", "7.0"), ("NULL::DOUBLE", "null"), ("'NaN'::DOUBLE", "NaN"), ("'inf'::DOUBLE", "Infinity")],
    )
    def test_a_column_of_one_value_or_none_is_calm_and_a_change_of_it_is_not(
        self, world: World, value: str, sent: str
    ) -> None:
        column = Column("distance", Kind.NUMERIC)
        query = f"SELECT {value} AS distance FROM range(1000)"
        seen = self.look_at(world, column, query=query, rows=[f'{{"distance": {sent}}}'] * 100)
        assert drift_verdicts(seen, 4) <= {Verdict.HEALTHY, Verdict.NO_DATA}
        changed = [replace(r, entity="entity-4") for r in requests(2, 4, shift=500)]
        world.log.write(changed)
        assert Verdict.BREACH in drift_verdicts(world.look(at=after(2)), 4)

    def test_ten_thousand_categories(self, world: World) -> None:
        column = Column("tail", Kind.CATEGORICAL)
        query = "SELECT 'N' || i AS tail FROM range(10000) t(i)"
        world.change(baseline=BaselineSettings(rows=10_000))
        seen = self.look_at(world, column, query=query, rows=[f'{{"tail": "N{97 * i}"}}' for i in range(100)])
        assert Verdict.BREACH not in drift_verdicts(seen, 4)
        made = baseline_of(world, 4)
        assert made is not None and made.columns["tail"].bins.size < 200
        unseen = [replace(r, request='{"dataframe_records": [{"tail": "XX"}]}') for r in requests(2, 4)]
        world.log.write(unseen)
        world.look(at=after(2))
        assert world.trail("tail/unseen_rate", version=4).phase is Phase.PENDING

    def test_a_column_that_is_no_longer_sent_is_no_data_and_the_others_go_on(self, world: World) -> None:
        columns = Column("distance", Kind.NUMERIC, required=False), Column("carrier", Kind.CATEGORICAL)
        query = "SELECT i / 10.0 AS distance, 'AA' AS carrier FROM range(1000) t(i)"
        seen = self.look_at(world, *columns, query=query, rows=['{"carrier": "AA"}'] * 100)
        found = {f.check.name: f.verdict for f in seen.findings}
        assert found["carrier/linf"] is Verdict.HEALTHY
        assert found["distance/ks"] is Verdict.NO_DATA
        assert found["distance/null_rate"] in (Verdict.NO_DATA, Verdict.BREACH)
