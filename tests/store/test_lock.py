"""One daemon on one SQLite file."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.store import lock
from daemon.store.errors import StoreError

HOLD = """
import sys
from pathlib import Path
from daemon.store import lock
held = lock.hold(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "state" / "mlsteward.db"


def test_a_second_daemon_is_refused_and_told_who_the_first_is(database: Path) -> None:
    with lock.hold(database), pytest.raises(StoreError) as caught:
        lock.hold(database)
    assert str(caught.value) == f"another mlsteward (pid {os.getpid()}) already works on {database}"
    assert not caught.value.transient


def test_a_lock_given_back_can_be_taken_again(database: Path) -> None:
    held = lock.hold(database)
    held.release()
    held.release()
    lock.hold(database).release()


def test_a_lock_does_not_outlive_a_process_that_is_killed(database: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(StoreError, match=rf"\(pid {other.pid}\)"):
            lock.hold(database)
        other.kill()
        other.wait()
        lock.hold(database).release()


def test_two_databases_in_one_folder_do_not_stand_in_each_others_way(database: Path) -> None:
    with lock.hold(database), lock.hold(database.with_name("other.db")):
        pass


def test_nobody_else_can_read_the_lock(database: Path) -> None:
    with lock.hold(database):
        assert stat.S_IMODE(database.with_name("mlsteward.db.lock").stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be opened for writing: ") as caught:
        lock.hold(tmp_path / "file" / "mlsteward.db")
    assert not caught.value.transient
