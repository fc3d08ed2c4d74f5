"""The last question before a request leaves: may this daemon act?"""

import signal
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.config.fields import Secret
from daemon.config.mlflow import Mlflow
from daemon.config.settings import Safety, Settings, Workspace
from daemon.domain.serving import ServedEntity
from daemon.ports import PlatformError
from daemon.wiring import World, build_world, fenced
from tests.adapters.local_server import Answer, LocalServer

CONFIG = "/api/2.0/serving-endpoints/flights/config"
MODEL = "/api/2.0/mlflow/registered-models/get"
ALIAS = "/api/2.0/mlflow/registered-models/alias"


def leads() -> str:
    return ""


def test_it_lets_through_where_nothing_speaks_against_it(tmp_path: Path) -> None:
    done = []
    with fenced(tmp_path / "KILL", leads)():
        done.append("sent")
    assert done == ["sent"]


def test_while_a_request_is_on_its_way_out_the_end_of_the_lease_is_heard_by_the_kernel(tmp_path: Path) -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    try:
        with fenced(tmp_path / "KILL", leads)():
            assert signal.SIGALRM not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
        assert signal.SIGALRM in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def test_the_kill_switch_and_a_lost_lease_hold_it_back(tmp_path: Path) -> None:
    why = ""
    fence = fenced(tmp_path / "KILL", lambda: why)
    with fence():
        pass
    why = "another leads"
    with pytest.raises(PlatformError, match=r"^nothing was sent: another leads$"), fence():
        raise AssertionError("it was let through")
    why = ""
    (tmp_path / "KILL").touch()
    with pytest.raises(PlatformError, match="the kill switch is pulled") as held, fence():
        raise AssertionError("it was let through")
    assert not held.value.permanent


def test_a_kill_switch_that_cannot_be_looked_for_holds_it_back(tmp_path: Path) -> None:
    fence = fenced(tmp_path / ("x" * 300), leads)
    with pytest.raises(PlatformError, match="cannot be looked for"), fence():
        raise AssertionError("it was let through")


class TestWired:
    """Through the adapters that the daemon is made of."""

    @pytest.fixture
    def kill_file(self, tmp_path: Path) -> Path:
        return tmp_path / "KILL"

    @pytest.fixture
    def why(self) -> list[str]:
        """What speaks against it besides the kill switch."""
        return []

    @pytest.fixture
    def world(
        self, tmp_path: Path, kill_file: Path, why: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[World]:
        with LocalServer() as server:
            monkeypatch.setenv("NO_PROXY", "127.0.0.1")
            server.on("PUT", CONFIG, Answer())
            server.on("GET", MODEL, Answer({"registered_model": {"name": "m"}}))
            server.on("POST", ALIAS, Answer())
            (tmp_path / "token").write_text("secret")
            settings = Settings.model_validate(
                {
                    "workspace": Workspace(
                        host=server.url, token=Secret(file=tmp_path / "token"), timeout=timedelta(seconds=9)
                    ),
                    "mlflow": Mlflow(tracking_uri=server.url),
                    "safety": Safety(kill_file=kill_file),
                    "endpoints": [{"name": "flights", "table": "/nowhere", "model": "m"}],
                }
            )
            self.server = server
            yield build_world(settings, tmp_path, follows=lambda: ", ".join(why))

    def changed(self) -> list[str]:
        return [f"{asked.method} {asked.path}" for asked in self.server.asked if asked.method != "GET"]

    def change(self, world: World) -> list[str]:
        """Try to change something at each door; return what was said."""
        said = []
        calls: tuple[Callable[[], None], ...] = (
            lambda: world.serving.update("flights", [ServedEntity("m-1", "m", 1, 100)]),
            lambda: world.registry.set_alias("m", "champion", 1),
        )
        for call in calls:
            try:
                call()
            except PlatformError as error:
                said.append(str(error))
        return said

    def test_all_leaves_where_this_daemon_leads(self, world: World) -> None:
        assert self.change(world) == []
        assert self.changed() == [f"PUT {CONFIG}", f"POST {ALIAS}"]

    def test_nothing_leaves_where_it_does_not(self, world: World, why: list[str]) -> None:
        why.append("another leads")
        assert world.follows() == "another leads"
        assert self.change(world) == ["nothing was sent: another leads"] * 2
        assert self.changed() == []

    def test_nothing_leaves_once_the_kill_switch_is_pulled(self, world: World, kill_file: Path) -> None:
        kill_file.touch()
        said = f"nothing was sent: the kill switch is pulled: {kill_file} is there"
        assert self.change(world) == [said] * 2
        assert self.changed() == []
