import os
import signal
import subprocess
import sys
from pathlib import Path

PASS = (
    "from daemon.telemetry.failpoint import failpoint\n"
    "for name in ('after_call', 'after_intent', 'after_call', 'after_call'):\n"
    "    failpoint(name)\n"
    "print('through')\n"
)


def through(**environment: str) -> subprocess.CompletedProcess[str]:
    """Pass four points in a process of its own: what is armed is read at its start."""
    return subprocess.run(
        [sys.executable, "-c", PASS], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def test_points_that_are_not_armed_do_nothing() -> None:
    ended = through()
    assert (ended.returncode, ended.stdout) == (0, "through\n")


def test_the_passing_that_was_asked_for_ends_the_process_and_each_one_is_noted(tmp_path: Path) -> None:
    log = tmp_path / "passed"
    ended = through(MLSTEWARD_FAILPOINT="after_call:2=kill", MLSTEWARD_FAILPOINTS_PASSED=str(log))
    assert (ended.returncode, ended.stdout) == (-signal.SIGKILL, "")
    assert log.read_text().split() == ["after_call", "after_intent", "after_call"]


def test_a_process_that_is_stopped_has_not_gone_on_when_it_is_continued(tmp_path: Path) -> None:
    log = tmp_path / "passed"
    environment = {"MLSTEWARD_FAILPOINT": "after_intent=stop", "MLSTEWARD_FAILPOINTS_PASSED": str(log)}
    with subprocess.Popen([sys.executable, "-c", PASS], env={**os.environ, **environment}) as process:
        assert os.WIFSTOPPED(os.waitpid(process.pid, os.WUNTRACED)[1])
        assert log.read_text().split() == ["after_call", "after_intent"]
        process.send_signal(signal.SIGCONT)
        assert process.wait(60) == 0
    assert len(log.read_text().split()) == 4
