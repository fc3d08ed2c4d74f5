"""Archives on disk: a compressed tar and a manifest with the checksum of every file. Written whole or not at all."""

import hashlib
import json
import os
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import zstandard

FORMAT = 1


class VaultError(Exception):
    """An archive could not be written or read, or is not what its manifest says."""


@dataclass(frozen=True, slots=True)
class Archived:
    """One archived version."""

    tar: Path
    manifest: Path
    files: Mapping[str, str]
    """Path within the version's artifacts -> SHA-256."""


def store(folder: Path, vault: Path, model: str, version: int, about: Mapping[str, object]) -> Archived:
    """Archive a folder of artifacts, read the archive back, and only then give it its name.

    A full disk leaves nothing, and what a crash leaves the next try replaces: there is never half an archive.
    """
    tar, manifest = _named(vault, model, version)
    drafts = [path.with_name(f".{path.name}.part") for path in (tar, manifest)]
    with _refusing(f"the archive of version {version} of {model} could not be written"):
        files = checksums(folder)
        if not files:
            raise VaultError(f"version {version} of {model} has no artifacts to archive")
        try:
            tar.parent.mkdir(parents=True, exist_ok=True)
            _pack(folder, drafts[0])
            if _contents(drafts[0]) != files:
                raise VaultError(f"version {version} of {model} does not read back as it was written")
            described = {"format": FORMAT, "model": model, "version": version, "tar": _digest(drafts[0]), **about}
            _write(drafts[1], json.dumps({**described, "files": files}, indent=2, sort_keys=True))
            drafts[0].replace(tar)
            drafts[1].replace(manifest)
            _sync(tar.parent)
        finally:
            for draft in drafts:
                with suppress(OSError):
                    draft.unlink()
    return Archived(tar, manifest, files)


def restore(vault: Path, model: str, version: int, folder: Path) -> Archived:
    """Unpack an archive into an empty folder and compare every file with the manifest, bit for bit.

    What does not match is not left there.
    """
    tar, manifest = _named(vault, model, version)
    if not tar.exists() or not manifest.exists():
        raise VaultError(f"there is no archive of version {version} of {model} below {vault}")
    with _refusing(f"the archive of version {version} of {model} could not be restored"):
        if folder.exists() and any(folder.iterdir()):
            raise VaultError(f"{folder} is not empty: restore into a folder of its own")
        described = json.loads(manifest.read_text())
        if (described["format"], described["tar"]) != (FORMAT, _digest(tar)):
            raise VaultError(f"the archive of version {version} of {model} does not match its manifest")
        folder.mkdir(parents=True, exist_ok=True)
        with _emptied_on_failure(folder):
            _unpack(tar, folder)
            if checksums(folder) != described["files"]:
                raise VaultError(f"the files of version {version} of {model} do not match their manifest")
    return Archived(tar, manifest, described["files"])


def checksums(folder: Path) -> dict[str, str]:
    """Return path -> SHA-256 of every file below a folder."""
    return {str(path.relative_to(folder)): _digest(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pack(folder: Path, target: Path) -> None:
    compressor = zstandard.ZstdCompressor(level=10, write_checksum=True)
    with target.open("wb") as raw:
        with (
            compressor.stream_writer(raw, closefd=False) as packed,
            tarfile.open(fileobj=packed, mode="w|", dereference=True) as pack,
        ):
            pack.add(folder, arcname=".")
        _flush(raw)


@contextmanager
def _unpacking(tar: Path) -> Iterator[tarfile.TarFile]:
    with (
        tar.open("rb") as raw,
        zstandard.ZstdDecompressor().stream_reader(raw) as plain,
        tarfile.open(fileobj=plain, mode="r|") as pack,
    ):
        yield pack


def _unpack(tar: Path, folder: Path) -> None:
    with _unpacking(tar) as pack:
        # Pythons before 3.11.4 have no filter: what it refuses is refused here as well
        pack.extraction_filter = getattr(tarfile, "data_filter", None)
        for member in pack:
            inside = (folder / member.name).resolve().is_relative_to(folder.resolve())
            if not inside or not (member.isreg() or member.isdir()):
                raise ValueError(f"{member.name} is no file of a version")
            pack.extract(member, folder)


def _contents(tar: Path) -> dict[str, str]:
    """Return path -> SHA-256 of every file in an archive."""
    found = {}
    with _unpacking(tar) as pack:
        for member in pack:
            file = pack.extractfile(member) if member.isfile() else None
            if file is not None:
                digest = hashlib.file_digest(file, "sha256")  # type: ignore[arg-type]
                found[str(PurePosixPath(member.name))] = digest.hexdigest()
    return found


def _write(path: Path, text: str) -> None:
    with path.open("wb") as file:
        file.write(text.encode())
        _flush(file)


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _emptied_on_failure(folder: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


@contextmanager
def _refusing(what: str) -> Iterator[None]:
    """Say every way in which files, archives and manifests can be broken in one kind of sentence."""
    try:
        yield
    except (OSError, EOFError, tarfile.TarError, zstandard.ZstdError, ValueError, KeyError, TypeError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise VaultError(f"{what}: {why}") from error


def _named(vault: Path, model: str, version: int) -> tuple[Path, Path]:
    if not model or "/" in model or model.startswith("."):
        raise VaultError(f"{model!r} cannot name a folder")
    return vault / model / f"{version}.tar.zst", vault / model / f"{version}.json"
