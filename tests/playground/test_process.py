"""The playground as a process: whatever ends it, nothing of it stays behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from playground.environment import command, spawn_environment
from playground.process import Playground
from playground.warehouse import WAREHOUSE_ID

_DEADLINE_SECONDS = 60.0


def _processes_below(root: Path) -> list[int]:
    """Return every living process that was started with this folder on its command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            started_here = str(root) in (path / "cmdline").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if started_here and _alive(int(path.name)):
            found.append(int(path.name))
    return found


def _alive(pid: int) -> bool:
    try:
        # The state follows the command in brackets; Z is a process that only waits to be counted.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _descendants(pid: int) -> list[int]:
    children = [
        int(child) for path in Path(f"/proc/{pid}/task").glob("*/children") for child in path.read_text().split()
    ]
    return children + [below for child in children for below in _descendants(child)]


def _wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def _spawn(root: Path, *options: str) -> subprocess.Popen[bytes]:
    """Start a playground and return as soon as its MLflow server is there too."""
    process = subprocess.Popen(
        command("playground", "--root", str(root), *options),
        env=spawn_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _wait_until(lambda: len(_processes_below(root)) == 2, "no MLflow server has been started")
    return process


def test_sigterm_ends_all_processes_a_running_job_included(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # the registry that its caller works with otherwise is none of the playground's business
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "http://127.0.0.1:9")
    box = Playground(tmp_path / "box").start()
    address_file = box.root / "playground.json"
    assert address_file.stat().st_mode & 0o077 == 0
    job = {"job_id": box.address.jobs["retrain-air-time"]}
    box.control.call("POST", "/api/2.2/jobs/run-now", job)
    _wait_until(lambda: len(_processes_below(box.root)) == 3, "the job has not been started")
    assert box.stop() == 0
    assert _processes_below(box.root) == []
    assert not address_file.exists()
    with pytest.raises(RuntimeError, match="here before"):
        Playground(box.root).start()


def test_sigterm_ends_a_playground_that_is_still_starting(tmp_path: Path) -> None:
    process = _spawn(tmp_path)
    process.send_signal(signal.SIGTERM)
    assert process.wait(_DEADLINE_SECONDS) == 0
    _wait_until(lambda: not _processes_below(tmp_path), "a process is left")


def test_sigkill_leaves_no_orphan(tmp_path: Path) -> None:
    process = _spawn(tmp_path)
    process.kill()
    process.wait()
    _wait_until(lambda: not _processes_below(tmp_path), "a process is left")


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_the_engine_of_the_warehouse_ends_with_the_playground(tmp_path: Path, end: signal.Signals) -> None:
    box = Playground(tmp_path / "box").start()
    pid = box.address.pid
    asked = {"warehouse_id": WAREHOUSE_ID, "statement": "SELECT 1 AS one", "wait_timeout": "30s"}
    answer = box.control.call("POST", "/api/2.0/sql/statements", asked)
    assert answer["status"]["state"] == "SUCCEEDED"
    descendants = _descendants(pid)
    assert len(descendants) > 1, "the MLflow server and the engine"
    os.kill(pid, end)
    _wait_until(lambda: not any(_alive(one) for one in descendants), "a process is left")
    box.stop()


def test_a_playground_ends_with_its_guardian(tmp_path: Path) -> None:
    guardian = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    process = _spawn(tmp_path, "--guardian", str(guardian.pid))
    guardian.communicate(b"\n")
    assert process.wait(_DEADLINE_SECONDS) == 0
    _wait_until(lambda: not _processes_below(tmp_path), "a process is left")


def test_a_guardian_that_is_gone_already_ends_it_too(tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    process = subprocess.run(
        command("playground", "--root", str(tmp_path), "--guardian", str(gone.pid)),
        env=spawn_environment(),
        timeout=_DEADLINE_SECONDS,
    )
    assert process.returncode == 0
    assert not any(tmp_path.iterdir())
