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


MOUNTS = """\
22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
31 22 0:45 / /srv/state rw,relatime shared:9 - nfs4 filer:/state rw,vers=4.2
32 22 0:46 / /srv/with\\040space rw,relatime master:3 propagate_from:2 - fuse.sshfs me@elsewhere:/ rw
"""


@pytest.mark.parametrize(
    ("device", "kind"), [((8, 1), "ext4"), ((0, 45), "nfs4"), ((0, 46), "fuse.sshfs"), ((9, 9), "")]
)
def test_the_kernel_says_what_lies_on_another_machine(tmp_path: Path, device: tuple[int, int], kind: str) -> None:
    mounts = tmp_path / "mountinfo"
    mounts.write_text(MOUNTS)
    assert lock.file_system(os.makedev(*device), mounts) == kind


def test_this_machines_own_file_systems_are_found(tmp_path: Path) -> None:
    assert lock.file_system(Path("/proc").stat().st_dev, lock.MOUNTS) == "proc"
    assert lock.file_system(0, tmp_path / "no-such-file") == ""


def test_a_file_on_a_network_is_refused_in_one_sentence(database: Path, tmp_path: Path) -> None:
    device, mounts = tmp_path.stat().st_dev, tmp_path / "mountinfo"
    number = f"{os.major(device)}:{os.minor(device)}"
    mounts.write_text(f"31 22 {number} / /srv/state rw - nfs4 filer:/state rw\n")
    with pytest.raises(StoreError, match=r"mlsteward\.db lies on a network file system \(nfs4\)") as caught:
        lock.hold(database, mounts=mounts)
    assert not caught.value.transient
    mounts.write_text(f"31 22 {number} / / rw - ext4 /dev/sda1 rw\n")
    lock.hold(database, mounts=mounts).release()
