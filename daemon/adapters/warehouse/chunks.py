"""The chunks of an answer: each is fetched from a link that is signed for a quarter of an hour, and checked."""

import base64
import binascii
from collections.abc import Iterator
from typing import Any

import requests

from daemon.adapters.databricks.client import DatabricksClient, Json
from daemon.adapters.warehouse.arrow import batches_of
from daemon.ports import PlatformError

ATTEMPTS = 3
"""Times a chunk is fetched, each time from a link of its own: a link ends, and storage has hiccups."""


class GoneError(PlatformError):
    """The statement succeeded, and its result is there no longer."""


class Chunks:
    """Fetches one answer."""

    def __init__(
        self, client: DatabricksClient, statement: str, manifest: Json, *, timeout_seconds: float, what: str
    ) -> None:
        self._client, self._statement = client, statement
        self._manifest = manifest
        self._timeout_seconds, self._what = timeout_seconds, what

    def batches(self, result: Json) -> Iterator[Any]:
        """Yield the Arrow batches of all chunks, in order. Raise PlatformError where one is missing or is garbage."""
        chunks = rows = 0
        path: str | None = f"{self._statement}/result/chunks/0"
        pieces = _pieces(result)
        while path is not None and (pieces or chunks):
            pieces = pieces or _pieces(self._again(path))
            if not pieces:
                raise self._broken(f"chunk {chunks} has no link")
            for piece in pieces:
                if piece.get("chunk_index", chunks) != chunks:
                    raise self._broken(f"chunk {chunks} was asked for, and {piece.get('chunk_index')} came")
                held = 0
                for batch in self._read(chunks, piece, path):
                    held += batch.num_rows
                    yield batch
                if held != piece.get("row_count", held):
                    raise self._broken(f"chunk {chunks} has {held} rows instead of {piece.get('row_count')}")
                chunks, rows = chunks + 1, rows + held
            path, pieces = self._next(pieces[-1]), []
        for name, there in (("total_chunk_count", chunks), ("total_row_count", rows)):
            if (told := self._manifest.get(name)) is not None and told != there:
                raise self._broken(f"its manifest says {name} {told}, and {there} came")

    def _next(self, piece: Json) -> str | None:
        """Return where the chunk after this one is: Databricks' own link says at which row it begins."""
        link, index = piece.get("next_chunk_internal_link"), piece.get("next_chunk_index")
        if isinstance(link, str) and link.startswith(f"{self._statement}/result/chunks/"):
            return link
        return None if index is None else f"{self._statement}/result/chunks/{int(index)}"

    def _read(self, index: int, piece: Json, path: str) -> list[Any]:
        error: Exception | None = None
        for attempt in range(ATTEMPTS):
            if attempt:
                piece = next((p for p in _pieces(self._again(path)) if p.get("chunk_index", index) == index), {})
            try:
                return batches_of(self._content(piece))
            except (requests.RequestException, ValueError, KeyError) as failed:
                error = failed
        # a link is a secret for as long as it lasts, and errors quote it
        raise self._broken(f"chunk {index} could not be fetched: {type(error).__name__}")

    def _content(self, piece: Json) -> bytes:
        if "attachment" in piece:
            try:
                return base64.b64decode(piece["attachment"], validate=True)
            except binascii.Error as error:
                raise ValueError("no base64") from error
        with requests.Session() as session:
            # no Authorization, not even out of a .netrc: the link carries its own, and storage refuses two
            session.auth = _unauthorised
            headers = {str(n): str(v) for n, v in (piece.get("http_headers") or {}).items()}
            answer = session.get(
                piece["external_link"], headers=headers, timeout=self._timeout_seconds, allow_redirects=False
            )
            if answer.status_code != 200:
                raise requests.HTTPError(f"status {answer.status_code}")
            return answer.content

    def _again(self, path: str) -> Json:
        try:
            return self._client.get(path, dict, what=self._what)
        except PlatformError as error:
            if error.missing:
                raise GoneError(str(error), permanent=False) from error
            raise

    def _broken(self, words: str) -> PlatformError:
        return PlatformError(f"could not {self._what}: the answer is incomplete: {words}", permanent=False)


def _pieces(result: Json) -> list[Json]:
    """Return the chunks that an answer holds or links to: small ones may come with it."""
    return [result] if "attachment" in result else list(result.get("external_links") or [])


def _unauthorised(request: requests.PreparedRequest) -> requests.PreparedRequest:
    return request
