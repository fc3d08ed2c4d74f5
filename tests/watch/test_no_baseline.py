"""Whatever is wrong with training data is said, and health is watched all the same."""

from pathlib import Path

import pytest

from daemon.config.detection import BaselineSettings
from daemon.domain.finding import Verdict
from daemon.domain.trail import Phase
from daemon.ports import PlatformError
from tests.watch.traffic import MODEL, SIGNATURE, trained_on
from tests.watch.world import Begin, World, drift_verdicts


def from_path(path: Path | str) -> dict[str, object]:
    return {"baseline": BaselineSettings(path=str(path), rows=1000)}


def watched(world: World, version: int = 1) -> list[str]:
    """Look at a window without drift to be told, and return what was noted."""
    seen = world.live([0], version=version, failed=0.5)
    assert drift_verdicts(seen, version) == set()
    assert world.trail("error_rate_5xx", version).phase is Phase.PENDING
    assert seen.profiles[0].columns == {}
    assert world.baseline(version) is None
    return list(seen.notes)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELECT 1.0 AS distance, 'AA' AS carrier LIMIT 0", "has no rows"),
        ("SELECT 1 AS something, 2 AS other", "has none of the columns"),
    ],
)
def test_a_file_of_no_use(begin: Begin, tmp_path: Path, query: str, said: str) -> None:
    (note,) = watched(begin(**from_path(trained_on(tmp_path / "given.parquet", query))))
    assert note.startswith("version 1 has no baseline: ")
    assert said in note


def test_a_file_that_cannot_be_read(begin: Begin, tmp_path: Path) -> None:
    (tmp_path / "given.parquet").write_text("this is no parquet")
    (note,) = watched(begin(**from_path(tmp_path / "given.parquet")))
    assert "cannot be read" in note


def test_a_file_that_is_not_there(begin: Begin, tmp_path: Path) -> None:
    (note,) = watched(begin(**from_path(tmp_path / "none.parquet")))
    assert f"there is no {tmp_path}/none.parquet" in note


def test_a_table_that_cannot_be_read(begin: Begin) -> None:
    world = begin(**from_path("s3://bucket/table"))
    world.tables.fail_next(PlatformError("s3://bucket/table may not be read", permanent=True))
    assert watched(world) == ["version 1 has no baseline: s3://bucket/table may not be read"]


def test_a_disk_that_is_full(world: World) -> None:
    (world.folder / "scratch").write_text("a file where a folder should be")
    (note,) = watched(world)
    assert note.startswith("version 1 has no baseline: ")


def test_a_version_that_vanished_from_the_registry(world: World) -> None:
    world.registry.drop(MODEL, 1)
    assert watched(world) == [f"version 1 has no baseline: {MODEL} has no version 1"]


def test_a_version_without_a_signature(world: World) -> None:
    version = world.register(training=world.training)
    said = f"version {version} has no baseline: {MODEL} version {version} has no signature"
    assert watched(world, version) == [said]


def test_other_versions_go_on(world: World) -> None:
    world.registry.drop(MODEL, 2)
    world.deploy({1: 50, 2: 50})
    world.traffic(0, version=2)
    seen = world.live([0])
    assert drift_verdicts(seen, 1) == {Verdict.HEALTHY}
    assert {f.version for f in seen.findings} == {1, 2}


def test_a_registry_that_comes_back_is_asked_again(world: World) -> None:
    world.registry.fail_next(PlatformError("MLflow is away", permanent=False))
    assert world.live([0]).notes == ["version 1 has no baseline: MLflow is away"]
    assert world.look().notes == [], "without a new window there is nothing to count"
    assert drift_verdicts(world.live([1])) == {Verdict.HEALTHY}


def test_without_a_dataset_and_without_leave_to_take_what_is_served_it_says_what_to_do(begin: Begin) -> None:
    world = begin(baseline=BaselineSettings(or_first=False))
    (note,) = watched(world, world.register(signature=SIGNATURE))
    assert note.endswith("set baseline.path or or_first")
