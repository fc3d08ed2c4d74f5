"""Archives come back bit for bit, or are refused; what could not be written leaves nothing."""

import io
import json
import os
import tarfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.remediate import vault
from daemon.remediate.vault import VaultError
from tests.remediate.faults import full_disk

PLAIN = {"MLmodel": b"flavors: {}\n", "data/model.pkl": bytes(range(256)) * 40}
NOISE = {"weights.bin": os.urandom(200_000)}


def lay(folder: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return folder


def read(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    """A vault that holds version 3 of m."""
    vault.store(lay(tmp_path / "source", PLAIN), tmp_path / "vault", "m", 3, {"run_id": "r"})
    return tmp_path / "vault"


def restore(kept: Path, to: str = "out") -> dict[str, bytes]:
    folder = kept.parent / to
    vault.restore(kept, "m", 3, folder)
    return read(folder)


def test_an_archive_comes_back_as_it_was(stored: Path) -> None:
    assert restore(stored) == PLAIN
    assert sorted(p.name for p in (stored / "m").iterdir()) == ["3.json", "3.tar.zst"]


def test_the_manifest_says_what_is_in_it_for_people_and_other_tools(stored: Path) -> None:
    manifest = json.loads((stored / "m" / "3.json").read_text())
    assert manifest["files"] == {name: sha256(content).hexdigest() for name, content in PLAIN.items()}
    assert (manifest["model"], manifest["version"], manifest["run_id"]) == ("m", 3, "r")
    assert manifest["tar"] == sha256((stored / "m" / "3.tar.zst").read_bytes()).hexdigest()


NAMES = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=60).filter(
    lambda name: name not in (".", "..") and len(name.encode()) < 200
)
FOLDERS = st.dictionaries(
    st.lists(NAMES, min_size=1, max_size=4).map(tuple), st.binary(max_size=300), min_size=1, max_size=5
)


@given(files=FOLDERS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_files_are_called_and_hold_they_come_back(
    tmp_path_factory: pytest.TempPathFactory, files: dict[tuple[str, ...], bytes]
) -> None:
    folder = tmp_path_factory.mktemp("vault")
    named: dict[str, bytes] = {}
    for n, (parts, content) in enumerate(files.items()):
        # a folder of its own for each, so that no file stands where another needs a folder
        named["/".join((str(n), *parts))] = content
    kept = vault.store(lay(folder / "source", named), folder / "vault", "m", 3, {})
    assert restore(folder / "vault") == named
    assert set(kept.files) == set(named)


@pytest.mark.parametrize(
    "files",
    [
        {"empty": b""},
        {"/".join(["a" * 200] * 8): b"far down"},
        {"données/模型 \n\t'\"$(x)": b"named oddly"},
        {"zeros": bytes(3_000_000)},
    ],
)
def test_awkward_files_come_back(tmp_path: Path, files: dict[str, bytes]) -> None:
    vault.store(lay(tmp_path / "source", files), tmp_path / "vault", "m", 3, {})
    assert restore(tmp_path / "vault") == files


def test_a_link_comes_back_as_what_it_leads_to(tmp_path: Path) -> None:
    outside = lay(tmp_path / "outside", {"secret": b"content"})
    source = lay(tmp_path / "source", {"a": b"1"})
    (source / "link").symlink_to(outside / "secret")
    os.link(source / "a", source / "b")
    vault.store(source, tmp_path / "vault", "m", 3, {})
    assert restore(tmp_path / "vault") == {"a": b"1", "b": b"1", "link": b"content"}


def test_a_second_archive_takes_the_place_of_the_first(stored: Path) -> None:
    vault.store(lay(stored.parent / "newer", {"other": b"2"}), stored, "m", 3, {})
    assert restore(stored) == {"other": b"2"}


def test_leftovers_of_a_crash_do_not_disturb(stored: Path) -> None:
    for name in (".3.tar.zst.part", ".3.json.part"):
        (stored / "m" / name).write_bytes(b"half")
    vault.store(stored.parent / "source", stored, "m", 3, {})
    assert restore(stored) == PLAIN
    assert len(list((stored / "m").iterdir())) == 2


def test_what_changes_while_it_is_archived_is_not_kept(tmp_path: Path) -> None:
    source = lay(tmp_path / "source", PLAIN)
    (source / "restless").symlink_to("/proc/uptime")
    with pytest.raises(VaultError, match="does not read back"):
        vault.store(source, tmp_path / "vault", "m", 3, {})
    assert read(tmp_path / "vault") == {}


def test_nothing_to_archive_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "source" / "hollow").mkdir(parents=True)
    with pytest.raises(VaultError, match="no artifacts"):
        vault.store(tmp_path / "source", tmp_path / "vault", "m", 3, {})
    with pytest.raises(VaultError):
        vault.store(tmp_path / "nowhere", tmp_path / "vault", "m", 3, {})


def test_a_byte_flipped_anywhere_is_refused_and_leaves_nothing_behind(stored: Path) -> None:
    tar = stored / "m" / "3.tar.zst"
    sound = tar.read_bytes()
    for at in {*range(0, len(sound), 7), len(sound) - 1}:
        tar.write_bytes(sound[:at] + bytes([sound[at] ^ 1]) + sound[at + 1 :])
        with pytest.raises(VaultError, match="does not match"):
            restore(stored)
        assert not (stored.parent / "out").exists()


@pytest.mark.parametrize("keep", [0, 1, 20, -1])
def test_a_tar_cut_short_is_refused(stored: Path, keep: int) -> None:
    tar = stored / "m" / "3.tar.zst"
    tar.write_bytes(tar.read_bytes()[:keep])
    with pytest.raises(VaultError):
        restore(stored)


@pytest.mark.parametrize(
    "manifest", ["", "{}", "[]", "null", '{"format": 2, "tar": "x", "files": {}}', "\udcff"], ids=str.__repr__
)
def test_a_manifest_that_says_nothing_is_refused(stored: Path, manifest: str) -> None:
    (stored / "m" / "3.json").write_bytes(manifest.encode(errors="surrogateescape"))
    with pytest.raises(VaultError):
        restore(stored)


@pytest.mark.parametrize("missing", ["3.json", "3.tar.zst"])
def test_half_an_archive_is_none(stored: Path, missing: str) -> None:
    (stored / "m" / missing).unlink()
    with pytest.raises(VaultError, match="no archive"):
        restore(stored)


def test_a_folder_that_holds_something_is_not_restored_into(stored: Path) -> None:
    lay(stored.parent / "out", {"mine": b"1"})
    with pytest.raises(VaultError, match="not empty"):
        restore(stored)
    assert read(stored.parent / "out") == {"mine": b"1"}


@pytest.mark.parametrize("model", ["", ".", "..", "../m", "a/b", ".hidden", "m\0"])
def test_a_model_that_would_lead_elsewhere_is_refused(tmp_path: Path, model: str) -> None:
    source = lay(tmp_path / "source", PLAIN)
    with pytest.raises(VaultError):
        vault.store(source, tmp_path / "vault", model, 3, {})
    with pytest.raises(VaultError):
        vault.restore(tmp_path / "vault", model, 3, tmp_path / "out")
    assert not (tmp_path / "vault").exists()


def forge(kept: Path, member: tarfile.TarInfo, claimed: str) -> None:
    """Put an archive into the vault whose manifest is right, and whose tar holds one member of our making."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as pack:
        member.size = 4 if member.isfile() else 0
        pack.addfile(member, io.BytesIO(b"evil"))
    tar = zstandard.compress(packed.getvalue())
    files = {claimed: sha256(b"evil").hexdigest()}
    described = {"format": 1, "tar": sha256(tar).hexdigest(), "files": files}
    (kept / "m" / "3.tar.zst").write_bytes(tar)
    (kept / "m" / "3.json").write_text(json.dumps(described))


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "{absolute}/evil"])
def test_a_forged_archive_writes_nothing_outside_its_folder(stored: Path, name: str) -> None:
    name = name.format(absolute=stored.parent / "elsewhere")
    forge(stored, tarfile.TarInfo(name), name)
    with pytest.raises(VaultError):
        restore(stored)
    assert not list(stored.parent.rglob("evil"))


def test_a_forged_link_leads_nowhere(stored: Path) -> None:
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    forge(stored, link, "link")
    with pytest.raises(VaultError):
        restore(stored)


@pytest.mark.parametrize("room", [0, 100, 4096, 150_000])
def test_a_full_disk_leaves_nothing_half_written_and_all_that_was_there(stored: Path, room: int) -> None:
    newer = lay(stored.parent / "newer", NOISE)
    before = read(stored)
    with full_disk(room), pytest.raises(VaultError, match="could not be written"):
        vault.store(newer, stored, "m", 3, {})
    assert read(stored) == before
    assert read(newer) == NOISE
    assert restore(stored) == PLAIN


def test_a_disk_that_fills_up_during_the_manifest_leaves_nothing_either(stored: Path) -> None:
    many = lay(stored.parent / "newer", {f"{n}": b"" for n in range(300)})
    before = read(stored)
    with full_disk(20_000), pytest.raises(VaultError, match="could not be written"):
        vault.store(many, stored, "m", 3, {})
    assert read(stored) == before


def test_a_full_disk_ends_a_restore_and_leaves_nothing_half_restored(tmp_path: Path) -> None:
    vault.store(lay(tmp_path / "source", NOISE), tmp_path / "vault", "m", 3, {})
    with full_disk(1000), pytest.raises(VaultError, match="could not be restored"):
        restore(tmp_path / "vault")
    assert not (tmp_path / "out").exists()
    assert restore(tmp_path / "vault") == NOISE
