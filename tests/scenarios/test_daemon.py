"""The daemon as a process: start, reload, stop, and what a hostile world does to it."""

import json
import os
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from playground.address import Address
from playground.process import Playground
from playground.traffic import Mix, Traffic
from playground.warehouse import WAREHOUSE_ID
from tests.scenarios.process import TINY, Daemon


@pytest.fixture(scope="module")
def box(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Playground]:
    """A workspace of their own: the traffic of these tests would disturb the others'."""
    with Playground(tmp_path_factory.mktemp("scenarios")) as started:
        yield started


@pytest.fixture(scope="module")
def address(box: Playground) -> Iterator[Address]:
    """The workspace, with a little traffic on both endpoints."""
    found = box.address
    mix = Mix(records_per_second=60)
    with Traffic(found, "flight-delay", mix, seed=1), Traffic(found, "air-time", mix, seed=2):
        yield found


def endpoint(address: Address, name: str, *, table: str | None = None, called: str | None = None) -> str:
    known = address.endpoints[name]
    return (
        f'[[endpoints]]\nname = "{called or name}"\n'
        f'table = "{table or known.table}"\nmodel = "{known.registered_model}"\n'
    )


def config(address: Address, *endpoints: str, host: str | None = None) -> str:
    base = TINY.format(
        host=host or address.host, mlflow=address.mlflow, served_entities_table=address.served_entities_table
    )
    return base + "".join(endpoints or [endpoint(address, "flight-delay")])


def looked(daemon: Daemon, name: str = "flight-delay") -> bool:
    return bool(daemon.metric(f'mlsteward_requests_total{{endpoint="{name}"}}'))


def test_one_line_of_its_configuration_lets_a_warehouse_read(box: Playground, address: Address, tmp_path: Path) -> None:
    """By name, both versions told by Databricks' history, and one statement for each window that has settled."""
    named = endpoint(address, "flight-delay", table="playground.serving.flight-delay_payload")
    told = config(address, f'{named}reader = "warehouse"\n').replace(
        str(address.served_entities_table), f'system.serving.served_entities"\nwarehouse_id = "{WAREHOUSE_ID}'
    )
    before = len(box.control.statements())
    began = time.monotonic()
    with Daemon(tmp_path, told, TEST_TOKEN=address.token) as daemon:
        daemon.wait("the endpoint to be seen", lambda: looked(daemon))
        daemon.wait("some windows", lambda: len(box.control.statements()) >= before + 4)
        assert daemon.stop() == 0
        log = daemon.log.read_text()
    sent = box.control.statements()[before:]
    windows = (time.monotonic() - began) / 2
    assert len(sent) <= windows + 1, [one["sql"] for one in sent]
    assert {one["state"] for one in sent} == {"SUCCEEDED"}
    assert "Traceback" not in log and "cannot be" not in log
    assert "signature=" not in log and "dataframe_records" not in log


def test_it_starts_looks_tells_and_stops_cleanly(address: Address, tmp_path: Path) -> None:
    both = config(address, endpoint(address, "flight-delay"), endpoint(address, "air-time"))
    with Daemon(tmp_path, both, TEST_TOKEN=address.token) as daemon:
        daemon.wait("both endpoints to be seen", lambda: looked(daemon) and looked(daemon, "air-time"))
        assert daemon.get("/healthz")[0] == 200
        assert daemon.get("/readyz")[0] == 200
        assert daemon.get("/anything-else")[0] == 404
        assert daemon.stop() == 0
        log = daemon.log.read_text()
    assert "Traceback" not in log
    assert address.token not in log
    assert "dataframe_records" not in log
    assert "predictions" not in log


def test_one_look_by_hand_prints_what_was_found_and_again_what_is_known(address: Address, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(config(address))
    words = [sys.executable, "-m", "daemon", "once", "--endpoint", "flight-delay", "--config", "config.toml"]
    environment = {**os.environ, "TEST_TOKEN": address.token, "NO_PROXY": "127.0.0.1"}

    def say(*more: str) -> str:
        ended = subprocess.run(
            [*words, *more], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
        )
        return ended.stdout

    deadline = time.monotonic() + 60  # until the first requests have settled
    while "error_rate_5xx" not in (said := say()):
        assert time.monotonic() < deadline, said
    assert "too_few_rows" in said
    told = json.loads(say("--json"))
    assert {f["check"] for f in told["findings"]} >= {"error_rate_4xx", "error_rate_5xx"}
    assert told["decision"]["action"] == "nothing"


def test_a_second_daemon_on_the_same_database_is_refused_in_one_sentence(address: Address, tmp_path: Path) -> None:
    with Daemon(tmp_path, config(address), TEST_TOKEN=address.token) as first:
        second = Daemon(tmp_path, first.config.read_text(), TEST_TOKEN=address.token)
        second.log = tmp_path / "second.log"
        second.spawn()
        assert second.process.wait(60) == 1
        said = second.log.read_text()
        assert "another mlsteward" in said
        assert "Traceback" not in said
        assert first.ended is None


def test_a_port_that_is_taken_is_said_in_one_sentence(address: Address, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        daemon = Daemon(tmp_path, config(address).replace("port = 0", f"port = {port}"), TEST_TOKEN=address.token)
        daemon.spawn()
        assert daemon.process.wait(60) == 1
    said = daemon.log.read_text()
    assert str(port) in said
    assert "Traceback" not in said


def test_a_reload_takes_a_good_file_and_refuses_a_broken_one(address: Address, tmp_path: Path) -> None:
    with Daemon(tmp_path, config(address), TEST_TOKEN=address.token) as daemon:
        daemon.wait("a look", lambda: looked(daemon))
        daemon.config.write_text(config(address) + "nonsense = 1\n")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait("the refusal", lambda: daemon.metric("mlsteward_config_reload_success") == 0)
        assert "nonsense is not a setting" in daemon.log.read_text()
        assert daemon.events("config.refused")

        daemon.config.write_text(config(address, endpoint(address, "flight-delay"), endpoint(address, "air-time")))
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait("the new endpoint", lambda: looked(daemon, "air-time"))
        assert daemon.metric("mlsteward_config_reload_success") == 1
        assert daemon.stop() == 0


def test_a_missing_table_is_told_once_and_the_other_endpoint_goes_on(address: Address, tmp_path: Path) -> None:
    lost = endpoint(address, "air-time", table=str(tmp_path / "nowhere"))
    with Daemon(tmp_path, config(address, endpoint(address, "flight-delay"), lost), TEST_TOKEN=address.token) as daemon:
        daemon.wait("the other endpoint", lambda: looked(daemon))
        daemon.wait("the event", lambda: bool(daemon.events("loop.failing")))
        (event,) = daemon.events("loop.failing")
        assert event.endpoint == "air-time"
        assert "nowhere" in event.sentence
        assert daemon.get("/healthz")[0] == 200
        assert daemon.get("/readyz")[0] == 200


def test_a_workspace_that_is_away_does_not_hold_up_the_start(address: Address, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    away = config(address, host=f"http://127.0.0.1:{port}")
    with Daemon(tmp_path, away, TEST_TOKEN=address.token) as daemon:
        assert daemon.get("/healthz")[0] == 200
        daemon.wait("the event", lambda: bool(daemon.events("loop.failing")), 60)
        assert daemon.stop() == 0


def test_an_expired_token_is_told_and_a_renewed_one_heals_it(address: Address, box: Playground, tmp_path: Path) -> None:
    token = box.control.issue_token()
    with Daemon(tmp_path, config(address), TEST_TOKEN=token) as daemon:
        daemon.wait("a look", lambda: looked(daemon))
        box.control.expire_token(token=token)
        daemon.wait("the event", lambda: bool(daemon.events("loop.failing")), 60)
        assert token not in daemon.log.read_text()
        box.control.renew_token(token=token)
        assert looks_again(daemon)


def looks_again(daemon: Daemon) -> bool:
    """Whether it counts requests that it had not counted when this was first asked."""
    seen = daemon.metric('mlsteward_requests_total{endpoint="flight-delay"}') or 0
    daemon.wait(
        "new requests", lambda: (daemon.metric('mlsteward_requests_total{endpoint="flight-delay"}') or 0) > seen, 60
    )
    return True


def test_a_locked_database_is_waited_for_and_nothing_is_lost(address: Address, tmp_path: Path) -> None:
    with Daemon(tmp_path, config(address), TEST_TOKEN=address.token) as daemon:
        daemon.wait("a look", lambda: looked(daemon))
        thief = sqlite3.connect(tmp_path / "mlsteward.db", isolation_level=None)
        thief.execute("BEGIN IMMEDIATE")
        daemon.wait("the failure", lambda: "watch:flight-delay failed" in daemon.log.read_text(), 60)
        assert daemon.get("/healthz")[0] == 200
        thief.execute("ROLLBACK")
        thief.close()
        assert looks_again(daemon)
        assert "Traceback" not in daemon.log.read_text()


def test_a_full_disk_stops_the_writing_and_not_the_daemon(address: Address, tmp_path: Path) -> None:
    with Daemon(tmp_path, config(address), TEST_TOKEN=address.token) as daemon:
        daemon.wait("a look", lambda: looked(daemon))
        full = (tmp_path / "mlsteward.db-wal").stat().st_size
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, (full, resource.RLIM_INFINITY))
        daemon.wait("the failure", lambda: "watch:flight-delay failed" in daemon.log.read_text(), 60)
        assert daemon.get("/healthz")[0] == 200
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(daemon.process.pid, resource.RLIMIT_FSIZE, unlimited)
        assert looks_again(daemon)


def test_it_runs_on_postgresql_as_well(address: Address, tmp_path: Path, postgres_url: str) -> None:
    text = config(address).replace("sqlite:///mlsteward.db", postgres_url)
    with Daemon(tmp_path, text, TEST_TOKEN=address.token) as daemon:
        daemon.wait("a look", lambda: looked(daemon))
        assert looks_again(daemon)
        assert daemon.stop() == 0
        assert "Traceback" not in daemon.log.read_text()


def test_killed_and_started_again_it_goes_on_where_it_was_and_tells_nothing_twice(
    address: Address, tmp_path: Path
) -> None:
    with Daemon(tmp_path, config(address), TEST_TOKEN=address.token) as daemon:
        daemon.wait("a look", lambda: looked(daemon))
        daemon.process.kill()
        daemon.process.wait()
        told = [e.dedup_key for e in daemon.events()]
        daemon.log.unlink()
        with Daemon(tmp_path, daemon.config.read_text(), TEST_TOKEN=address.token) as again:
            again.wait("a look", lambda: looked(again))
            assert again.stop() == 0
        keys = [e.dedup_key for e in again.events() if e.dedup_key]
        assert len(keys) == len(set(keys))
        assert set(told) <= {e.dedup_key for e in again.events()}
