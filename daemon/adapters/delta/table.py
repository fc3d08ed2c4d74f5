"""One Delta table that stays open, and the translation of what goes wrong with it."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import deltalake
from deltalake.exceptions import DeltaProtocolError, TableNotFoundError

from daemon.adapters.tables.dialect import DATAFUSION, Dialect, Question
from daemon.adapters.tables.duck import asked
from daemon.adapters.tables.engine import QuestionError
from daemon.ports import PlatformError

SESSION = {
    # one thread a question: the loops ask side by side, and memory grows with every partition
    "datafusion.execution.target_partitions": "1",
    # payloads are read only of the rows that the cheap columns have chosen
    "datafusion.execution.parquet.pushdown_filters": "true",
    "datafusion.execution.parquet.reorder_filters": "true",
}
REFUSALS = ("Error during planning", "Schema error", "SQL error", "This feature is not implemented", "Arrow error")
"""How the engine begins where it is the question that is wrong, and not the reading."""
REFUSED = re.compile(r"permission denied|access ?denied|forbidden|unauthori[sz]ed|\b40[13]\b", re.IGNORECASE)
READING = re.compile(r"^Invalid Input Error: reading the stream registered as '\w+' failed: ")
"""What DuckDB puts before the words of the engine."""
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
STORAGE = re.compile(r"<Code>([^<]+)</Code>\s*<Message>([^<\n]+)")
"""How object storage says why, in XML."""
QUERY_STRING = re.compile(r"\?\S+")


class DeltaTable:
    """Opened at the first call and brought up to date before each reading; opened anew after a failure."""

    dialect: Dialect = DATAFUSION
    name = "t"

    def __init__(self, uri: str, storage_options: Mapping[str, str] | None = None) -> None:
        self.uri = uri
        self._options = dict(storage_options) if storage_options else None
        self._open: Any = None

    def refresh(self) -> int:
        """Take in what was written since the last call, and return the version."""
        with self._translated():
            if self._open is None:
                place, options = self._place()
                self._open = deltalake.DeltaTable(place, storage_options=options)
            else:
                self._open.update_incremental()
            return int(self._open.version())

    def fields(self) -> dict[str, str]:
        """Return the columns and their types as Delta names them, as of the last refresh."""
        with self._translated():
            return {field.name: str(getattr(field.type, "type", field.type)) for field in self._open.schema().fields}

    def query(self, question: Question) -> Any:
        """Return an Arrow table with the answer, as of the last refresh."""
        with self._translated():
            return _fetched(self._execute(question.sql))

    def stream(self) -> Any:
        """Return all rows as an Arrow stream that is read once, batch by batch."""
        self.refresh()
        with self._translated():
            return self._execute(f"SELECT * FROM {self.name}")

    def _place(self) -> tuple[str, dict[str, str] | None]:
        """Return the URI to open, and with which storage options."""
        return self.uri, self._options

    def _execute(self, sql: str) -> Any:
        return deltalake.QueryBuilder(SESSION).register(self.name, self._open).execute(sql)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except PlatformError:
            raise
        except Exception as error:
            self._open = None
            raise _explained(error, self.uri) from error
        except BaseException as error:
            # what panics in Rust is no Exception in Python, and must not end the loop that asked
            if type(error).__name__ != "PanicException":
                raise
            self._open = None
            raise _explained(error, self.uri) from error


def _fetched(stream: Any) -> Any:
    """Read a stream to its end without holding the interpreter.

    The stream's own `read_all` keeps every other thread of the daemon waiting for as long as the storage takes: no
    listener would answer, and no watchdog be told. DuckDB reads the same stream and lets them run.
    """
    return asked(stream, "stream", "SELECT * FROM stream")


def _explained(error: BaseException, uri: str) -> PlatformError:
    # a signed URL in a message would put its signature into the log
    said = QUERY_STRING.sub("?…", COLOURS.sub("", READING.sub("", str(error)))).strip()
    lines = [line.strip() for line in said.splitlines() if line.strip()] or [type(error).__name__]
    if isinstance(error, TableNotFoundError) and "Unknown scheme" in said:
        return PlatformError(f"{uri}: no storage of this kind is known; check the table's URI", permanent=True)
    if isinstance(error, TableNotFoundError) or "Path does not exist" in said:
        sentence = f"{uri} is no Delta table: check `table`, or wait for the first request to be logged"
        return PlatformError(f"{sentence} ({lines[0]})", permanent=False, missing=True)
    if REFUSED.search(said):
        sentence = f"{uri} may not be read: give the daemon's user or service principal access"
        told = STORAGE.search(said)
        return PlatformError(f"{sentence} ({': '.join(told.groups()) if told else lines[-1]})", permanent=True)
    if isinstance(error, DeltaProtocolError):
        return PlatformError(f"{uri} needs a newer reader of Delta tables: {lines[0]}", permanent=True)
    sentence = f"{uri} cannot be read now: {'; '.join(lines[:2])}"
    if said.startswith(REFUSALS):
        return QuestionError(sentence, permanent=False, said=lines[0])
    return PlatformError(sentence, permanent=False)
