"""Archives on disk: a compressed tar and a manifest with the checksum of every file. Written whole or not at all."""

import hashlib
import json
import os
import shutil
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import zstandard

FORMAT = 1


class VaultError(Exception):
    """An archive could not be written, or is not what its manifest says."""


@dataclass(frozen=True, slots=True)
class Archived:
    """One archived version."""

    tar: Path
    manifest: Path
    files: Mapping[str, str]
    """Path within the version's artifacts -> SHA-256."""


def store(folder: Path, vault: Path, model: str, version: int, about: Mapping[str, object]) -> Archived:
    """Archive a folder of artifacts, read the archive back, and only then give it its name.

    A full disk or a crash leaves a temporary file that the next try replaces, and never half an archive.
    """
    files = checksums(folder)
    if not files:
        raise VaultError(f"version {version} of {model} has no artifacts to archive")
    place = vault / _safe(model)
    temporary = place / f".{version}.tar.zst.part"
    try:
        place.mkdir(parents=True, exist_ok=True)
        _write(folder, temporary)
        _compare(temporary, files)
        manifest = {"format": FORMAT, "model": model, "version": version, "files": files, **about}
        named = _named(vault, model, version)
        _put(named[1], json.dumps(manifest, indent=2, sort_keys=True))
        temporary.replace(named[0])
        _sync(place)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise VaultError(f"the archive of version {version} could not be written: {error.strerror}") from error
    return Archived(*named, files)


def restore(vault: Path, model: str, version: int, folder: Path) -> Archived:
    """Unpack an archive into an empty folder and compare every file with the manifest, bit for bit."""
    tar, manifest = _named(vault, model, version)
    if not tar.exists() or not manifest.exists():
        raise VaultError(f"there is no archive of version {version} of {model} below {vault}")
    files = json.loads(manifest.read_text())["files"]
    if folder.exists() and any(folder.iterdir()):
        raise VaultError(f"{folder} is not empty: restore into a folder of its own")
    folder.mkdir(parents=True, exist_ok=True)
    _unpack(tar, folder)
    if checksums(folder) != files:
        raise VaultError(f"the archive of version {version} of {model} does not match its manifest")
    return Archived(tar, manifest, files)


def checksums(folder: Path) -> dict[str, str]:
    """Return path -> SHA-256 of every file below a folder."""
    return {str(path.relative_to(folder)): _digest(path) for path in sorted(folder.rglob("*")) if path.is_file()}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write(folder: Path, target: Path) -> None:
    compressor = zstandard.ZstdCompressor(level=10, write_checksum=True)
    with target.open("wb") as raw:
        with compressor.stream_writer(raw, closefd=False) as packed, tarfile.open(fileobj=packed, mode="w|") as pack:
            pack.add(folder, arcname=".")
        raw.flush()
        os.fsync(raw.fileno())


def _unpack(tar: Path, folder: Path) -> None:
    with (
        tar.open("rb") as raw,
        zstandard.ZstdDecompressor().stream_reader(raw) as plain,
        tarfile.open(fileobj=plain, mode="r|") as pack,
    ):
        pack.extractall(folder, filter="data")


def _compare(tar: Path, files: Mapping[str, str]) -> None:
    unpacked = tar.with_suffix(".check")
    shutil.rmtree(unpacked, ignore_errors=True)
    try:
        _unpack(tar, unpacked)
        if checksums(unpacked) != dict(files):
            raise VaultError(f"{tar.name} does not read back as it was written")
    finally:
        shutil.rmtree(unpacked, ignore_errors=True)


def _put(path: Path, text: str) -> None:
    part = path.with_suffix(".part")
    with part.open("w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _named(vault: Path, model: str, version: int) -> tuple[Path, Path]:
    place = vault / _safe(model)
    return place / f"{version}.tar.zst", place / f"{version}.json"


def _safe(model: str) -> str:
    if not model or "/" in model or model.startswith("."):
        raise VaultError(f"{model!r} cannot name a folder")
    return model
