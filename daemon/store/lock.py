"""One daemon on one SQLite file: a lock that the kernel lets go of when its holder ends, however it ends."""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from daemon.store.errors import StoreError

NETWORKED = frozenset(
    {"afs", "beegfs", "ceph", "cifs", "gpfs", "lustre", "nfs", "nfs4", "smb3", "smbfs"}
    | {f"fuse.{kind}" for kind in ("ceph", "glusterfs", "s3fs", "sshfs")}
)
"""File systems that lie on another machine: their locks are kept by servers that may forget them."""
MOUNTS = Path("/proc/self/mountinfo")


class Lock:
    """A held lock: kept until it is released or the process ends."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def hold(database: Path, *, mounts: Path = MOUNTS) -> Lock:
    """Lock `<database>.lock`. Raise StoreError where another process, or this one, holds it, or where no lock holds."""
    # the file stays when the lock goes: removing it would let two processes lock two files of one name
    path = database.with_name(f"{database.name}.lock")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"{path} cannot be opened for writing: {error.strerror}", transient=False) from error
    if (kind := file_system(os.fstat(descriptor).st_dev, mounts)) in NETWORKED:
        os.close(descriptor)
        raise StoreError(
            f"{database} lies on a network file system ({kind}), where neither its lock nor SQLite's can be relied on: "
            "put it on a disk of this machine, or use PostgreSQL",
            transient=False,
        )
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
        os.close(descriptor)
        raise StoreError(f"another mlsteward (pid {holder}) already works on {database}", transient=False) from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return Lock(descriptor)


def file_system(device: int, mounts: Path) -> str:
    """Return the kind of the file system on a device, empty where the kernel does not say."""
    try:
        lines = mounts.read_text().splitlines()
    except OSError:
        return ""
    number = f"{os.major(device)}:{os.minor(device)}"
    kinds = (line.partition(" - ")[2].split(" ")[0] for line in lines if line.split(" ")[2] == number)
    return next(kinds, "")
