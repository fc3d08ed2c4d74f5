"""One statement after the other: sent, awaited, fetched; and cancelled where it is given up."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from itertools import chain
from typing import Any

from daemon.adapters.databricks.client import DatabricksClient, Json
from daemon.adapters.tables.dialect import Question
from daemon.adapters.tables.engine import QuestionError
from daemon.adapters.warehouse.arrow import empty, stream, table
from daemon.adapters.warehouse.chunks import Chunks, GoneError
from daemon.config.settings import Workspace
from daemon.ports import PlatformError

PATH = "/api/2.0/sql/statements"
LONGEST_WAIT_SECONDS, SHORTEST_WAIT_SECONDS = 30, 5
"""How long the first answer may be waited for; Databricks takes 5 to 50, and the request must not time out before."""
PAUSES_SECONDS = (0.5, 1.0, 2.0, 5.0)
"""Between two looks at a statement under way; the last one stays."""
FINAL = frozenset({"SUCCEEDED", "FAILED", "CANCELED", "CLOSED"})
TRANSIENT = frozenset(
    {
        "ABORTED",
        "CANCELLED",
        "DEADLINE_EXCEEDED",
        "INTERNAL_ERROR",
        "IO_ERROR",
        "RESOURCE_EXHAUSTED",
        "SERVICE_UNDER_MAINTENANCE",
        "TEMPORARILY_UNAVAILABLE",
        "UNKNOWN",
        "WORKSPACE_TEMPORARILY_UNAVAILABLE",
    }
)
"""Codes of failures that have nothing to do with the statement. With any other it would fail again."""
MISSING = ("[TABLE_OR_VIEW_NOT_FOUND", "[SCHEMA_NOT_FOUND")
LONGEST = 400


class Statements:
    """Sends SELECTs to one warehouse. Each call is waited for by the thread that makes it."""

    def __init__(
        self,
        client: DatabricksClient,
        settings: Workspace,
        *,
        disposition: str = "EXTERNAL_LINKS",
        pauses: tuple[float, ...] = PAUSES_SECONDS,
    ) -> None:
        self._client = client
        self._warehouse_id = settings.warehouse_id or os.environ.get("DATABRICKS_WAREHOUSE_ID", "")
        self._patience = settings.statement_timeout
        self._timeout_seconds = settings.timeout.total_seconds()
        self._disposition, self._pauses = disposition, pauses

    def table(self, question: Question, *, what: str) -> Any:
        """Return the whole answer, as an Arrow table."""
        try:
            return self._table(question, what)
        except GoneError:
            # the result was thrown away before it was fetched: to ask anew is the only way to it
            return self._table(question, what)

    def rows(self, question: Question, *, what: str) -> Any:
        """Return the answer as an Arrow stream that is read once: one chunk is in memory at a time."""
        manifest, batches = self._answer(question, what)
        first = next(batches, None)
        return empty(manifest) if first is None else stream(first.schema, chain([first], batches))

    def _table(self, question: Question, what: str) -> Any:
        manifest, batches = self._answer(question, what)
        fetched = list(batches)
        return table(fetched) if fetched else empty(manifest).read_all()

    def _answer(self, question: Question, what: str) -> tuple[Json, Iterator[Any]]:
        sent = self._client.ask(PATH, self._body(question), dict, what=what)
        statement_id = _id(sent, what)
        with self._given_up(statement_id):
            shown = self._ended(statement_id, sent, what)
        status = shown.get("status") or {}
        if status["state"] == "CLOSED":
            raise GoneError(f"could not {what}: the answer was thrown away before it was fetched", permanent=False)
        if status["state"] != "SUCCEEDED":
            raise _failure(status, what)
        return shown.get("manifest") or {}, self._fetched(statement_id, shown, what)

    def _fetched(self, statement_id: str, shown: Json, what: str) -> Iterator[Any]:
        manifest, path = shown.get("manifest") or {}, f"{PATH}/{statement_id}"
        with self._given_up(statement_id):
            if manifest.get("truncated"):
                raise PlatformError(f"could not {what}: the answer was cut off", permanent=False)
            chunks = Chunks(self._client, path, manifest, timeout_seconds=self._timeout_seconds, what=what)
            yield from chunks.batches(shown.get("result") or {})

    @contextmanager
    def _given_up(self, statement_id: str) -> Iterator[None]:
        """Cancel the statement where what is within fails or is broken off."""
        try:
            yield
        except BaseException:
            # what cannot be cancelled ends by itself: the error that led here is the one to be told
            with suppress(PlatformError):
                self._client.ask(f"{PATH}/{statement_id}/cancel", {}, dict, what="cancel a statement")
            raise

    def _body(self, question: Question) -> Json:
        if not question.sql.lstrip().startswith(("SELECT", "WITH")):
            raise ValueError("only what reads is sent to a warehouse")
        wait = max(SHORTEST_WAIT_SECONDS, min(LONGEST_WAIT_SECONDS, round(self._timeout_seconds / 2)))
        return {
            "warehouse_id": self._warehouse_id,
            "statement": question.sql,
            "parameters": [{"name": n, "value": v, "type": "STRING"} for n, v in question.parameters.items()],
            "disposition": self._disposition,
            "format": "ARROW_STREAM",
            # a request that is given up before the answer comes would leave a statement behind that nobody knows
            "wait_timeout": f"{wait if wait < self._timeout_seconds else 0}s",
            "on_wait_timeout": "CONTINUE",
        }

    def _ended(self, statement_id: str, shown: Json, what: str) -> Json:
        """Look until the statement has ended. What Databricks calls by a name that we do not know has not."""
        deadline = time.monotonic() + self._patience.total_seconds()
        pauses = chain(self._pauses, _forever(self._pauses[-1]))
        while (state := str((shown.get("status") or {}).get("state"))) not in FINAL:
            if time.monotonic() >= deadline:
                raise PlatformError(f"could not {what}: {self._too_long(state)}", permanent=False)
            time.sleep(next(pauses))
            shown = self._client.get(f"{PATH}/{statement_id}", dict, what=what)
        return shown

    def _too_long(self, state: str) -> str:
        words = f"the statement is {state} after {_words(self._patience)} (workspace.statement_timeout)"
        with suppress(PlatformError):
            path = f"/api/2.0/sql/warehouses/{self._warehouse_id}"
            awake = self._client.get(path, lambda shown: shown.get("state"), what="look at the warehouse")
            words += f", and warehouse {self._warehouse_id} is {awake}"
        return words


def _forever(pause: float) -> Iterator[float]:
    while True:
        yield pause


def _id(sent: Json, what: str) -> str:
    statement_id = sent.get("statement_id")
    if not isinstance(statement_id, str) or not statement_id.replace("-", "").isalnum():
        raise PlatformError(f"could not {what}: something else than Databricks may have answered", permanent=False)
    return statement_id


def _failure(status: Json, what: str) -> PlatformError:
    error = status.get("error") or {}
    code = str(error.get("error_code") or status["state"])
    said = str(error.get("message") or "no reason is given").strip().partition("\n")[0][:LONGEST]
    sentence = f"could not {what}: {code}: {said}"
    if status["state"] == "CANCELED" or code in TRANSIENT:
        return PlatformError(sentence, permanent=False)
    if said.startswith(MISSING):
        return PlatformError(sentence, permanent=False, missing=True)
    return QuestionError(sentence, permanent=True, said=said)


def _words(duration: timedelta) -> str:
    return f"{duration.total_seconds():g} s"
