"""Which loop runs how often."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.adapters.databricks import DatabricksRuns, UnityRegistry, WorkspaceRegistry
from daemon.adapters.mlflow import MlflowRegistry, MlflowRuns
from daemon.config.detection import Watch
from daemon.config.endpoint import EndpointSettings
from daemon.config.mlflow import Mlflow
from daemon.config.settings import Settings
from daemon.schedule import Grid
from daemon.store.engine import Store
from daemon.telemetry.metrics import Metrics
from daemon.watch.sample import due
from daemon.wiring import World, build_world, rounds
from tests.fakes import FakeJobs, FakeRegistry, FakeServing

MINUTE = timedelta(minutes=1)
ENDPOINT = EndpointSettings(name="flights", table="/t", model="m")


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(FakeServing(), FakeRegistry(tmp_path), FakeJobs(), (), tmp_path)


@pytest.mark.parametrize(
    ("mlflow", "registry", "runs"),
    [
        ({"tracking_uri": "http://x"}, MlflowRegistry, None),
        ({"tracking_uri": "databricks"}, UnityRegistry, DatabricksRuns),
        ({"tracking_uri": "databricks", "registry_uri": "databricks"}, WorkspaceRegistry, DatabricksRuns),
        ({"tracking_uri": "http://x", "registry_uri": "databricks-uc"}, UnityRegistry, MlflowRuns),
    ],
)
def test_the_uris_say_which_registry_is_asked_and_where_runs_are(
    tmp_path: Path, mlflow: dict[str, str], registry: type, runs: type | None
) -> None:
    """Nothing is connected: the addresses lead nowhere."""
    endpoint = ENDPOINT.model_copy(update={"model": "main.ml.m"})
    world = build_world(Settings(mlflow=Mlflow(**mlflow), endpoints=(endpoint,)), tmp_path)
    assert type(world.registry) is registry
    if runs is not None:
        assert type(getattr(world.registry, "_runs")) is runs  # noqa: B009


@pytest.mark.parametrize("settle", [timedelta(), 2 * MINUTE, 17 * MINUTE])
def test_there_is_a_look_at_the_moment_at_which_a_window_has_settled(
    world: World, sqlite_store: Store, settle: timedelta
) -> None:
    rules = Watch(interval=5 * MINUTE, window=15 * MINUTE, settle=settle)
    settings = Settings(endpoints=(ENDPOINT.model_copy(update={"watch": rules}),))
    (one,) = [r for r in rounds(settings, world, sqlite_store, Metrics()) if r.loop == "watch"]
    assert one.after is not None
    looks = [datetime(2026, 3, 1, 12, 3, 21, tzinfo=UTC)]
    while len(looks) < 20:
        looks.append(Grid(one.every, one.after, timedelta()).get_next_fire_time(None, looks[-1]))
    settled = {w.end + settle for w in due(None, looks[-1], rules) if w.end + settle > looks[0]}
    assert len(settled) >= 6
    assert settled <= set(looks)
    for moment in settled:
        before = moment - timedelta(microseconds=1)
        assert due(None, moment, rules)[-1].end == due(None, before, rules)[-1].end + rules.window
