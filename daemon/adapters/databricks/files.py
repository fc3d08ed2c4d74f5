"""Files that the workspace keeps: what lies in a folder, and how one of them is brought here."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any, Protocol
from urllib.parse import quote

from daemon.adapters.databricks.client import DatabricksClient, Json
from daemon.ports import PlatformError

DIRECTORIES, FILES = "/api/2.0/fs/directories", "/api/2.0/fs/files"
SIGN = "/api/2.0/fs/create-download-url"
MOST_PAGES = 10_000


@dataclass(frozen=True, slots=True)
class Entry:
    path: str
    """Below the folder that was asked for at first."""
    is_folder: bool


class Files(Protocol):
    """The files of one version."""

    def listed(self, folder: str = "") -> list[Entry]: ...

    def fetch(self, path: str, target: Path) -> None: ...


def text(files: Files, name: str) -> str | None:
    """Return one file of the first folder, None where there is no such file."""
    if name not in {entry.path for entry in files.listed() if not entry.is_folder}:
        return None
    with TemporaryDirectory() as folder:
        target = Path(folder) / "file"
        files.fetch(name, target)
        return target.read_text(encoding="utf-8")


def download(files: Files, folder: Path) -> int:
    """Bring everything into the folder, and return how many files that were."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for entry in _all(files, ""):
        target = folder / _safe(entry.path)
        if entry.is_folder:
            target.mkdir(parents=True, exist_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        files.fetch(entry.path, target)
        count += 1
    return count


def pages(client: DatabricksClient, path: str, query: Json, *, what: str) -> Iterator[Json]:
    """Yield an answer and those that follow it. One may be empty and still not be the last."""
    token, seen = "", {""}
    for _ in range(MOST_PAGES):
        asked = {**query, "page_token": token} if token else query
        page: Json = client.get(path, lambda answer: answer, what=what, query=asked)
        yield page
        token = str(page.get("next_page_token") or "")
        if not token:
            return
        if token in seen:
            raise PlatformError(f"could not {what}: the pages go round in a circle", permanent=False)
        seen.add(token)
    raise PlatformError(f"could not {what}: it does not end after {MOST_PAGES} pages", permanent=False)


class FilesApi:
    """Files below an absolute path (`/Models/...`, `/Volumes/...`), through the workspace's files API."""

    def __init__(self, client: DatabricksClient, root: str, *, signed: bool = False) -> None:
        self._client, self._root, self._signed = client, root.rstrip("/"), signed

    def listed(self, folder: str = "") -> list[Entry]:
        at = f"{self._root}/{folder}".rstrip("/")
        shown = pages(self._client, f"{DIRECTORIES}{quote(at)}", {}, what=f"list {at}")
        return [self._entry(one) for page in shown for one in page.get("contents") or []]

    def fetch(self, path: str, target: Path) -> None:
        at = f"{self._root}/{path}"
        if not self._signed:
            self._client.fetch(f"{FILES}{quote(at)}", target, what=f"fetch {at}")
            return
        url, headers = self._client.send("POST", SIGN, {"path": at}, signed_address, what=f"be let into {at}")
        self._client.pull(url, headers, target, what=f"fetch {at}")

    def _entry(self, shown: Json) -> Entry:
        return Entry(str(shown["path"]).removeprefix(f"{self._root}/"), bool(shown.get("is_directory")))


def signed_address(answer: Json) -> tuple[str, dict[str, str]]:
    """Read an address that the workspace has signed, and the headers that go with it."""
    url = answer.get("url") or answer["signed_uri"]
    return str(url), {str(h["name"]): str(h["value"]) for h in answer.get("headers") or []}


def from_json(body: str) -> Mapping[str, Any] | None:
    """Return a JSON object, None where it is none."""
    found = json.loads(body)
    return found if isinstance(found, dict) else None


def _all(files: Files, folder: str) -> Iterator[Entry]:
    for entry in files.listed(folder):
        yield entry
        if entry.is_folder:
            yield from _all(files, entry.path)


def _safe(path: str) -> PurePosixPath:
    """Return the path, unless it would lead out of the folder."""
    pure = PurePosixPath(path)
    if pure.is_absolute() or ".." in pure.parts:
        raise PlatformError(
            f"a file of the version is called {path!r}: that is no place below a folder", permanent=True
        )
    return pure
